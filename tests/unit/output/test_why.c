/* test_why.c: causes in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "output/words.h"

#define TARGET(...) \
	{ \
		.fd = -1, .path = "", .local = "", .peer = "", .comm = "", .text = "", __VA_ARGS__ \
	}
#define WHY(k, call, ...) \
	((struct why){ \
		.klass = CLASS_##k, .share = 1, .syscall = call, .target = TARGET(__VA_ARGS__) })
#pragma GCC diagnostic ignored "-Woverride-init" /* the defaults of TARGET */

static void assert_words(struct why why, const char *expected)
{
	cleanup(str_releasep) struct str s = { 0 };

	assert_int_equal(why_share_words(&s, &why), 0);
	assert_string_equal(str_text(&s), expected);
}

/* Each class has a phrase that needs no glossary. */
static void every_class_has_words(void **state)
{
	(void)state;
	assert_words(WHY(CPU, "", .fd = -1), "on CPU");
	assert_words(WHY(RUNQUEUE, "", .fd = -1), "waits for a CPU (run queue)");
	assert_words(WHY(QUOTA, "", .fd = -1), "CPU quota of its cgroup used up");
	assert_words(WHY(GIL, "futex", .fd = -1), "waits for the GIL");
	assert_words(WHY(LOCK, "futex", .fd = -1), "waits for a lock (futex)");
	assert_words(WHY(LOCK, "", .fd = -1), "waits for a lock (futex)");
	assert_words(WHY(LOCK, "futex", .kind = TARGET_FUTEX, .text = "futex 0x7f10"),
		     "waits for a lock (futex)");
	assert_words(WHY(LOCK, "futex", .kind = TARGET_FUTEX, .text = "queue.Queue.get"),
		     "waits in queue.Queue.get (lock)");
	assert_words(WHY(FAULT, "", .path = "/a/b"), "page fault on /a/b");
	assert_words(WHY(FAULT, "", .fd = -1), "page fault");
	assert_words(WHY(STOPPED, "", .fd = -1), "stopped by a signal");
	assert_words(WHY(UNEXPLAINED, "", .fd = -1), "not explained");
}

/* A wait names its object, and the call that waited. */
static void waits_name_their_object(void **state)
{
	(void)state;
	assert_words(WHY(SYSCALL, "recvfrom", .kind = TARGET_TCP, .text = "tcp 10.0.0.7:5432"),
		     "waits on tcp 10.0.0.7:5432 (recvfrom)");
	assert_words(WHY(SYSCALL, "poll", .kind = TARGET_TCP, .text = "tcp 1.2.3.4:5 +2 more",
			 .fd_count = 3),
		     "waits on tcp 1.2.3.4:5 +2 more (poll)");
	assert_words(WHY(SYSCALL, "poll", .kind = TARGET_PIPE, .fd_count = 3),
		     "waits on pipe +2 more (poll)");
	assert_words(WHY(SYSCALL, "clock_nanosleep", .kind = TARGET_SLEEP, .asked_ns = 300000000),
		     "sleeps 300ms (clock_nanosleep)");
	assert_words(WHY(SYSCALL, "wait4", .kind = TARGET_CHILD, .text = "child sleep[4711]"),
		     "waits for child sleep[4711] (wait4)");
	assert_words(WHY(SYSCALL, "fsync", .kind = TARGET_FILE, .path = "/a/b", .text = "file b"),
		     "waits on file /a/b (fsync)");
	assert_words(WHY(SYSCALL, "msync", .fd = -1), "waits in msync");
	assert_words(WHY(SYSCALL, "", .fd = -1), "waits in a system call");
	assert_words(WHY(SYSCALL, "ioctl", .kind = TARGET_DEVICE), "waits on device (ioctl)");
}

/* A long path keeps its end, from a slash on. */
static void long_paths_keep_their_end(void **state)
{
	(void)state;
	assert_words(WHY(FAULT, "",
			 .path = "/srv/some/very/very/long/way/to/the/folder/of/the/index.bin"),
		     "page fault on ../long/way/to/the/folder/of/the/index.bin");
	assert_words(WHY(FAULT, "",
			 .path = "/0123456789012345678901234567890123456789012345678901234567890"),
		     "page fault on 012345678901234567890123456789012345678901..");
}

/* The share is said when the class is not nearly all of the stall. */
static void share_below_95_percent_is_said(void **state)
{
	struct why why = WHY(CPU, "", .fd = -1);

	(void)state;
	why.share = 0.949;
	assert_words(why, "95% on CPU");
	why.share = 0.71;
	assert_words(why, "71% on CPU");
	why.share = 0.95;
	assert_words(why, "on CPU");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_class_has_words),
		cmocka_unit_test(waits_name_their_object),
		cmocka_unit_test(long_paths_keep_their_end),
		cmocka_unit_test(share_below_95_percent_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
