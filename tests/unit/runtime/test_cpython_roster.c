/* test_cpython_roster.c: names and pools of threads, in every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_threads.h"

static struct fake_threads t;
static struct cpython_roster roster;

static int read_roster(void)
{
	cpython_reader_begin(&t.f->rd);
	return cpython_roster_read(&t.f->rd, &roster, t.interp, 5);
}

static const struct cpython_member *member(int i)
{
	const struct cpython_member *m = cpython_roster_find(&roster, FAKE_THREAD(i));

	assert_non_null(m);
	assert_int_equal(m->id, 100 + i);
	return m;
}

static void check_names(void)
{
	assert_int_equal(read_roster(), 0);
	assert_int_equal(roster.members.count, FAKE_THREADS);
	assert_int_equal(roster.at, 5);
	assert_string_equal(member(FAKE_OWN)->name, "MainThread");
	assert_string_equal(member(FAKE_WORKER_2)->name, "renamed");
	assert_string_equal(member(FAKE_NATIVE)->name, "");
	assert_int_equal(member(FAKE_OWN)->job, JOB_NONE);
	assert_null(cpython_roster_find(&roster, FAKE_THREAD(99)));
}

static void check_pools(void)
{
	const struct cpython_member *m;

	assert_int_equal(read_roster(), 0);
	m = member(FAKE_WORKER_2);
	assert_int_equal(m->job, JOB_EXECUTOR);
	assert_string_equal(m->pool_name, "crew");
	assert_int_equal(m->max, 6);
	assert_int_equal(m->pool, t.jobs);
	assert_int_equal(m->queue, t.jobs);
	assert_int_equal(m->wait_code, t.worker);
	m = member(FAKE_POOL);
	assert_int_equal(m->job, JOB_POOL);
	assert_int_equal(m->pool, t.pool_jobs);
	assert_int_equal(m->max, 0);
	assert_int_equal(m->wait_code, t.pool_worker);
	m = member(FAKE_ANYIO);
	assert_int_equal(m->job, JOB_ANYIO);
	assert_int_equal(m->pool, t.anyio_workers);
	assert_int_equal(m->wait_code, t.queue_get);
	assert_int_equal(m->wait_self, t.anyio_queue);
}

/* An executor that was forgotten: its workers still tell their queue, and the pool's name by
 * theirs.
 */
static void check_forgotten(void)
{
	const struct cpython_member *m;

	fake_put(t.f, t.executor + CPYTHON_OB_TYPE, t.f->none);
	assert_int_equal(read_roster(), 0);
	m = member(FAKE_WORKER);
	assert_int_equal(m->job, JOB_EXECUTOR);
	assert_string_equal(m->pool_name, "crew");
	assert_int_equal(m->pool, t.jobs);
	assert_int_equal(m->max, 0);
}

/* Garbage in one thread's place costs that thread its name; a gone process is said. */
static void check_damaged(void)
{
	fake_put(t.f, t.threads[FAKE_OWN] + CPYTHON_OB_TYPE, 8);
	fake_put(t.f, t.jobs + CPYTHON_OB_TYPE, t.f->set);
	assert_int_equal(read_roster(), 0);
	assert_string_equal(member(FAKE_OWN)->name, "");
	assert_int_equal(member(FAKE_WORKER)->queue, 0);
	assert_string_equal(member(FAKE_POOL)->name, "Thread-1");
	fake_put(t.f, t.active + CPYTHON_OB_TYPE, t.f->list);
	assert_int_equal(read_roster(), -EPROTO);
	assert_string_equal(member(FAKE_POOL)->name, "Thread-1"); /* as it was */
	t.f->gone = true;
	assert_int_equal(read_roster(), -ESRCH);
}

/* A module that has no functions yet is looked at again; all others only when one more comes. */
static void check_importing(void)
{
	uint64_t dict, before;

	assert_int_equal(cpython_module(&t.f->rd, t.interp, "concurrent.futures.thread", &dict), 0);
	fake_put(t.f, dict + CPYTHON_OB_TYPE, t.f->none);
	assert_int_equal(read_roster(), 0);
	assert_int_equal(member(FAKE_WORKER)->job, JOB_NONE);
	fake_put(t.f, dict + CPYTHON_OB_TYPE, t.f->dict);
	assert_int_equal(read_roster(), 0);
	assert_int_equal(member(FAKE_WORKER)->job, JOB_EXECUTOR);
	fake_put(t.f, dict + CPYTHON_OB_TYPE, t.f->none);
	assert_int_equal(read_roster(), 0);
	assert_int_equal(member(FAKE_WORKER)->job, JOB_EXECUTOR);
	memcpy(&dict, fake_at(t.f, t.interp + t.f->l.interp_modules), sizeof(dict));
	memcpy(&before, fake_at(t.f, dict + CPYTHON_DICT_USED), sizeof(before));
	fake_put(t.f, dict + CPYTHON_DICT_USED, before + 1);
	assert_int_equal(read_roster(), 0);
	assert_int_equal(member(FAKE_WORKER)->job, JOB_NONE);
}

/* A list of threads that comes back to itself ends, as does one that leads elsewhere. */
static void check_cycle(void)
{
	fake_put(t.f, t.states[0] + t.f->o.state_next, t.states[FAKE_THREADS - 1]);
	assert_int_equal(read_roster(), 0);
	assert_int_equal(roster.members.count, ROSTER_THREADS_MAX);
	fake_put(t.f, t.states[3] + t.f->o.state_next, t.f->None);
	assert_int_equal(read_roster(), 0);
	assert_int_equal(roster.members.count, 3);
	fake_put(t.f, t.states[3] + t.f->o.state_next, 1ull << 60);
	assert_int_equal(read_roster(), 0);
	assert_int_equal(roster.members.count, 3);
}

static void over_versions(void (*check)(void))
{
	uint32_t minor;

	for (minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		fake_threads_init(&t, minor);
		check();
		cpython_roster_release(&roster);
		memset(&roster, 0, sizeof(roster));
		fake_threads_release(&t);
	}
}

#define OVER_VERSIONS(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		over_versions(check_##name); \
	}
OVER_VERSIONS(names)
OVER_VERSIONS(pools)
OVER_VERSIONS(forgotten)
OVER_VERSIONS(damaged)
OVER_VERSIONS(importing)
OVER_VERSIONS(cycle)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_pools),
		cmocka_unit_test(test_forgotten), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_importing), cmocka_unit_test(test_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
