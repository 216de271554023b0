/* test_mmap_events.c: records of mappings, made up and from the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/clock.h"
#include "capture/mmap_events.h"

static size_t record(unsigned char *to, uint32_t type, const char *name)
{
	struct {
		struct perf_event_header header;
		uint32_t pid, tid;
		uint64_t addr, len, pgoff, device, ino, generation, prot;
	} r = { .header.type = type, .pid = 23, .tid = 29, .addr = 0x7000, .len = 0x3000 };
	uint64_t ts = 1009;
	size_t name_len = (strlen(name) + 8) & ~7ul;

	r.header.size = sizeof(r) + name_len + sizeof(ts);
	memcpy(to, &r, sizeof(r));
	memset(to + sizeof(r), 0, name_len);
	strcpy((char *)to + sizeof(r), name);
	memcpy(to + sizeof(r) + name_len, &ts, sizeof(ts));
	return r.header.size;
}

/* What a record says; short ones and those of other kinds say nothing. */
static void test_parse(void **state)
{
	unsigned char bytes[512];
	struct mmap_event e;
	size_t len = record(bytes, PERF_RECORD_MMAP2, "/usr/lib/x.so");

	(void)state;
	assert_true(mmap_record_parse(bytes, len, &e));
	assert_int_equal(e.tgid, 23);
	assert_int_equal(e.start, 0x7000);
	assert_int_equal(e.end, 0xa000);
	assert_int_equal(e.ts, 1009);
	assert_true(e.file);
	for (size_t cut = 0; cut < 80; cut++)
		assert_false(mmap_record_parse(bytes, cut, &e));
	len = record(bytes, PERF_RECORD_MMAP2, "//anon");
	assert_true(mmap_record_parse(bytes, len, &e));
	assert_false(e.file);
	len = record(bytes, PERF_RECORD_MMAP2, "[vdso]");
	assert_true(mmap_record_parse(bytes, len, &e));
	assert_false(e.file);
	len = record(bytes, PERF_RECORD_COMM, "/usr/lib/x.so");
	assert_false(mmap_record_parse(bytes, len, &e));
}

struct seen {
	uint64_t start;
	unsigned int count, others;
	struct mmap_event last;
};

static void put(void *ctx, const struct mmap_event *event)
{
	struct seen *s = ctx;

	if (event->tgid != (uint32_t)getpid()) {
		s->others++;
		return;
	}
	if (event->start != s->start)
		return;
	s->count++;
	s->last = *event;
}

/* Code that we map ourselves is told, also when it becomes code later; data is not. */
static void test_live(void **state)
{
	struct mmap_events *e;
	struct seen s = { 0 };
	struct pollfd ready = { .events = POLLIN };
	uint64_t before = now_ns();
	int r = mmap_events_open(MMAP_EVENTS_ONLINE, &e);
	void *p;

	(void)state;
	if (r < 0) {
		print_message("SKIP perf events are refused: %s\n", strerror(-r));
		return;
	}
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s.start = (uintptr_t)p;
	assert_false(mmap_events_read(e, put, &s));
	assert_int_equal(s.count, 0);
	assert_int_equal(mprotect(p, 8192, PROT_READ | PROT_EXEC), 0);
	ready.fd = mmap_events_fd(e);
	assert_int_equal(poll(&ready, 1, 5000), 1);
	assert_false(mmap_events_read(e, put, &s));
	assert_int_equal(s.count, 1);
	assert_int_equal(s.last.end, s.start + 8192);
	assert_false(s.last.file);
	assert_in_range(s.last.ts, before, now_ns());
	munmap(p, 8192);
	mmap_events_close(e);
	mmap_events_close(NULL);
}

/* More than the buffer holds: the read says so, and goes on after it; records wrap. */
static void test_flood(void **state)
{
	struct mmap_events *e;
	struct seen s = { 0 };
	bool lost = false;
	int r = mmap_events_open(MMAP_EVENTS_ONLINE, &e);

	(void)state;
	if (r < 0) {
		print_message("SKIP perf events are refused: %s\n", strerror(-r));
		return;
	}
	for (int turn = 0; turn < 3; turn++) {
		s.count = 0;
		for (int i = 0; i < (turn ? 151 : 4001); i++) {
			void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			s.start = (uintptr_t)p; /* the same one every time, more often than not */
			munmap(p, 4096);
		}
		lost |= mmap_events_read(e, put, &s);
		assert_true(s.count > 0);
	}
	/* The kernel tells of the loss with the next record that finds room. */
	assert_true(lost);
	mmap_events_close(e);
}

static void list(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* How many of code mapped on this processor are told. */
static unsigned int told(struct mmap_events *e, int cpu)
{
	struct seen s = { 0 };
	cpu_set_t set;
	void *p;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s.start = (uintptr_t)p;
	mmap_events_read(e, put, &s);
	munmap(p, 4096);
	return s.count;
}

/* A processor that comes later is listened to, also one that comes back. */
static void test_processors(void **state)
{
	char path[] = "/tmp/online-XXXXXX";
	int fd = mkstemp(path), r, cpu = 1;
	struct mmap_events *e;
	cpu_set_t before;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	list(path, "0\n");
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	r = CPU_ISSET(0, &before) && CPU_ISSET(cpu, &before) ? mmap_events_open(path, &e) : -ENODEV;
	if (r < 0) {
		print_message("SKIP %s\n", strerror(-r));
		unlink(path);
		return;
	}
	assert_int_equal(told(e, 0), 1);
	assert_int_equal(told(e, cpu), 0);
	assert_int_equal(mmap_events_follow(e), 0);
	for (int i = 0; i < 2; i++) {
		list(path, "0-1\n");
		assert_int_equal(mmap_events_follow(e), 1);
		assert_int_equal(told(e, 0), 1);
		assert_int_equal(told(e, cpu), 1);
		assert_int_equal(mmap_events_follow(e), 0);
		list(path, "0\n");
		assert_int_equal(mmap_events_follow(e), 0);
	}
	unlink(path); /* nobody says: all that there are */
	assert_in_range(mmap_events_follow(e), 1, libbpf_num_possible_cpus() - 1);
	assert_int_equal(mmap_events_follow(e), 0);
	assert_int_equal(told(e, cpu), 1);
	sched_setaffinity(0, sizeof(before), &before);
	mmap_events_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_processors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
