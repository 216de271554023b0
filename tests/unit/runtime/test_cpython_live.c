/* test_cpython_live.c: live interpreters asked through the runtime's row, and what is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "runtime/cpython_live.h"
#include "runtime/runtime.h"
#include "tests/support/python_truth.h"

static void check_python(const char *python)
{
	struct runtime_session *s = NULL;
	struct runtime_facts facts;
	struct runtime_thread thread;
	struct runtime_loop loop;
	struct process *p;
	struct truth t;
	size_t i, named = 0;

	assert_int_equal(truth_start(&t, python), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(runtime_cpython.attach(p, &facts, &s), 0);
	for (i = 0; i < t.frames.count; i++) {
		uint64_t pointer = t.frames.items[i].thread_pointer;

		assert_int_equal(runtime_cpython.thread_now(s, pointer, &thread), 0);
		assert_string_equal(thread.pool_kind, "");
		if (t.frames.items[i].tid == t.pid)
			assert_string_equal(thread.name, "MainThread");
		named += thread.name[0] != '\0';
	}
	assert_true(named > 0);
	/* addresses that are no thread's */
	assert_int_equal(runtime_cpython.thread_now(s, 0, &thread), -ENODATA);
	assert_int_equal(runtime_cpython.thread_now(s, UINT64_MAX, &thread), -ENODATA);
	assert_int_equal(runtime_cpython.thread_now(s, t.frames.items[0].thread_pointer + 8,
						    &thread),
			 -ENODATA);
	assert_int_equal(runtime_cpython.loop_now(s, facts.text_start, &loop), -ENODATA);
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	assert_int_equal(runtime_cpython.thread_now(s, t.frames.items[0].thread_pointer, &thread),
			 -ESRCH);
	assert_int_equal(runtime_cpython.loop_now(s, t.frames.items[0].thread_pointer, &loop),
			 -ESRCH);
	runtime_cpython.close(s);
	process_close(p);
	t.pid = 0;
	truth_stop(&t);
}

static void test_every_python(void **state)
{
	(void)state;
	assert_true(truth_each_python(check_python) >= 1);
}

/* A version without a row is refused before anything is read. */
static void test_no_row(void **state)
{
	struct cpython_offsets o = { .minor = 7 };
	struct walk_plan plan = { 0 };
	struct cpython_live *live = NULL;
	struct process *p;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(cpython_live_open(p, &o, &plan, 0, &live), -EPROTO);
	o.minor = 13;
	assert_int_equal(cpython_live_open(p, &o, &plan, 0, &live), -EFAULT);
	assert_null(live);
	assert_null(cpython_live_close(NULL));
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_python),
		cmocka_unit_test(test_no_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
