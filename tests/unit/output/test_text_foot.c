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

/* Each language counts its own stalls; a process without any lacks none. */
static void languages_are_counted_apart(void **state)
{
	struct profile p = *fixture_find("demo");
	struct proc procs[3] = { p.procs[0], p.procs[0], p.procs[0] };
	struct stall stalls[5];
	_cleanup_free_ char *text = NULL;

	(void)state;
	procs[1].runtime = "node";
	procs[2].runtime = "";
	for (int i = 0; i < 5; i++) {
		stalls[i] = p.stalls[1];
		stalls[i].proc = i % 3;
		stalls[i].python = i == 4 ? QUALITY_PARTIAL : i == 2 ? QUALITY_NONE : QUALITY_FULL;
	}
	p.procs = procs;
	p.n_procs = 3;
	p.stalls = stalls;
	p.n_stalls = 5;
	p.n_rows = 0;
	text = printed("text", &p, NULL);
	assert_non_null(strstr(text, "  stacks  python full, javascript full in 1 of 2 stalls, "));
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

/* Stacks that lack lines for want of time are told where there are any. */
static void unlined_stacks_are_counted(void **state)
{
	struct profile p = *fixture_find("demo");
	_cleanup_free_ char *none = printed("text", &p, NULL), *one = NULL, *many = NULL;

	(void)state;
	assert_null(strstr(none, "source lines"));
	p.unlined_stacks = 1;
	one = printed("text", &p, NULL);
	assert_non_null(strstr(one,
			       "  native  1 stack may lack source lines: debug information was "
			       "not read in time\n"));
	p.unlined_stacks = 1009;
	many = printed("text", &p, NULL);
	assert_non_null(strstr(many, "  native  1,009 stacks may lack source lines: "));
}

/* Reasons for stacks that are not whole come with their numbers; rare ones only with -v. */
static void gaps_are_counted(void **state)
{
	const struct writer_opts o = { .verbose = true };
	struct profile p = *fixture_find("demo");
	struct native_gap gaps[7];
	_cleanup_free_ char *two = printed("text", &p, NULL), *one = NULL, *many = NULL,
			    *verbose = NULL;

	(void)state;
	assert_non_null(strstr(two, "  native  3 of 41 stacks not whole: no table and no frame "
				    "pointer (libfoo.so)"));
	for (size_t i = 0; i < COUNTOF(gaps); i++)
		gaps[i] = (struct native_gap){ "damaged table", "", 1 };
	p.gaps = gaps;
	p.n_gaps = 1;
	one = printed("text", &p, NULL);
	assert_non_null(strstr(one, "  native  1 of 41 stacks not whole: damaged table\n"));
	p.n_gaps = COUNTOF(gaps);
	many = printed("text", &p, NULL);
	verbose = printed("text", &p, &o);
	assert_int_equal(times_in(many, "damaged"), 4);
	assert_non_null(strstr(many, "3 more"));
	assert_int_equal(times_in(verbose, "damaged"), 7);
	p.n_gaps = 0;
	free(one);
	one = printed("text", &p, NULL);
	assert_null(strstr(one, "not whole"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_and_losses_are_said),
		cmocka_unit_test(missing_comes_with_its_cure),
		cmocka_unit_test(quality_is_counted),
		cmocka_unit_test(absent_languages_are_not_missed),
		cmocka_unit_test(notes_are_cut),
		cmocka_unit_test(languages_are_counted_apart),
		cmocka_unit_test(gaps_are_counted),
		cmocka_unit_test(unlined_stacks_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
