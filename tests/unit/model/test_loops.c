/* test_loops.c: the figures of loops, their order, and which are shown. */
#include "build.h"

static struct event_loop_stats a_stats(uint32_t loop)
{
	struct event_loop_stats e = { .loop = loop,
				      .home = HOME_EPOLL,
				      .fd = 3,
				      .syscall = NR_EPOLL,
				      .iterations = 9120,
				      .poll_ns = 23 * MS,
				      .busy_ns = 7 * MS,
				      .comm = "uvicorn" };

	e.head = head_of(EVENT_LOOP_STATS, sizeof(e));
	return e;
}

static void stalled(struct bench *b, uint32_t loop, uint64_t iteration, uint64_t ns, uint8_t flags)
{
	struct event_stall e = a_stall(loop, iteration, ns);

	e.flags = flags;
	e.head.tid = TID + loop;
	give_stall(b, &e);
}

/* The bucket of each bound is the next one, that of one less is its own: as bpf/event.h counts. */
TEST(test_bounds)
{
	(void)state;
	for (unsigned int bucket = 0; bucket < HIST_BUCKETS; bucket++) {
		uint64_t bound = hist_bound(bucket);

		for (uint64_t ns = bound - 1; ns <= bound; ns++) {
			unsigned int e = ns < 1024 ? 0 : 53 - __builtin_clzll(ns), got = 0;

			if (ns >= 1024)
				got = 1 + 4 * e + (((ns / 1024.0) / (1ULL << e) - 1) * 4);
			assert_int_equal(got, bucket + (ns == bound));
		}
	}
}

/* The last statistics of a loop count, with the buckets that are not empty. */
TEST(test_stats)
{
	struct event_loop_stats e = a_stats(1);
	const struct profile *p;

	BENCH(b);
	e.hist[0] = 99;
	give_event(&b, &e, sizeof(e));
	e.hist[0] = 0;
	e.hist[1] = 7;
	e.hist[6] = 11;
	e.iterations = 9127;
	e.longest_ns = 411 * MS;
	e.longest_at = 5 * MS;
	e.stalls = 3;
	e.stalled_ns = 1009 * MS;
	give_event(&b, &e, sizeof(e));
	e.loop = 2;
	e.fd = 0;
	e.stalled_ns = 0;
	give_event(&b, &e, sizeof(e));
	p = seal(&b);
	assert_int_equal(p->n_loops, 2);
	assert_int_equal(p->loops[1].fd, 0);
	assert_int_equal(p->loops[0].iterations, 9127);
	assert_int_equal(p->loops[0].observed_ns, 30 * MS);
	assert_int_equal(p->loops[0].stalls, 3);
	assert_int_equal(p->loops[0].stalled_ns, 1009 * MS);
	assert_int_equal(p->loops[0].longest_ns, 411 * MS);
	assert_int_equal(p->loops[0].longest_wall, 5 * MS);
	assert_int_equal(p->loops[0].n_hist, 2);
	assert_int_equal(p->loops[0].hist[0].bound_ns, 1280);
	assert_int_equal(p->loops[0].hist[0].count, 7);
	assert_int_equal(p->loops[0].hist[1].bound_ns, 3072);
	assert_string_equal(p->loops[0].poll, "epoll_wait");
	assert_string_equal(p->loops[0].comm, "uvicorn");
	assert_string_equal(p->loops[0].kind, "unknown");
	assert_int_equal(p->loops[0].fd, 3);
	bench_close(&b);
}

/* Percentiles are of the nearest rank, over ended stalls only. */
TEST(test_percentiles)
{
	const struct profile *p;

	BENCH(b);
	for (uint64_t i = 1; i <= 101; i++)
		stalled(&b, 1, i, (100 + i * 37 % 101) * MS, 0);
	stalled(&b, 1, 103, 5003 * MS, STALL_ONGOING);
	p = seal(&b);
	assert_int_equal(p->loops[0].p50_ns, 150 * MS);
	assert_int_equal(p->loops[0].p99_ns, 199 * MS);
	assert_int_equal(p->loops[0].max_ns, 200 * MS);
	/* but the longest is the open one, and nobody counted it on the kernel side */
	assert_int_equal(p->loops[0].longest_ns, 5003 * MS);
	assert_int_equal(p->loops[0].longest_wall, 103000 * MS);
	assert_int_equal(p->loops[0].stalls, 102);
	assert_int_equal(p->loops[0].iterations, 103);
	bench_close(&b);
}

