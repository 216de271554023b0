/* test_stalls.c: which stalls are kept, handed out, and when. */
#include "build.h"

static void ongoing(struct bench *b, uint32_t loop, uint64_t iteration, uint64_t ns)
{
	struct event_stall e = a_stall(loop, iteration, ns);

	e.flags = STALL_ONGOING;
	give_stall(b, &e);
}

static void ended(struct bench *b, uint32_t loop, uint64_t iteration, uint64_t ns)
{
	struct event_stall e = a_stall(loop, iteration, ns);

	give_stall(b, &e);
}

/* A stall is described in full when it is handed out, and its indexes fit the profile so far. */
TEST(test_handed_out)
{
	struct event_stall e = a_stall(5, 17, 401 * MS);

	BENCH(b);
	give_meta(&b, META_START_MONO, "1000");
	give_meta(&b, META_START_REAL, "1700000000000001000");
	give_proc(&b, TGID, "uvicorn", "/usr/bin/python3");
	give_loop(&b, 5, HOME_EPOLL);
	e.flags = STALL_CLIPPED;
	give_stall(&b, &e);
	assert_int_equal(b.handed, 1);
	assert_int_equal(b.last->state, STALL_STATE_ENDED);
	assert_true(b.last->clipped);
	assert_string_equal(b.live->procs[b.last->proc].comm, "uvicorn");
	assert_int_equal(b.live->loops[b.last->loop].tid, TID);
	assert_int_equal(b.last->start_ns, 17000 * MS);
	assert_int_equal(b.last->wall_ns, 1700000000000000000 + 17000 * MS);
	assert_int_equal(b.last->dur_ns, 401 * MS);
	assert_int_equal(b.last->threshold_ns, 100 * MS);
	assert_int_equal(b.last->iteration, 17);
	bench_close(&b);
}

/* Reports of a stall that goes on are handed out and not kept once it ended. */
TEST(test_ongoing_then_ended)
{
	const struct stall *first;
	const struct profile *p;

	BENCH(b);
	ongoing(&b, 1, 3, 101 * MS);
	first = b.last;
	ongoing(&b, 1, 3, 1009 * MS);
	ended(&b, 1, 3, 1511 * MS);
	assert_int_equal(b.handed, 3);
	/* what was handed out stays readable */
	assert_int_equal(first->state, STALL_STATE_ONGOING);
	assert_int_equal(first->dur_ns, 101 * MS);
	p = seal(&b);
	assert_int_equal(p->n_stalls, 1);
	assert_int_equal(p->stalls[0].state, STALL_STATE_ENDED);
	assert_int_equal(p->stalled_ns, 1511 * MS);
	bench_close(&b);
}

/* A stall that never ended is kept as its latest report says. */
TEST(test_still_open)
{
	const struct profile *p;

	BENCH(b);
	ended(&b, 1, 2, 103 * MS);
	ongoing(&b, 1, 3, 101 * MS);
	ongoing(&b, 1, 3, 1009 * MS);
	ongoing(&b, 2, 3, 211 * MS);
	p = seal(&b);
	assert_int_equal(b.handed, 4);
	assert_int_equal(p->n_stalls, 3);
	assert_int_equal(p->stalls[1].state, STALL_STATE_ONGOING);
	assert_int_equal(p->stalls[1].dur_ns, 1009 * MS);
	assert_int_equal(p->stalls[2].dur_ns, 211 * MS);
	assert_int_equal(p->stalled_ns, (103 + 1009 + 211) * MS);
	bench_close(&b);
}

