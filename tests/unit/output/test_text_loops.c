/* test_text_loops.c: what was watched, and that nothing found is a result. */
#include "tests/unit/output/printed.h"

/* No stall and no loop are results, and say what was looked at or what to try. */
static void nothing_is_a_result(void **state)
{
	_cleanup_free_ char *healthy = printed("text", fixture_find("healthy"), NULL);
	_cleanup_free_ char *empty = printed("text", fixture_find("empty"), NULL);

	(void)state;
	assert_non_null(strstr(healthy, "No stalls. 2,203 iterations of 1 loop were watched"));
	assert_non_null(strstr(healthy, "longest busy period was 13ms"));
	assert_non_null(strstr(empty, "No event loop was seen"));
	assert_non_null(strstr(empty, "--tid TID"));
	assert_non_null(strstr(empty, "--off-cpu"));
}

/* UTC is said once, where the first clock time stands. */
static void utc_is_said_once(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), NULL);

	(void)state;
	assert_int_equal(times_in(text, "UTC"), 1);
}

/* As many marks as the count has digits; steps without an iteration are left out. */
static void busy_periods_are_counted_by_decade(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), NULL);

	(void)state;
	assert_non_null(strstr(text,
			       "busy periods  <100us #### 6,034  <1ms #### 3,074  <10ms ## 71  "
			       "<100ms # 3  <1s # 7  <10s # 1\n"));
}

/* A loop that is still blocked is not a calm one, even if no stall of it ended. */
static void a_loop_still_blocked_is_said(void **state)
{
	struct profile p = *fixture_find("demo");
	struct loop loops[2] = { p.loops[0], p.loops[1] };
	_cleanup_free_ char *text = NULL;

	(void)state;
	loops[1].stalls = 0;
	loops[0].observed_ns = 0; /* the recording broke off */
	p.loops = loops;
	text = printed("text", &p, NULL);
	assert_non_null(strstr(text, "\n    still blocked at the end (233ms)\n"));
	assert_null(strstr(text, "no stalls"));
	assert_non_null(strstr(text, "    8 stalls, blocked 4.56s  p50 421ms"));
}

/* Many loops: the ones with the least stalled time are only counted. */
static void many_loops_are_cut(void **state)
{
	struct profile p = *fixture_find("healthy");
	struct loop loops[13];
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (size_t i = 0; i < COUNTOF(loops); i++) {
		loops[i] = p.loops[0];
		loops[i].stalls = i < 12;
	}
	loops[12].iterations = 0;
	p.loops = loops;
	p.n_loops = 12;
	text = printed("text", &p, NULL);
	assert_int_equal(times_in(text, "  loop 4250 "), 10);
	assert_non_null(strstr(text, "  and 2 more loops with less stalled time"));
	p.loops = &loops[12];
	p.n_loops = 1;
	free(text);
	text = printed("text", &p, NULL);
	assert_int_equal(times_in(text, "never came back to its poll"), 1);
}

/* Loops made for each request have nothing to say one by one; one that grows, or has a stall, open
 * or ended, has. */
static void calm_loops_are_folded(void **state)
{
	const struct writer_opts verbose = { .verbose = true };
	struct profile p = *fixture_find("demo");
	struct loop loops[7];
	_cleanup_free_ char *text = NULL, *all = NULL, *three = NULL;

	(void)state;
	for (size_t i = 0; i < COUNTOF(loops); i++) {
		loops[i] = p.loops[i > 0];
		loops[i].stalls = i == 0 ? loops[i].stalls : 0;
		loops[i].iterations = 10;
		loops[i].longest_ns = i * 1000000;
	}
	loops[3].tasks = (struct depth){ .n = 9, .last = 100, .max = 100 };
	p.loops = loops;
	p.n_loops = COUNTOF(loops); /* 0 has stalls, 1 one that is open, 3 grows */
	text = printed("text", &p, NULL);
	all = printed("text", &p, &verbose);
	assert_int_equal(times_in(text, "\n  loop "), 3);
	assert_non_null(strstr(text, "\n  and 4 loops without a stall  40 iterations, longest busy "
				     "period 6ms (-v shows each)\n"));
	assert_int_equal(times_in(all, "\n  loop "), 7);
	assert_null(strstr(all, "without a stall"));
	p.n_loops = 6;
	three = printed("text", &p, NULL);
	assert_int_equal(times_in(three, "\n  loop "), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_a_result),
		cmocka_unit_test(utc_is_said_once),
		cmocka_unit_test(busy_periods_are_counted_by_decade),
		cmocka_unit_test(a_loop_still_blocked_is_said),
		cmocka_unit_test(many_loops_are_cut),
		cmocka_unit_test(calm_loops_are_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
