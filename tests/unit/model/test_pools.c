/* test_pools.c: pools of worker threads. */
#include "build.h"

static void put_pool(struct bench *b, uint32_t tgid, uint64_t id, const char *name,
		     uint64_t exhausted, uint32_t n)
{
	put_u32(b, tgid);
	put_u64(b, id);
	put_str(b, name);
	put_str(b, "ThreadPoolExecutor");
	put_u32(b, 4);
	put_u32(b, 6);
	put_u32(b, 8);
	put_u64(b, 1000 * MS);
	put_u64(b, 40);
	put_u64(b, exhausted);
	put_u64(b, exhausted / 2);
	put_u32(b, 5);
	put_u32(b, 41);
	put_u64(b, 310 * MS);
	put_u32(b, n);
}

static void give_pool(struct bench *b, uint32_t tgid, uint64_t id, const char *name,
		      uint64_t exhausted)
{
	put_pool(b, tgid, id, name, exhausted, 3);
	for (uint32_t i = 0; i < 3; i++) {
		put_u32(b, 5002 - i);
		put_u64(b, i == 2 ? 100 : 900);
	}
	give(b, CHUNK_POOL);
}

/* Every number is where it belongs; the busiest workers come first. */
TEST(test_fields)
{
	const struct pool *p;

	BENCH(b);
	give_pool(&b, TGID, 7, "asyncio", 620 * MS);
	p = seal(&b)->pools;
	assert_string_equal(p->name, "asyncio");
	assert_string_equal(p->kind, "ThreadPoolExecutor");
	assert_int_equal(p->threads, 4);
	assert_int_equal(p->threads_max, 6);
	assert_int_equal(p->max, 8);
	assert_int_equal(p->observed_ns, 1000 * MS);
	assert_int_equal(p->samples, 40);
	assert_int_equal(p->exhausted_ns, 620 * MS);
	assert_int_equal(p->exhausted_longest_ns, 310 * MS);
	assert_int_equal(p->busy_max, 5);
	assert_int_equal(p->queued_max, 41);
	assert_int_equal(p->queue_wait_max_ns, 310 * MS);
	assert_int_equal(p->n_workers, 3);
	assert_int_equal(p->workers[0].tid, 5001);
	assert_int_equal(p->workers[1].tid, 5002);
	assert_int_equal(p->workers[2].busy_ns, 100);
	bench_close(&b);
}

/* A later report replaces the one before; another process may have a pool of the same number. */
TEST(test_last_counts)
{
	const struct profile *p;

	BENCH(b);
	give_pool(&b, TGID, 7, "asyncio", 10);
	give_pool(&b, TGID + 1, 7, "theirs", 30);
	give_pool(&b, TGID, 8, "images", 30);
	give_pool(&b, TGID, 7, "asyncio", 20);
	p = seal(&b);
	assert_int_equal(p->n_pools, 3);
	assert_string_equal(p->pools[0].name, "images"); /* of the process that came first */
	assert_string_equal(p->pools[1].name, "theirs");
	assert_int_equal(p->pools[2].exhausted_ns, 20);
	assert_int_equal(p->pools[2].n_workers, 3);
	assert_int_equal(p->pools[2].workers[2].tid, 5000);
	assert_int_equal(pool_index(b.m, TGID, 7), 2);
	assert_int_equal(pool_index(b.m, TGID, 9), -1);
	bench_close(&b);
}

/* More workers than the chunk has bytes for, and a cut one: bad, and the report before stays. */
TEST(test_hostile)
{
	const struct profile *p;

	BENCH(b);
	give_pool(&b, TGID, 7, "a\xff", 10);
	put_pool(&b, TGID, 7, "b", 20, UINT32_MAX);
	give(&b, CHUNK_POOL);
	put_pool(&b, TGID, 7, "c", 20, 1);
	put_u32(&b, 5000);
	give(&b, CHUNK_POOL);
	for (uint32_t i = 0; i < MODEL_LIST_MAX; i++) {
		put_pool(&b, TGID, 100 + i, "many", 0, 0);
		give(&b, CHUNK_POOL);
	}
	p = seal(&b);
	assert_int_equal(p->n_pools, MODEL_LIST_MAX);
	assert_string_equal(p->pools[0].name, "a\\xff");
	assert_int_equal(lost_count(p, "bad events"), 2);
	assert_int_equal(lost_count(p, "items"), 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_last_counts),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