/* What a doubtful loop stalls is held back until it is confirmed, then comes in order. */
TEST(test_tentative)
{
	BENCH(b);
	give_kind(&b, 1, "", 0);
	ended(&b, 1, 2, 103 * MS);
	ended(&b, 1, 3, 107 * MS);
	ongoing(&b, 1, 4, 109 * MS);
	ongoing(&b, 1, 4, 113 * MS);
	assert_int_equal(b.handed, 0);
	give_kind(&b, 2, "libuv", 1);
	assert_int_equal(b.handed, 0);
	give_kind(&b, 1, "asyncio", 1);
	assert_int_equal(b.handed, 3);
	assert_int_equal(b.last->dur_ns, 113 * MS);
	give_kind(&b, 1, "asyncio", 1);
	assert_int_equal(b.handed, 3);
	bench_close(&b);
}

/* Without a word about the loop the flag of its stalls counts, and a later one lifts the doubt. */
TEST(test_tentative_flag)
{
	struct event_stall e = a_stall(1, 2, 103 * MS);

	BENCH(b);
	e.flags = STALL_TENTATIVE;
	give_stall(&b, &e);
	assert_int_equal(b.handed, 0);
	ended(&b, 1, 3, 107 * MS);
	assert_int_equal(b.handed, 2);
	e.iteration = 5;
	give_stall(&b, &e);
	assert_int_equal(b.handed, 3);
	bench_close(&b);
}

/* A thread that was no loop after all hands out nothing, also not later. */
TEST(test_refuted)
{
	BENCH(b);
	give_kind(&b, 1, "", 0);
	ended(&b, 1, 2, 103 * MS);
	give_kind(&b, 1, "", 2);
	ended(&b, 1, 3, 107 * MS);
	give_kind(&b, 1, "asyncio", 1);
	assert_int_equal(b.handed, 0);
	assert_int_equal(seal(&b)->n_stalls, 0);
	assert_int_equal(seal(&b)->stalled_ns, 0);
	bench_close(&b);
}

/* Over the limit stalls are handed out and in every sum, but not in the list; that is told. */
TEST(test_limit)
{
	const struct profile *p;

	BENCH(b);
	b.m->items_max = 11;
	for (uint64_t i = 1; i <= 17; i++)
		ended(&b, 1, i, (100 + i) * MS);
	assert_int_equal(b.handed, 17);
	p = seal(&b);
	assert_int_equal(p->n_stalls, 11);
	assert_int_equal(lost_count(p, "stalls"), 6);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].count, 17);
	assert_int_equal(p->rows[0].max_ns, 117 * MS);
	assert_int_equal(p->rows[0].longest, 10);
	assert_int_equal(p->stalled_ns, (1700 + 17 * 9) * MS);
	assert_int_equal(p->loops[0].stalls, 17);
	assert_int_equal(p->loops[0].p50_ns, 109 * MS);
	bench_close(&b);
}

/* Lengths that would overflow the sums are bad events, not wrong sums. */
TEST(test_overflow)
{
	const struct profile *p;

	BENCH(b);
	for (uint64_t i = 1; i <= 3; i++)
		ended(&b, 1, i, MODEL_TOTAL_MAX / 2);
	ended(&b, 1, 5, MODEL_TOTAL_MAX + 1);
	p = seal(&b);
	assert_int_equal(p->n_stalls, 2);
	assert_int_equal(p->stalled_ns, MODEL_TOTAL_MAX);
	assert_int_equal(lost_count(p, "bad events"), 2);
	bench_close(&b);
}

/* Without a receiver nothing is handed out, now or later, and all is kept. */
TEST(test_no_receiver)
{
	BENCH(b);
	model_on_stall(b.m, NULL, NULL);
	ongoing(&b, 1, 3, 101 * MS);
	ongoing(&b, 1, 3, 103 * MS);
	ended(&b, 1, 3, 107 * MS);
	assert_int_equal(b.handed, 0);
	assert_int_equal(seal(&b)->n_stalls, 1);
	stall_rec_free(NULL);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handed_out),  cmocka_unit_test(test_ongoing_then_ended),
		cmocka_unit_test(test_still_open),  cmocka_unit_test(test_tentative),
		cmocka_unit_test(test_refuted),	    cmocka_unit_test(test_tentative_flag),
		cmocka_unit_test(test_limit),	    cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_no_receiver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
