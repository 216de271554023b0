/* test_judge.c: which periods are a loop's own, and the figures without those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/internal.h"

#define MS	  NSEC_PER_MSEC
#define IN_LOOP	  11
#define ELSEWHERE 13
#define NAMELESS  17

struct bench {
	struct capture c;
	struct slot s;
	struct event_stall e;
};

/* A loop that its runtime shows, with one stack inside it and one that is whole without it. */
static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	named_add(&b->c, IN_LOOP, "asyncio", true);
	named_add(&b->c, ELSEWHERE, NULL, true);
	named_add(&b->c, NAMELESS, NULL, false);
	b->s = (struct slot){ .id = 1, .tid = 7, .tgid = 7, .runtime_loop = true };
	b->e = (struct event_stall){ .start = 3 * MS, .threshold = 100 * MS };
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	names_close(&b->c);
	free(b);
	return 0;
}

static void part(struct bench *b, uint64_t stack, uint64_t ns)
{
	b->e.parts[b->e.n_parts++] = (struct stall_part){ .stack = stack, .ns = ns };
	b->e.ns += ns;
}

/* A period with the loop in one of its stacks is the loop's. */
static void test_shown(void **state)
{
	struct bench *b = *state;

	part(b, ELSEWHERE, 131 * MS);
	part(b, IN_LOOP, 2 * MS);
	assert_true(judge_shown(&b->c, &b->s, &b->e));
}

/* One in which whole stacks show something else is not. */
static void test_elsewhere(void **state)
{
	struct bench *b = *state;

	part(b, ELSEWHERE, 131 * MS);
	assert_false(judge_shown(&b->c, &b->s, &b->e));
}

/* A stack that is lost or does not begin where a thread begins refutes nothing, unless the loop was
 * not watched from the period's beginning, or never came back. */
static void test_nameless(void **state)
{
	struct bench *b = *state;

	part(b, NAMELESS, 131 * MS);
	part(b, 0, 5 * MS);
	assert_true(judge_shown(&b->c, &b->s, &b->e));
	b->e.flags = STALL_CLIPPED;
	assert_false(judge_shown(&b->c, &b->s, &b->e));
	b->e.flags = STALL_LAST;
	assert_false(judge_shown(&b->c, &b->s, &b->e));
}

/* After the loop's end its thread does other things until it ends: no stall of the loop. */
static void test_last(void **state)
{
	struct bench *b = *state;

	part(b, IN_LOOP, 2 * MS);
	part(b, ELSEWHERE, 5000 * MS);
	b->e.flags = STALL_LAST;
	assert_false(judge_shown(&b->c, &b->s, &b->e));
	part(b, IN_LOOP, 98 * MS);
	assert_true(judge_shown(&b->c, &b->s, &b->e));
}

/* An interpreter that ends has no frames: what no stack tells is not the loop's either. */
static void test_last_frameless(void **state)
{
	struct bench *b = *state;

	part(b, IN_LOOP, 2 * MS);
	part(b, NAMELESS, 149 * MS);
	b->e.flags = STALL_LAST;
	assert_false(judge_shown(&b->c, &b->s, &b->e));
	part(b, IN_LOOP, 83 * MS);
	assert_true(judge_shown(&b->c, &b->s, &b->e));
}

/* Samples are an estimate: more of them than the period is long are no overflow. */
static void test_last_estimate(void **state)
{
	struct bench *b = *state;

	part(b, IN_LOOP, 2 * MS);
	part(b, ELSEWHERE, 500 * MS);
	b->e.ns = 499 * MS;
	b->e.flags = STALL_LAST;
	assert_false(judge_shown(&b->c, &b->s, &b->e));
}

/* Without a runtime that shows loops, what began before us counts on the main thread only. */
static void test_unknown_runtime(void **state)
{
	struct bench *b = *state;

	b->s.runtime_loop = false;
	part(b, ELSEWHERE, 131 * MS);
	assert_true(judge_shown(&b->c, &b->s, &b->e));
	b->e.flags = STALL_CLIPPED;
	assert_true(judge_shown(&b->c, &b->s, &b->e));
	b->s.tid = 8;
	assert_false(judge_shown(&b->c, &b->s, &b->e));
}

