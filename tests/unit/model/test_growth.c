/* test_growth.c: threads and event loops that a process makes. */
#include "build.h"

static void give_count(struct bench *b, uint32_t tgid, uint64_t ts, uint32_t threads)
{
	put_u64(b, ts);
	put_u32(b, tgid);
	put_u32(b, threads);
	give(b, CHUNK_THREAD_COUNT);
}

static void give_made(struct bench *b, uint64_t stack, uint64_t count)
{
	put_u32(b, TGID);
	put_u64(b, stack);
	put_u64(b, count);
	give(b, CHUNK_THREAD_MADE);
}

static void put_looks(struct bench *b, uint64_t made, uint64_t alive, uint64_t alive_max)
{
	put_u32(b, TGID);
	put_u64(b, made);
	put_u64(b, alive);
	put_u64(b, alive_max);
	for (int i = 0; i < 3; i++)
		put_u64(b, 0);
	put_u32(b, 0);
	give(b, CHUNK_CHURN);
}

static void put_churn(struct bench *b, uint32_t tgid, uint64_t made, uint64_t lifetimes, uint32_t n)
{
	put_u32(b, tgid);
	put_u64(b, made);
	put_u64(b, 2);
	put_u64(b, 5);
	put_u64(b, lifetimes);
	put_u64(b, 1000);
	put_u64(b, 600);
	put_u32(b, n);
}

/* First, last and most; the list holds only changes. */
TEST(test_counts)
{
	const struct thread_growth *g;
	const struct profile *p;

	BENCH(b);
	give_meta(&b, META_START_MONO, "1000");
	give_meta(&b, META_START_REAL, "5000");
	give_count(&b, TGID, 1000, 12);
	give_count(&b, TGID, 1100, 12);
	give_count(&b, TGID, 1200, 131);
	give_count(&b, TGID, 1300, 120);
	give_count(&b, TGID + 1, 1300, 1);
	p = seal(&b);
	assert_int_equal(p->n_growth, 2);
	g = p->growth;
	assert_int_equal(g->first, 12);
	assert_int_equal(g->max, 131);
	assert_int_equal(g->last, 120);
	assert_int_equal(g->n_counts, 3);
	assert_int_equal(g->counts[1].wall_ns, 5200);
	assert_int_equal(g->counts[2].threads, 120);
	assert_int_equal(p->n_churn, 0);
	bench_close(&b);
}

/* Over the limit the newest count stands last. */
TEST(test_many_counts)
{
	const struct profile *p;

	BENCH(b);
	b.m->items_max = 2;
	for (uint32_t i = 0; i < 9; i++)
		give_count(&b, TGID, i, 10 + i);
	p = seal(&b);
	assert_int_equal(p->growth[0].n_counts, 2);
	assert_int_equal(p->growth[0].counts[0].threads, 10);
	assert_int_equal(p->growth[0].counts[1].threads, 18);
	assert_int_equal(p->growth[0].max, 18);
	assert_int_equal(lost_count(p, "items"), 7);
	bench_close(&b);
}

/* Counts are cumulative; what has no stack is one place, and the places come most first. */
TEST(test_made)
{
	const struct thread_growth *g;

	BENCH(b);
	give_python(&b, 7, "on_message", 50);
	give_made(&b, 0, 4);
	give_made(&b, 7, 100);
	give_made(&b, 99, 5);
	give_made(&b, 7, 240);
	give_made(&b, 8, 0);
	g = seal(&b)->growth;
	assert_int_equal(g->made, 249);
	assert_int_equal(g->n_stacks, 2);
	assert_int_equal(g->stacks[0].count, 240);
	assert_string_equal(g->stacks[0].at->fn, "on_message");
	assert_int_equal(g->stacks[1].stack, -1);
	assert_int_equal(g->stacks[1].count, 9);
	assert_null(g->stacks[1].at);
	bench_close(&b);
}

/* The last report of a process; a mean of nothing is nothing. */
TEST(test_churn)
{
	const struct profile *p;
	const struct churn *c;

	BENCH(b);
	give_python(&b, 7, "handle", 22);
	put_churn(&b, TGID + 1, 3, 0, 0);
	give(&b, CHUNK_CHURN);
	put_churn(&b, TGID, 1, 1, 0);
	give(&b, CHUNK_CHURN);
	put_churn(&b, TGID, 50, 4, 2);
	put_u64(&b, 99);
	put_u64(&b, 8);
	put_u64(&b, 7);
	put_u64(&b, 42);
	give(&b, CHUNK_CHURN);
	p = seal(&b);
	assert_int_equal(p->n_churn, 2);
	assert_int_equal(p->n_growth, 0);
	assert_int_equal(p->churn[0].lifetime_mean_ns, 0);
	c = &p->churn[1];
	assert_int_equal(c->made, 50);
	assert_int_equal(c->alive, 2);
	assert_int_equal(c->alive_max, 5);
	assert_int_equal(c->lifetimes, 4);
	assert_int_equal(c->lifetime_mean_ns, 250);
	assert_int_equal(c->lifetime_max_ns, 600);
	assert_string_equal(c->stacks[0].at->fn, "handle");
	assert_int_equal(c->stacks[1].count, 8);
	bench_close(&b);
}

static uint64_t most_of(void **state, uint64_t made, uint64_t alive, uint64_t alive_max)
{
	uint64_t most;

	BENCH(b);
	put_looks(&b, made, alive, alive_max);
	most = seal(&b)->churn[0].alive_max;
	bench_close(&b);
	return most;
}

/* A loop that lived between two looks was there all the same. */
TEST(test_between_looks)
{
	assert_int_equal(most_of(state, 50, 0, 0), 1);
	assert_int_equal(most_of(state, 50, 3, 2), 3);
	assert_int_equal(most_of(state, 50, 1, 7), 7);
}

/* Numbers that lie are bad, or stop at the largest there is. */
TEST(test_hostile)
{
	const struct profile *p;

	BENCH(b);
	give_made(&b, 98, UINT64_MAX);
	give_made(&b, 99, UINT64_MAX);
	put_churn(&b, TGID, 50, 4, UINT32_MAX);
	give(&b, CHUNK_CHURN);
	put_churn(&b, TGID, 50, 4, 1);
	put_u64(&b, 99);
	give(&b, CHUNK_CHURN);
	for (uint64_t i = 0; i < MODEL_LIST_MAX; i++)
		give_made(&b, 1000 + i, 1);
	p = seal(&b);
	assert_true(p->growth[0].made == UINT64_MAX);
	assert_int_equal(p->growth[0].n_stacks, 1);
	assert_int_equal(p->n_churn, 0);
	assert_int_equal(lost_count(p, "bad events"), 2);
	assert_int_equal(lost_count(p, "items"), 2);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),	      cmocka_unit_test(test_many_counts),
		cmocka_unit_test(test_made),	      cmocka_unit_test(test_churn),
		cmocka_unit_test(test_between_looks), cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
