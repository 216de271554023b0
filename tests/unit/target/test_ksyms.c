/* test_ksyms.c: kernel names from a recorded kallsyms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/ksyms.h"

static int open_text(const char *text, struct ksyms **ret)
{
	char path[] = "/tmp/ksyms-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = ksyms_open(path, ret);
	unlink(path);
	return r;
}

/* Text symbols are found in any order of the file; data, holes and what lies before are not. */
static void test_find(void **state)
{
	struct ksyms *k;

	(void)state;
	assert_int_equal(open_text("ffffffff81002000 T do_poll\n"
				   "ffffffff81000000 t schedule\n"
				   "ffffffff81001000 D jiffies\n"
				   "ffffffff81003000 t ext4_sync_file\t[ext4]\n"
				   "ffffffff81003000 t alias_of_it\n"
				   "garbage\n",
				   &k),
			 0);
	assert_int_equal(ksyms_count(k), 4);
	assert_string_equal(ksyms_find(k, 0xffffffff81000000), "schedule");
	assert_string_equal(ksyms_find(k, 0xffffffff81001fff), "schedule");
	assert_string_equal(ksyms_find(k, 0xffffffff81002001), "do_poll");
	assert_string_equal(ksyms_find(k, 0xffffffff81003010), "ext4_sync_file");
	assert_null(ksyms_find(k, 0xffffffff80ffffff));
	assert_null(ksyms_find(k, 0xffffffff81013001));
	assert_null(ksyms_find(NULL, 0xffffffff81000000));
	ksyms_close(k);
}

/* A kernel that hides its addresses gives no names rather than one name for everything. */
static void test_hidden(void **state)
{
	struct ksyms *k = NULL;

	(void)state;
	assert_int_equal(open_text("0000000000000000 T schedule\n0000000000000000 T do_poll\n", &k),
			 -ENODATA);
	assert_int_equal(ksyms_open("/nonexistent/kallsyms", &k), -ENOENT);
	assert_null(k);
	ksyms_close(NULL);
}

/* Tracing machinery is told from the scheduler and from system calls. */
static void test_probe(void **state)
{
	static const char *const probes[] = {
		"bpf_prog_1a2b3c4d5e6f7081_on_switch",
		"bpf_trace_run4",
		"__traceiter_sched_switch",
		"__bpf_trace_sched_switch",
		"perf_trace_sched_switch",
		"bpf_get_stack",
		"bpf_get_stackid",
	};
	static const char *const ours[] = {
		"__schedule",
		"schedule",
		"do_epoll_wait",
		"__x64_sys_bpf",
		"perf_event_task_sched_in",
		"futex_wait_queue",
		"bpf_prog_load",
		"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!ksym_is_probe(probes[i]))
			fail_msg("%s", probes[i]);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ksym_is_probe(ours[i]))
			fail_msg("%s", ours[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
