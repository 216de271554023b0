/* test_tasks_words.c: what a task is said to wait for. */
#include "tests/unit/output/printed.h"

#include "output/tasks_words.h"

static const struct task_list *list(void)
{
	return fixture_find("tasks")->task_lists;
}

static void expect(const struct task *t, enum task_words form, const char *words)
{
	cleanup(str_releasep) struct str s = { 0 };

	assert_int_equal(task_words(&s, list(), NULL, t, form), 0);
	assert_string_equal(str_text(&s), words);
}

/* The program's own frames, then what its innermost one asked of a library. */
static void own_frames_lead(void **state)
{
	(void)state;
	expect(&list()->tasks[3], WORDS_COMMON,
	       "Shop.sell (shop.py:33) > Store.write (store.py:18) awaiting a thread [to_thread]");
	expect(&list()->tasks[3], WORDS_WHOLE,
	       "Shop.sell (shop.py:33) > Store.write (store.py:18) > to_thread (threads.py:25) "
	       "awaiting a thread [to_thread]");
	expect(&list()->tasks[4], WORDS_COMMON,
	       "Shop.sell (shop.py:32) awaiting Lock [async with]");
}

/* A callback of the program below a library's frame is where it stands, and all above is shown. */
static void own_frames_below_a_library(void **state)
{
	struct await chain[] = { FRAME("main", "/a/app.py", 1),
				 LIBRARY("wait_for", "/l/tasks.py", 2),
				 FRAME("own", "/a/app.py", 3), LIBRARY("sleep", "/l/tasks.py", 4),
				 ENDS(AWAIT_FUTURE, "Future") };
	struct task t = { "t", "main", TASK_PENDING, AT("", 0), AWAITS(chain) };

	(void)state;
	expect(&t, WORDS_COMMON,
	       "main (app.py:1) > wait_for (tasks.py:2) > own (app.py:3) awaiting Future [sleep]");
}

/* Awaited tasks by coroutine where rows are compared, by name where one is told. */
static void tasks_by_name_or_coroutine(void **state)
{
	struct await same[] = {
		FRAME("f", "a.py", 1), EDGE(4), EDGE(5), EDGE(6), EDGE(7), EDGE(3)
	};
	struct task t = { "t", "f", TASK_PENDING, AT("", 0), AWAITS(same) };

	(void)state;
	expect(&t, WORDS_COMMON, "f (a.py:1) awaiting 5 tasks (Shop.sell)");
	expect(&t, WORDS_NAMED, "f (a.py:1) awaiting tasks sell-2, sell-3, sell-4 and 2 more");
	expect(&t, WORDS_NO_TASKS, "f (a.py:1) awaiting 5 tasks");
	expect(&list()->tasks[0], WORDS_COMMON, "main (app.py:12) awaiting gather of 3 tasks");
	expect(&list()->tasks[11], WORDS_NAMED,
	       "wait_all (app.py:77) awaiting task left, 1 not listed");
}

/* What a ready task awaited is over; a running one is in what it calls. */
static void states_have_their_words(void **state)
{
	struct await chain[] = { FRAME("f", "a.py", 1), LIBRARY("sleep", "/l/tasks.py", 4) };
	struct task t = { "t", "f", TASK_READY, AT("", 0), AWAITS(chain) };

	(void)state;
	expect(&t, WORDS_COMMON, "f (a.py:1)");
	t.state = TASK_RUNNING;
	expect(&t, WORDS_COMMON, "f (a.py:1) in sleep");
	t.state = TASK_PENDING;
	expect(&t, WORDS_COMMON, "f (a.py:1) awaiting sleep");
	assert_string_equal(task_state_name(99), "waiting");
	assert_string_equal(await_kind_name(0), "future");
	assert_string_equal(await_kind_name(AWAIT_LOCK), "lock");
}

static void unknown_has_words(void **state)
{
	struct task t = { "", "", TASK_PENDING, AT("", 0), .truncated = true };

	(void)state;
	expect(&t, WORDS_COMMON, "[unknown] > ...");
	assert_string_equal(task_name(&t), "(no name)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_frames_lead),
		cmocka_unit_test(own_frames_below_a_library),
		cmocka_unit_test(tasks_by_name_or_coroutine),
		cmocka_unit_test(states_have_their_words),
		cmocka_unit_test(unknown_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
