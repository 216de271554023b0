/* test_cpython_loop.c: the running loop, its depths and its task, in every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_asyncio.h"

static struct fake_asyncio a;
static struct runtime_loop now;

static int look(void)
{
	cpython_reader_begin(&a.f->rd);
	memset(&now, 0x55, sizeof(now));
	return cpython_loop_now(&a.loops, a.interp, a.state, &now);
}

static void check_whole(void)
{
	fake_tasks(&a, 1, &a.running);
	assert_int_equal(look(), 0);
	assert_int_equal(now.loop, a.loop);
	assert_int_equal(now.ready, 57);
	assert_int_equal(now.scheduled, 35);
	assert_int_equal(now.tasks, 1);
	assert_string_equal(now.task, "Task-7");
	assert_string_equal(now.coro, "Shop.serve");
	assert_string_equal(cpython_loop_kind(&a.f->rd, a.loop), "asyncio");
	assert_null(cpython_loop_kind(&a.f->rd, a.f->None));
}

/* No loop, and no task between two callbacks: known, and nothing. */
static void check_none(void)
{
	fake_run_task(&a, a.f->None);
	assert_int_equal(look(), 0);
	assert_string_equal(now.task, "");
	assert_string_equal(now.coro, "");
	fake_run_loop(&a, 0);
	assert_int_equal(look(), 0);
	assert_int_equal(now.loop, 0);
	assert_true(now.ready == UINT64_MAX && now.tasks == UINT64_MAX);
	fake_put(a.f, a.state + a.f->l.state_dict, 0);
	assert_int_equal(look(), 0);
	assert_int_equal(now.loop, 0);
}

/* What cannot be had is not known; the rest is right all the same. */
static void check_damaged(void)
{
	fake_put(a.f, a.ready + CPYTHON_OB_TYPE, a.f->set);
	assert_int_equal(look(), 0);
	assert_true(now.ready == UINT64_MAX);
	assert_int_equal(now.scheduled, 35);
	fake_put(a.f, a.scheduled + CPYTHON_OB_SIZE, 7); /* fewer than are cancelled */
	assert_int_equal(look(), 0);
	assert_true(now.scheduled == UINT64_MAX);
	fake_put(a.f, a.scheduled + CPYTHON_OB_SIZE, 1ull << 50);
	assert_int_equal(look(), 0);
	assert_true(now.scheduled == UINT64_MAX);
	fake_put(a.f, a.running + a.f->l.task_name, a.f->None);
	fake_put(a.f, a.running + a.f->l.task_coro, 0);
	assert_int_equal(look(), 0);
	assert_string_equal(now.task, "");
	assert_string_equal(now.coro, "");
	a.f->gone = true;
	assert_int_equal(look(), -ESRCH);
}

/* A task in Python has attributes; one of a loop that is not this thread's is not its running one.
 */
static void check_other_tasks(void)
{
	static const char *const attrs[] = { "_coro", "_name" };
	uint64_t values[2] = { fake_coroutine(a.f, "Pure.run"), fake_str(a.f, "pure") };

	fake_run_task(&a, fake_instance(a.f, "Task", 2, attrs, values));
	assert_int_equal(look(), 0);
	assert_string_equal(now.task, "pure");
	assert_string_equal(now.coro, "Pure.run");
	if (a.f->l.running == RUNNING_STATED)
		return;
	fake_put(a.f, a.current + CPYTHON_DICT_KEYS,
		 fake_keys(a.f, 1, &a.f->None, &a.running, true));
	assert_int_equal(look(), 0);
	assert_string_equal(now.task, "");
}

/* After a fork the child still has its parent's holder. */
static void test_forked(void **state)
{
	uint32_t minor;

	(void)state;
	for (minor = 8; minor <= 11; minor++) {
		fake_asyncio_init(&a, minor);
		a.loops.pid = FAKE_PID + 1;
		assert_int_equal(look(), 0);
		assert_int_equal(now.loop, 0);
		fake_asyncio_release(&a);
	}
}

/* 3.14 and later without the section that says where: not known, and no guess. */
static void test_not_stated(void **state)
{
	(void)state;
	fake_asyncio_init(&a, 14);
	a.f->l.running_loop = 0;
	assert_int_equal(look(), -ENODATA);
	fake_asyncio_release(&a);
}

/* uvloop's object is a C structure: its deque and its timers are found by their types. */
static void check_uvloop(void)
{
	uint64_t type = fake_type(a.f, "uvloop.loop.Loop", 1ull << 9, a.f->object);
	uint64_t mine = fake_type(a.f, "Loop", 1ull << 9, type), loop = fake_object(a.f, mine, 600);
	uint64_t handle = fake_type(a.f, "uvloop.loop.TimerHandle", 0, a.f->object);
	uint64_t timers[3], streams[2] = { a.f->None, a.f->set }, set;
	int i;

	for (i = 0; i < 3; i++)
		timers[i] = fake_object(a.f, handle, 64);
	set = fake_set(a.f, 3, timers);
	fake_put(a.f, loop + 88, 0x3ff0000000000001); /* no pointer */
	fake_put(a.f, loop + 96, fake_deque(a.f, 23));
	fake_put(a.f, loop + 104, fake_set(a.f, 2, streams));
	fake_put(a.f, loop + 208, set);
	fake_run_loop(&a, loop);
	assert_string_equal(cpython_loop_kind(&a.f->rd, loop), "uvloop");
	assert_int_equal(look(), 0);
	assert_int_equal(now.ready, 23);
	assert_int_equal(now.scheduled, 3);
	/* found once, it is known where they are, also when there are none */
	fake_put(a.f, loop + 208, fake_set(a.f, 0, NULL));
	assert_int_equal(look(), 0);
	assert_int_equal(now.scheduled, 0);
	a.loops.uvloop_timers = a.loops.uvloop_ready = 0;
	assert_int_equal(look(), 0);
	assert_int_equal(now.ready, 23);
	assert_true(now.scheduled == UINT64_MAX);
	fake_put(a.f, loop + 96, 0);
	assert_int_equal(look(), 0);
	assert_true(now.ready == UINT64_MAX);
}

static void over_versions(void (*check)(void))
{
	uint32_t minor;

	for (minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		fake_asyncio_init(&a, minor);
		check();
		fake_asyncio_release(&a);
	}
}

#define OVER_VERSIONS(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		over_versions(check_##name); \
	}
OVER_VERSIONS(whole)
OVER_VERSIONS(none)
OVER_VERSIONS(damaged)
OVER_VERSIONS(other_tasks)
OVER_VERSIONS(uvloop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	cmocka_unit_test(test_none),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_other_tasks),
		cmocka_unit_test(test_forked),	cmocka_unit_test(test_not_stated),
		cmocka_unit_test(test_uvloop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
