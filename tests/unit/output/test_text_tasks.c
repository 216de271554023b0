/* test_text_tasks.c: tasks that stand alike are one row, and what is missing is said. */
#include "tests/unit/output/printed.h"

static struct profile only(size_t list)
{
	struct profile p = *fixture_find("tasks");

	p.task_lists += list;
	p.n_task_lists = 1;
	return p;
}

/* 23 tasks at the same await are one row with three names; one task has its name before its words.
 */
static void alike_tasks_are_one_row(void **state)
{
	struct profile p = only(0);
	_cleanup_free_ char *text = printed("text", &p, NULL);

	(void)state;
	assert_int_equal(times_in(text, "fetch (client.py:41)"), 1);
	assert_non_null(strstr(text, "  waiting     23  fetch (client.py:41) awaiting Future "
				     "[StreamReader.read]\n"));
	assert_non_null(strstr(text, "Task-100, Task-101, Task-102 and 20 more\n"));
	assert_non_null(strstr(text, "  running      1  crunch: crunch (app.py:90)\n"));
	assert_true(strstr(text, "running ") < strstr(text, "ready   "));
}

/* -v has a row for each task, and the frames of libraries. */
static void verbose_has_every_task(void **state)
{
	const struct writer_opts o = { .verbose = true };
	struct profile p = only(0);
	_cleanup_free_ char *text = printed("text", &p, &o);

	(void)state;
	assert_int_equal(
		times_in(text, "fetch (client.py:41) > StreamReader.read (streams.py:690)"), 23);
	assert_int_equal(times_in(text, "  waiting "), 33);
}

static void rows_beyond_the_limit_are_counted(void **state)
{
	const struct writer_opts o = { .show = 3 };
	struct profile p = only(0);
	_cleanup_free_ char *text = printed("text", &p, &o);

	(void)state;
	assert_non_null(
		strstr(text, "  and 10 more tasks in 7 other places (-v shows every task)\n"));
}

/* Who holds the lock is told; a queue of one task's own is in its row already. */
static void locks_are_groups(void **state)
{
	struct profile p = only(0);
	struct task_list l = p.task_lists[0];
	struct task_lock lock = l.locks[0];
	_cleanup_free_ char *text = printed("text", &p, NULL), *alone = NULL;

	(void)state;
	assert_non_null(strstr(text, "Lock 0x7f65937738: 4 tasks wait (sell-2, sell-3, sell-4, "
				     "sell-5); held by sell-1: Shop.sell"));
	lock.n_waiters = 1;
	lock.owner = -1;
	l.locks = &lock;
	p.task_lists = &l;
	alone = printed("text", &p, NULL);
	assert_null(strstr(alone, "0x7f65937738"));
}

/* Figures that are not known are left out; what the list is short of is not. */
static void unknown_is_said(void **state)
{
	struct profile p = only(2);
	_cleanup_free_ char *text = printed("text", &p, NULL);

	(void)state;
	assert_non_null(strstr(text, "loop that no known thread runs: 3 tasks\n"));
	assert_null(strstr(text, "timer"));
	assert_non_null(strstr(text, "1 task ended or moved on while being read; 2,040 tasks not "
				     "read"));
	assert_non_null(strstr(text, "(no name): _cython_3_0_11.coroutine"));
}

/* Without a loop it says so; a profile that is no look at tasks says nothing of them. */
static void no_loop_is_said(void **state)
{
	_cleanup_free_ char *none = printed("text", fixture_find("no-tasks"), NULL);
	_cleanup_free_ char *other = printed("text", fixture_find("healthy"), NULL);

	(void)state;
	assert_non_null(strstr(none, "No event loop was found"));
	assert_null(strstr(none, "No stalls"));
	assert_null(strstr(other, "was found"));
}

static void lines_keep_the_width(void **state)
{
	const struct writer_opts forms[] = { { 0 },
					     { .verbose = true },
					     { .tree = true },
					     { .width = 60, .tree = true },
					     { .width = 60, .verbose = true } };

	(void)state;
	for (size_t i = 0; i < COUNTOF(forms); i++) {
		_cleanup_free_ char *text = printed("text", fixture_find("tasks"), &forms[i]);
		size_t most = forms[i].width ? forms[i].width : 100;

		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(strlen(line) <= most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alike_tasks_are_one_row),
		cmocka_unit_test(verbose_has_every_task),
		cmocka_unit_test(rows_beyond_the_limit_are_counted),
		cmocka_unit_test(locks_are_groups),
		cmocka_unit_test(unknown_is_said),
		cmocka_unit_test(no_loop_is_said),
		cmocka_unit_test(lines_keep_the_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
