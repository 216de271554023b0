/* test_text_depths.c: how long the queues of a loop were. */
#include "tests/unit/output/printed.h"

/* The line under the loop of the healthy profile with those depths; the caller frees it. */
static char *with_depths(struct depth ready, struct depth tasks)
{
	struct profile p = *fixture_find("healthy");
	struct loop loop = p.loops[0];

	loop.ready = ready;
	loop.tasks = tasks;
	p.loops = &loop;
	return printed("text", &p, NULL);
}

/* First and last, the longest where it is another, and what grows. */
static void lengths_are_said(void **state)
{
	_cleanup_free_ char *pools = printed("text", fixture_find("pools"), NULL);
	_cleanup_free_ char *text = with_depths((struct depth){ 9, 3, 4, 1, 80, 12.4 },
						(struct depth){ 9, 5, 5, 5, 5, 5 });
	_cleanup_free_ char *dip = with_depths((struct depth){ 9, 3, 3, 1, 3, 2 },
					       (struct depth){ 0 });

	(void)state;
	assert_non_null(strstr(pools, "\n    ready 3 -> 412 (max 431, mean 234) GROWING  timers 2  "
				      "tasks 10 -> 1,204 GROWING\n"));
	assert_non_null(strstr(text, "\n    ready 3 -> 4 (max 80, mean 12)  tasks 5\n"));
	assert_non_null(strstr(dip, "\n    ready 3 -> 3\n"));
}

static bool grows(uint64_t n, uint64_t first, uint64_t last, uint64_t max)
{
	_cleanup_free_ char *text = with_depths((struct depth){ 0 },
						(struct depth){ n, first, last, 0, max, 0 });

	return strstr(text, "GROWING") != NULL;
}

/* Twice as long, by more than chance, still near the longest, and seen more than twice. */
static void growth_is_no_chance(void **state)
{
	(void)state;
	assert_true(grows(3, 16, 32, 32));
	assert_false(grows(2, 16, 32, 32));
	assert_false(grows(3, 17, 33, 33));
	assert_false(grows(3, 1, 16, 16));
	assert_true(grows(3, 0, 16, 21));
	assert_false(grows(3, 0, 16, 24));
	assert_false(grows(3, 32, 16, 32));
	assert_true(grows(3, 1, UINT64_MAX - 1, UINT64_MAX - 1));
}

/* What nobody looked at gets no line. */
static void nothing_is_no_line(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("healthy"), NULL);

	(void)state;
	assert_null(strstr(text, "ready"));
	assert_null(strstr(text, "tasks"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_said),
		cmocka_unit_test(growth_is_no_chance),
		cmocka_unit_test(nothing_is_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
