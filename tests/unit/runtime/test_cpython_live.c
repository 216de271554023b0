/* test_cpython_live.c: live interpreters asked through the runtime's row, and what is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "fake_python.h"
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

/* A slot leads to the state of its own thread only: another one's is a thread that just began. */
static void test_slot(void **state)
{
	struct fake *f = fake_new(11);
	uint64_t pointer = fake_alloc(f, 1024), interp = fake_interp(f, 0, NULL, NULL);
	uint64_t thread = fake_state(f, interp, pointer, 5), got = 0, of = 0;
	struct cpython_live live = { .o = &f->o, .plan = { .slot_off = 0x318 }, .reader = f->rd };

	(void)state;
	assert_int_equal(cpython_live_begin(&live, pointer, &got, &of), -ENODATA);
	fake_put(f, pointer + 0x318, thread);
	assert_int_equal(cpython_live_begin(&live, pointer, &got, &of), 0);
	assert_int_equal(got, thread);
	assert_int_equal(of, interp);
	fake_put(f, thread + f->o.state_thread_id, pointer + 0x1000);
	assert_int_equal(cpython_live_begin(&live, pointer, &got, &of), -ENODATA);
	fake_put(f, pointer + 0x318, 1ull << 63);
	assert_int_equal(cpython_live_begin(&live, pointer, &got, &of), -ENODATA);
	f->gone = true;
	assert_int_equal(cpython_live_begin(&live, pointer, &got, &of), -ESRCH);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_python),
		cmocka_unit_test(test_no_row),
		cmocka_unit_test(test_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
