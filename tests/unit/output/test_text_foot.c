/* test_text_foot.c: quality, missing, notes, losses. */
#include "tests/unit/output/printed.h"

/* A recording that is cut says so before anything else, and losses are always told. */
static void damage_and_losses_are_said(void **state)
{
	_cleanup_free_ char *empty = printed("text", fixture_find("empty"), NULL);
	_cleanup_free_ char *hostile = printed("text", fixture_find("hostile"), NULL);

	(void)state;
	assert_int_equal(strncmp(strchr(empty, '\n') + 1, "INCOMPLETE: the recording", 25), 0);
	assert_non_null(strstr(empty, "  lost    nothing\n"));
	assert_non_null(strstr(hostile, "  lost    1,234,567 events, 1 ev;il"));
}

/* What is missing comes with its reason and its cure. */
static void missing_comes_with_its_cure(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), NULL);

	(void)state;
	assert_non_null(strstr(text,
			       "  missing names of C functions in libpq.so.5: the file has no "
			       "symbols. Cure: install"));
}

/* How many stalls had their stacks in full. */
static void quality_is_counted(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), NULL);

	(void)state;
	assert_non_null(
		strstr(text, "  stacks  python full in 8 of 9 stalls (none in 1), native "));
	assert_null(strstr(text, "no python"));
}

/* A program without Python is not told that it lacks Python stacks. */
static void absent_languages_are_not_missed(void **state)
{
	struct profile p = *fixture_find("demo");
	struct stall one = p.stalls[1];
	_cleanup_free_ char *text = NULL;

	(void)state;
	one.python = QUALITY_NONE;
	one.native = QUALITY_NONE;
	p.stalls = &one;
	p.n_stalls = 1;
	p.n_rows = 0;
	text = printed("text", &p, NULL);
	assert_non_null(strstr(text, "  stacks  no native, kernel full\n"));
}

/* Many notes are cut, and all are there with -v; so are the hooks. */
static void notes_are_cut(void **state)
{
	const struct writer_opts o = { .verbose = true };
	struct profile p = *fixture_find("healthy");
	struct note notes[11];
	_cleanup_free_ char *text = NULL, *verbose = NULL;

	(void)state;
	for (size_t i = 0; i < COUNTOF(notes); i++)
		notes[i] = (struct note){ .wall_ns = WALL, .text = "something happened" };
	p.notes = notes;
	p.n_notes = COUNTOF(notes);
	text = printed("text", &p, NULL);
	verbose = printed("text", &p, &o);
	assert_int_equal(times_in(text, "something happened"), 8);
	assert_non_null(strstr(text, "and 3 more notes"));
	assert_int_equal(times_in(verbose, "something happened"), 11);
	assert_non_null(strstr(verbose, "  hooks   poll=tracepoint  off-cpu=tp_btf"));
	assert_null(strstr(text, "tracepoint"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_and_losses_are_said),
		cmocka_unit_test(missing_comes_with_its_cure),
		cmocka_unit_test(quality_is_counted),
		cmocka_unit_test(absent_languages_are_not_missed),
		cmocka_unit_test(notes_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
