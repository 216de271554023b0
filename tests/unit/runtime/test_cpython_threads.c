/* test_cpython_threads.c: one thread now: its name while it is fresh, its pool, idle or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_threads.h"
#include "runtime/cpython_threads.h"

#define SECOND 1000000000ull

static struct fake_threads t;
static struct cpython_threads threads;
static struct runtime_thread now;

static int look_at(int i, uint64_t ns)
{
	cpython_reader_begin(&t.f->rd);
	memset(&now, 0x55, sizeof(now));
	return cpython_thread_now(&threads, t.interp, t.states[i], FAKE_THREAD(i), ns, &now);
}

static void check_idle(void)
{
	uint64_t wait = fake_frame(t.f, t.worker, 0, 0), run = t.f->None;

	fake_run(t.f, t.states[FAKE_WORKER], fake_shim(t.f, wait));
	assert_int_equal(look_at(FAKE_WORKER, SECOND), 0);
	assert_string_equal(now.name, "crew_0");
	assert_string_equal(now.pool_name, "crew");
	assert_string_equal(now.pool_kind, "ThreadPoolExecutor");
	assert_int_equal(now.pool, t.jobs);
	assert_int_equal(now.pool_max, 6);
	assert_int_equal(now.queued, 7);
	assert_true(now.idle);
	/* in a job, and in one that calls back into Python */
	fake_run(t.f, t.states[FAKE_WORKER], fake_frame(t.f, run, 0, wait));
	assert_int_equal(look_at(FAKE_WORKER, SECOND), 0);
	assert_false(now.idle);
	fake_run(t.f, t.states[FAKE_WORKER],
		 fake_frame(t.f, run, 0, fake_shim(t.f, fake_frame(t.f, run, 0, wait))));
	assert_int_equal(look_at(FAKE_WORKER, SECOND), 0);
	assert_false(now.idle);
	fake_run(t.f, t.states[FAKE_WORKER], 0);
	assert_int_equal(look_at(FAKE_WORKER, SECOND), 0);
	assert_false(now.idle);
	/* what cannot be read is not said to be busy */
	fake_run(t.f, t.states[FAKE_WORKER], 0x7fff00001000);
	assert_int_equal(look_at(FAKE_WORKER, SECOND), -ENODATA);
	fake_run(t.f, t.states[FAKE_POOL], fake_frame(t.f, t.pool_worker, 0, 0));
	assert_int_equal(look_at(FAKE_POOL, SECOND), 0);
	assert_string_equal(now.pool_kind, "ThreadPool");
	assert_int_equal(now.queued, 3);
	assert_true(now.idle);
}

/* anyio's wait in their own queue; a job that waits in another one works. */
static void check_anyio(void)
{
	uint64_t run = fake_frame(t.f, t.f->None, 0, 0);
	uint64_t get = fake_frame(t.f, t.queue_get, t.anyio_queue, run);

	fake_run(t.f, t.states[FAKE_ANYIO], get);
	assert_int_equal(look_at(FAKE_ANYIO, SECOND), 0);
	assert_string_equal(now.pool_kind, "anyio");
	assert_true(now.idle);
	fake_run(t.f, t.states[FAKE_ANYIO], fake_frame(t.f, t.f->None, 0, get));
	assert_int_equal(look_at(FAKE_ANYIO, SECOND), 0);
	assert_true(now.idle);
	get = fake_frame(t.f, t.queue_get, t.f->None, run);
	fake_run(t.f, t.states[FAKE_ANYIO], fake_frame(t.f, t.f->None, 0, get));
	assert_int_equal(look_at(FAKE_ANYIO, SECOND), 0);
	assert_false(now.idle);
}