/* Most stalled time first; then by thread.  The stalls point at the new places. */
TEST(test_order)
{
	const struct profile *p;

	BENCH(b);
	stalled(&b, 1, 1, 101 * MS, 0);
	stalled(&b, 2, 2, 307 * MS, 0);
	stalled(&b, 3, 3, 101 * MS, 0);
	p = seal(&b);
	assert_int_equal(p->n_loops, 3);
	assert_int_equal(p->loops[0].tid, TID + 2);
	assert_int_equal(p->loops[1].tid, TID + 1);
	assert_int_equal(p->loops[2].tid, TID + 3);
	assert_int_equal(p->stalls[0].loop, 1);
	assert_int_equal(p->stalls[1].loop, 0);
	assert_int_equal(p->stalls[2].loop, 2);
	bench_close(&b);
}

/* The kind is what was told last; "" says nothing. */
TEST(test_kind)
{
	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	give_kind(&b, 1, "asyncio", 1);
	give_kind(&b, 1, "uvloop", 1);
	give_kind(&b, 1, "", 1);
	assert_string_equal(seal(&b)->loops[0].kind, "uvloop");
	bench_close(&b);
}

/* Unconfirmed at the end: an epoll file is shown, poll and select are not, and they are told. */
TEST(test_unconfirmed)
{
	static const uint32_t homes[] = { HOME_POLL, HOME_EPOLL, HOME_SELECT, HOME_URING,
					  HOME_POLL };
	const struct profile *p;

	BENCH(b);
	for (uint32_t i = 0; i < 5; i++) {
		give_loop(&b, i, homes[i]);
		stalled(&b, i, 3, 101 * MS, STALL_TENTATIVE);
	}
	p = seal(&b);
	assert_int_equal(p->n_loops, 2);
	assert_int_equal(p->n_stalls, 2);
	assert_int_equal(p->stalled_ns, 202 * MS);
	assert_int_equal(p->rows[0].count, 2);
	assert_int_equal(p->n_notes, 1);
	assert_string_equal(p->notes[0].text,
			    "3 threads that poll looked like loops but were not confirmed");
	bench_close(&b);
}

/* One such thread is told of in the singular, a refuted one not at all. */
TEST(test_one_unconfirmed)
{
	const struct profile *p;

	BENCH(b);
	give_loop(&b, 1, HOME_POLL);
	give_kind(&b, 1, "", 0);
	give_loop(&b, 2, HOME_POLL);
	give_kind(&b, 2, "", 2);
	p = seal(&b);
	assert_int_equal(p->n_loops, 0);
	assert_int_equal(p->n_notes, 1);
	assert_string_equal(p->notes[0].text,
			    "1 thread that polls looked like a loop but was not confirmed");
	bench_close(&b);
}

/* A kind for a loop that nobody saw, or a confirmation that is none, shows nothing. */
TEST(test_hostile_kind)
{
	const struct profile *p;

	BENCH(b);
	give_kind(&b, 77, "asyncio", 1);
	give_kind(&b, 78, "asyncio", 3);
	put_u32(&b, 1);
	give(&b, CHUNK_LOOP_KIND);
	p = seal(&b);
	assert_int_equal(p->n_loops, 0);
	assert_int_equal(lost_count(p, "bad events"), 2);
	bench_close(&b);
}

static void give_depth(struct bench *b, uint64_t ready, uint64_t scheduled, uint64_t tasks)
{
	put_u64(b, 5);
	put_u32(b, 1);
	put_u64(b, ready);
	put_u64(b, scheduled);
	put_u64(b, tasks);
	give(b, CHUNK_DEPTH);
}

/* Each queue has its own samples; what is not known is none. */
TEST(test_depths)
{
	const struct loop *l;

	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	give_depth(&b, 3, 7, UINT64_MAX);
	give_depth(&b, 431, UINT64_MAX, UINT64_MAX);
	give_depth(&b, 1, 9, UINT64_MAX);
	put_u64(&b, 5);
	give(&b, CHUNK_DEPTH); /* cut */
	l = seal(&b)->loops;
	assert_int_equal(l->ready.n, 3);
	assert_int_equal(l->ready.first, 3);
	assert_int_equal(l->ready.last, 1);
	assert_int_equal(l->ready.min, 1);
	assert_int_equal(l->ready.max, 431);
	assert_true(l->ready.mean > 144.9 && l->ready.mean < 145.1);
	assert_int_equal(l->scheduled.n, 2);
	assert_int_equal(l->scheduled.last, 9);
	assert_int_equal(l->tasks.n, 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_kind),
		cmocka_unit_test(test_unconfirmed),
		cmocka_unit_test(test_hostile_kind),
		cmocka_unit_test(test_depths),
		cmocka_unit_test(test_one_unconfirmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
