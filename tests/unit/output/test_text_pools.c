/* test_text_pools.c: how busy pools of threads were. */
#include "tests/unit/output/printed.h"

/* The text with that one pool; the caller frees it. */
static char *with_pool(const struct pool *pool, bool verbose)
{
	const struct writer_opts o = { .verbose = verbose };
	struct profile p = *fixture_find("healthy");

	p.pools = (struct pool *)pool;
	p.n_pools = 1;
	return printed("text", &p, &o);
}

/* How long it had no free worker, and what its workers waited in, most first. */
static void exhaustion_is_said(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("pools"), NULL);

	(void)state;
	assert_non_null(strstr(text,
			       "\n  asyncio  32 of 32 busy 4.1s of 10.0s, longest 2.2s, queue "
			       "up to 41, waited up to 3.1s  (looked at\n    every 25ms)\n"));
	assert_non_null(strstr(text,
			       "\n    up to 30 at once: waits on tcp 10.0.0.9:9000 (recvfrom) "
			       "at db.py:31 query\n    up to 2 at once: waits for the GIL"));
	assert_non_null(strstr(text, "\n  images  up to 3 of 4 busy, never seen exhausted"));
	assert_non_null(strstr(text, "and 1 more pool (-v shows them)"));
	assert_null(strstr(text, "unused"));
}

/* What was never busy shows on request only; without a name it has its kind. */
static void idle_pools_are_left_out(void **state)
{
	struct pool pool = { .name = "", .kind = "ThreadPoolExecutor", .threads = 1 };
	_cleanup_free_ char *brief = with_pool(&pool, false), *verbose = with_pool(&pool, true);

	(void)state;
	assert_null(strstr(brief, "THREAD POOLS"));
	assert_non_null(strstr(verbose, "\n  ThreadPoolExecutor  1 thread, never seen busy\n"));
}

/* One long exhaustion is said once, stacks that end alike are one place, and places are counted. */
static void nothing_is_said_twice(void **state)
{
	const struct profile *p = fixture_find("pools");
	struct thread_row rows[5];
	const struct thread_row *waits[5];
	struct frame at[5];
	struct pool pool = p->pools[0];
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		rows[i] = *p->pools[0].waits[0];
		rows[i].at_once = 3 + i;
		at[i] = *rows[i].at;
		at[i].line = i < 2 ? 31 : 40 + i;
		rows[i].at = rows[i].leaf = &at[i];
		waits[i] = &rows[i];
	}
	pool.exhausted_longest_ns = pool.exhausted_ns;
	pool.samples = 0;
	pool.queued_max = 0;
	pool.queue_wait_max_ns = 0;
	pool.busy_max = 6; /* as many at most, whatever the sums are */
	pool.waits = waits;
	pool.n_waits = COUNTOF(waits);
	text = with_pool(&pool, false);
	assert_non_null(strstr(text, "\n  asyncio  32 of 32 busy 4.1s of 10.0s\n"));
	assert_non_null(strstr(text,
			       "    up to 6 at once: waits on tcp 10.0.0.9:9000 (recvfrom) at "
			       "db.py:31 query\n    up to 5 at once: waits on tcp "
			       "10.0.0.9:9000 (recvfrom) at db.py:42 query\n"));
	assert_non_null(strstr(text, "    and 1 more places (-v shows them)\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exhaustion_is_said),
		cmocka_unit_test(idle_pools_are_left_out),
		cmocka_unit_test(nothing_is_said_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
