/* test_text_churn.c: loops and threads that a process keeps making. */
#include "tests/unit/output/printed.h"

static char *with_churn(uint64_t made, uint64_t alive, bool verbose)
{
	const struct writer_opts o = { .verbose = verbose };
	struct profile p = *fixture_find("healthy");
	struct churn churn = { .made = made, .alive = alive, .alive_max = alive + !alive };

	p.churn = &churn;
	p.n_churn = 1;
	return printed("text", &p, &o);
}

/* How many, how long they lived, from where, and what to do. */
static void churn_is_explained(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("pools"), NULL);

	(void)state;
	assert_non_null(strstr(text,
			       "50 event loops made in 10.0s, up to 13 seen at once, 12 left at "
			       "the end; a closed one lived 104ms\n"));
	assert_non_null(strstr(text, "48 made in sync.py:22 handle > unix_events.py:56 "));
	assert_non_null(strstr(text, "2 made at a place that was not seen"));
	assert_non_null(strstr(text, "asyncio.Runner"));
	assert_non_null(strstr(text, "anyio.from_thread"));
	assert_non_null(strstr(text, "never closed"));
}

/* A loop or two are what a program makes; ten are advice; leaks only where they pile up. */
static void a_few_loops_are_nothing(void **state)
{
	_cleanup_free_ char *few = with_churn(9, 0, false), *shown = with_churn(1, 0, true);
	_cleanup_free_ char *many = with_churn(10, 9, false), *leaked = with_churn(10, 10, false);

	(void)state;
	assert_null(strstr(few, "EVENT LOOPS MADE"));
	assert_non_null(
		strstr(shown, "\n  1 event loop made in 30.0s, up to 1 seen at once, 0 left"));
	assert_null(strstr(shown, "Advice"));
	assert_non_null(strstr(many, "Advice"));
	assert_null(strstr(many, "never closed"));
	assert_non_null(strstr(leaked, "never closed"));
}

/* Several stacks with the same frames to show are one place, and counted before the cut. */
static void like_places_are_one(void **state)
{
	struct frame own = PYTHON("handle", "/srv/sync.py", 22),
		     leaf = PYTHON_LIB("f", "/lib/u.py", 5);
	struct frame again = own, other = PYTHON("other", "/srv/sync.py", 30);
	struct stack_count stacks[] = { { 0, 5, &other, NULL },
					{ 1, 4, &own, &leaf },
					{ 2, 3, &again, &leaf },
					{ -1, 2, NULL, NULL },
					{ 3, 1, &own, NULL } };
	struct churn churn = { .made = 15, .n_stacks = COUNTOF(stacks), .stacks = stacks };
	struct profile p = *fixture_find("healthy");
	_cleanup_free_ char *text = NULL;

	(void)state;
	p.churn = &churn;
	p.n_churn = 1;
	text = printed("text", &p, NULL);
	assert_non_null(strstr(text, "\n    7 made in sync.py:22 handle > u.py:5 f\n"
				     "    5 made in sync.py:30 other\n"
				     "    2 made at a place that was not seen\n"
				     "    and from 1 more places (-v shows them)\n"));
}

static char *with_growth(uint32_t first, uint32_t last, uint32_t max)
{
	struct profile p = *fixture_find("healthy");
	struct thread_growth g = { .first = first, .last = last, .max = max, .n_counts = 1 };

	p.growth = &g;
	p.n_growth = 1;
	return printed("text", &p, NULL);
}

/* Threads that multiply are shown with their makers; that they stay is said. */
static void growth_is_shown(void **state)
{
	_cleanup_free_ char *pools = printed("text", fixture_find("pools"), NULL);
	_cleanup_free_ char *some = with_growth(12, 19, 23), *twice = with_growth(12, 24, 24);
	_cleanup_free_ char *few = with_growth(2, 9, 9), *gone = with_growth(12, 12, 100);

	(void)state;
	assert_non_null(strstr(pools, "\n  12 -> 120 threads (max 131) GROWING, 247 made "
				      "meanwhile\n    240 made in mail.py:50 on_message > "
				      "threading.py:957 Thread.start\n"));
	assert_null(strstr(some, "THREADS MADE"));
	assert_null(strstr(few, "THREADS MADE"));
	assert_non_null(strstr(twice, "\n  12 -> 24 threads (max 24) GROWING\n"));
	assert_non_null(strstr(gone, "\n  12 -> 12 threads (max 100)\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(churn_is_explained),
		cmocka_unit_test(a_few_loops_are_nothing),
		cmocka_unit_test(growth_is_shown),
		cmocka_unit_test(like_places_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