static void stall(struct bench *b, uint64_t stack, uint64_t ns)
{
	b->e.n_parts = 0;
	b->e.ns = 0;
	b->e.start += 1000 * MS;
	part(b, stack, ns);
	judge_stall(&b->c, &b->s, &b->e);
}

/* A period from before us in which whole stacks show no loop is from before the loop. */
static void test_native_elsewhere(void **state)
{
	struct bench *b = *state;

	named_native(&b->c, IN_LOOP, "libuv", true);
	named_native(&b->c, ELSEWHERE, NULL, true);
	b->s.runtime_loop = false;
	b->s.native_loop = true;
	b->e.flags = STALL_CLIPPED;
	part(b, ELSEWHERE, 131 * MS);
	part(b, 0, 5 * MS);
	assert_false(judge_shown(&b->c, &b->s, &b->e));
	/* a loop of which no name is known does not show either way */
	b->s.native_loop = false;
	assert_true(judge_shown(&b->c, &b->s, &b->e));
	b->s.native_loop = true;
	/* seen from its beginning it is the loop's all the same */
	b->e.flags = 0;
	assert_true(judge_shown(&b->c, &b->s, &b->e));
	b->e.flags = STALL_CLIPPED;
	part(b, IN_LOOP, 2 * MS);
	assert_true(judge_shown(&b->c, &b->s, &b->e));
	/* nor does a stack that is cut tell that it was elsewhere */
	b->e.n_parts = 2;
	part(b, NAMELESS, 2 * MS);
	assert_true(judge_shown(&b->c, &b->s, &b->e));
	b->e.n_parts = 0;
	assert_true(judge_shown(&b->c, &b->s, &b->e));
}

/* What was elsewhere is in no figure, and the longest is the longest of the rest. */
static void test_correct(void **state)
{
	struct bench *b = *state;
	struct event_loop_stats stats = { .iterations = 23, .stalls = 3, .longest_ns = 700 * MS };

	stall(b, IN_LOOP, 110 * MS);
	stall(b, ELSEWHERE, 700 * MS);
	stall(b, IN_LOOP, 130 * MS);
	stats.busy_ns = stats.stalled_ns = 940 * MS;
	judge_correct(&b->s, &stats);
	assert_int_equal(stats.iterations, 22);
	assert_int_equal(stats.stalls, 2);
	assert_int_equal(stats.busy_ns, 240 * MS);
	assert_int_equal(stats.stalled_ns, 240 * MS);
	assert_int_equal(stats.longest_ns, 130 * MS);
	assert_int_equal(stats.longest_at, 3003 * MS);
}

/* With no other stall the longest period is known by its bucket. */
static void test_correct_bucket(void **state)
{
	struct bench *b = *state;
	struct event_loop_stats stats = {
		.first = 2 * MS, .iterations = 3, .stalls = 1, .longest_ns = 700 * MS
	};

	/* 5 ms: 4882 units of 1024 ns, 4096 and nothing more in the two bits that follow. */
	stats.hist[1 + 4 * 12] = 2;
	/* 700 ms: 683593 units, 524288 and a quarter of it. */
	stats.hist[1 + 4 * 19 + 1] = 1;
	stall(b, ELSEWHERE, 700 * MS);
	judge_correct(&b->s, &stats);
	assert_int_equal(stats.hist[1 + 4 * 19 + 1], 0);
	assert_int_equal(stats.longest_ns, 4096 * 1024);
	assert_int_equal(stats.longest_at, 2 * MS);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_shown),	    CASE(test_elsewhere),
		CASE(test_nameless),	    CASE(test_last),
		CASE(test_last_frameless),  CASE(test_last_estimate),
		CASE(test_unknown_runtime), CASE(test_correct),
		CASE(test_correct_bucket),  CASE(test_native_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