static void check_own(void)
{
	assert_int_equal(look_at(FAKE_OWN, SECOND), 0);
	assert_string_equal(now.name, "MainThread");
	assert_string_equal(now.pool_kind, "");
	assert_string_equal(now.pool_name, "");
	assert_true(!now.pool && !now.idle && !now.queued && !now.pool_max);
	assert_int_equal(look_at(FAKE_NATIVE, SECOND), 0);
	assert_string_equal(now.name, "");
	t.f->gone = true;
	assert_int_equal(look_at(FAKE_OWN, SECOND), -ESRCH);
}

/* A new name shows after a second, another thread in the same place at once; looks are cheap. */
static void check_fresh(void)
{
	uint64_t names[] = { fake_str(t.f, "MainThread") }, before;
	static const char *const attrs[] = { "_name" };
	uint64_t keys = fake_int(t.f, (int64_t)FAKE_THREAD(FAKE_OWN)), other;

	assert_int_equal(look_at(FAKE_OWN, SECOND), 0);
	names[0] = fake_str(t.f, "other");
	other = fake_instance(t.f, "Thread", 1, attrs, names);
	fake_put(t.f, t.active + CPYTHON_DICT_KEYS, fake_keys(t.f, 1, &keys, &other, true));
	before = t.f->rd.calls;
	assert_int_equal(look_at(FAKE_OWN, 2 * SECOND - 1), 0);
	assert_string_equal(now.name, "MainThread");
	assert_in_range(t.f->rd.calls - before, 1, 4);
	assert_int_equal(look_at(FAKE_OWN, 2 * SECOND), 0);
	assert_string_equal(now.name, "other");

	names[0] = fake_str(t.f, "third");
	other = fake_instance(t.f, "Thread", 1, attrs, names);
	fake_put(t.f, t.active + CPYTHON_DICT_KEYS, fake_keys(t.f, 1, &keys, &other, true));
	fake_put(t.f, t.states[FAKE_OWN] + t.f->l.state_id, 999);
	assert_int_equal(look_at(FAKE_OWN, 2 * SECOND + 1), 0);
	assert_string_equal(now.name, ""); /* searched a moment ago */
	assert_int_equal(look_at(FAKE_OWN, 2 * SECOND + CPYTHON_SEARCH_NS), 0);
	assert_string_equal(now.name, "third");
}

/* Workers that are asked together share one look at their queue. */
static void check_depth(void)
{
	uint64_t wait = fake_frame(t.f, t.worker, 0, 0), list;

	fake_run(t.f, t.states[FAKE_WORKER], wait);
	assert_int_equal(look_at(FAKE_WORKER, SECOND), 0);
	if (t.f->l.queue_ring) {
		fake_put(t.f, t.jobs + CPYTHON_QUEUE_COUNT, 11);
	} else {
		memcpy(&list, fake_at(t.f, t.jobs + CPYTHON_QUEUE_LIST), sizeof(list));
		fake_put(t.f, list + CPYTHON_OB_SIZE, 14);
	}
	assert_int_equal(look_at(FAKE_WORKER, SECOND + 1), 0);
	assert_int_equal(now.queued, 7);
	assert_int_equal(look_at(FAKE_WORKER, SECOND + CPYTHON_DEPTH_NS), 0);
	assert_int_equal(now.queued, 11);
	fake_put(t.f, t.jobs + CPYTHON_OB_TYPE, t.f->set);
	assert_int_equal(look_at(FAKE_WORKER, SECOND + 2 * CPYTHON_DEPTH_NS), -ENODATA);
}

static void over_versions(void (*check)(void))
{
	uint32_t minor;

	for (minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		fake_threads_init(&t, minor);
		threads = (struct cpython_threads){ .rd = &t.f->rd };
		check();
		cpython_threads_release(&threads);
		fake_threads_release(&t);
	}
}

#define OVER_VERSIONS(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		over_versions(check_##name); \
	}
OVER_VERSIONS(idle)
OVER_VERSIONS(anyio)
OVER_VERSIONS(own)
OVER_VERSIONS(fresh)
OVER_VERSIONS(depth)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),  cmocka_unit_test(test_anyio),
		cmocka_unit_test(test_own),   cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
