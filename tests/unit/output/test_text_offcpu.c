/* test_text_offcpu.c: the three tables of an off-CPU profile. */
#include "tests/unit/output/printed.h"

/* An off-CPU profile has its three tables and no word about loops. */
static void offcpu_has_three_tables(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("offcpu"), NULL);

	(void)state;
	assert_int_equal(times_in(text, "  SUM      COUNT   AVG     MAX     BY "), 3);
	assert_non_null(strstr(text, "  9.4s     23      409ms   411ms   waits on tcp "));
	assert_non_null(strstr(text, "67ms [:=@] 537ms"));
	assert_null(strstr(text, "loop"));
}

/* Rows beyond the limit are counted with their time; nothing seen is said in words. */
static void rows_are_cut_and_nothing_is_said(void **state)
{
	const struct writer_opts o = { .show = 1 };
	struct profile p = *fixture_find("offcpu");
	_cleanup_free_ char *text = printed("text", &p, &o), *none = NULL;

	(void)state;
	assert_int_equal(times_in(text, "  5.5s     and 1 more\n"), 2);
	p.n_offcpu = 0;
	none = printed("text", &p, NULL);
	assert_non_null(strstr(none, "No wait was seen"));
}

/* The picture has a column for each doubling and a blank where there was no wait. */
static void histograms_show_their_gaps(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("offcpu"), NULL);

	(void)state;
	assert_non_null(strstr(text, "4.1us [@#*      +      .] 537ms"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offcpu_has_three_tables),
		cmocka_unit_test(rows_are_cut_and_nothing_is_said),
		cmocka_unit_test(histograms_show_their_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
