/* test_text_tree.c: the tree ends whatever awaits whatever, and shows every task. */
#include "tests/unit/output/printed.h"

#include <time.h>

#define TASKS 200

/* Task i awaits those of `edges` whose first is i; pairs end in -1. */
static char *tree_of(size_t n_tasks, const int (*edges)[2], size_t n_edges, bool verbose)
{
	static struct task tasks[TASKS];
	static struct await awaits[TASKS][8];
	static int by[TASKS][8];
	static char names[TASKS][8];
	const struct writer_opts o = { .width = 400, .tree = true, .verbose = verbose };
	struct profile p = *fixture_find("tasks");
	struct task_list l = { .kind = "asyncio", .n_tasks = n_tasks, .tasks = tasks };

	memset(tasks, 0, sizeof(tasks));
	for (size_t i = 0; i < n_tasks; i++) {
		snprintf(names[i], sizeof(names[i]), "t%zu", i);
		tasks[i] = (struct task){
			names[i],	    "f", TASK_PENDING, .file = "", .awaits = awaits[i],
			.awaited_by = by[i]
		};
	}
	for (size_t i = 0; i < n_edges; i++) {
		struct task *from = &tasks[edges[i][0]], *to = &tasks[edges[i][1]];

		from->awaits[from->n_awaits++] = (struct await){
			.kind = AWAIT_TASK, .fn = "", .file = "", .task = edges[i][1]
		};
		to->awaited_by[to->n_awaited_by++] = edges[i][0];
	}
	p.task_lists = &l;
	p.n_task_lists = 1;
	return printed("text", &p, &o);
}

#define TREE(n, verbose, ...) \
	tree_of(n, (const int[][2]){ __VA_ARGS__ }, \
		sizeof((const int[][2]){ __VA_ARGS__ }) / sizeof(int[2]), verbose)

static void children_stand_below(void **state)
{
	_cleanup_free_ char *text = TREE(3, false, { 0, 1 }, { 1, 2 });

	(void)state;
	assert_non_null(strstr(text, "\n  t0: f awaiting 1 task\n      t1: f awaiting 1 task\n"
				     "          t2: f\n"));
}

/* A cycle has no task that nobody awaits: it begins at the first, and is marked where it closes. */
static void cycles_are_marked(void **state)
{
	_cleanup_free_ char *text = TREE(4, false, { 1, 2 }, { 2, 3 }, { 3, 1 });
	_cleanup_free_ char *self = TREE(1, false, { 0, 0 });

	(void)state;
	assert_int_equal(times_in(text, "a cycle"), 1);
	assert_non_null(strstr(text, "              t1: f  <- a cycle"));
	assert_non_null(strstr(text, "\n  t0: f\n"));
	assert_int_equal(times_in(self, "a cycle"), 1);
}

/* What two tasks await stands below both, what it awaits itself only once. */
static void shared_tasks_are_opened_once(void **state)
{
	_cleanup_free_ char *text = TREE(4, false, { 0, 2 }, { 1, 2 }, { 2, 3 });

	(void)state;
	assert_int_equal(times_in(text, "t2: f"), 2);
	assert_int_equal(times_in(text, "t3: f"), 1);
	assert_int_equal(times_in(text, "(what it awaits is shown above)"), 1);
}

/* So does one that awaits nothing: what it does is said the first time. */
static void shared_leaves_are_said_once(void **state)
{
	_cleanup_free_ char *text = TREE(5, false, { 0, 2 }, { 0, 3 }, { 0, 4 }, { 1, 2 }, { 1, 3 },
					 { 1, 4 });

	(void)state;
	assert_non_null(strstr(text, "\n      3 x f: t2, t3, t4\n"));
	assert_non_null(strstr(text, "\n      3 x f  (shown above): t2, t3, t4\n"));
}

/* Leaves that stand alike are one line, with -v a line each. */
static void leaves_are_grouped(void **state)
{
	_cleanup_free_ char *text = TREE(6, false, { 0, 1 }, { 0, 2 }, { 0, 3 }, { 0, 4 },
					 { 0, 5 });
	_cleanup_free_ char *all = TREE(6, true, { 0, 1 }, { 0, 2 }, { 0, 3 }, { 0, 4 }, { 0, 5 });

	(void)state;
	assert_non_null(strstr(text, "\n      5 x f: t1, t2, t3 and 2 more\n"));
	assert_int_equal(times_in(all, "\n      t"), 5);
}

/* A chain deeper than is shown goes on at the margin: no task is lost, and nothing recurses far. */
static void deep_chains_go_on(void **state)
{
	int edges[TASKS - 1][2];
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (int i = 0; i < TASKS - 1; i++) {
		edges[i][0] = i;
		edges[i][1] = i + 1;
	}
	text = tree_of(TASKS, (const int(*)[2])edges, TASKS - 1, false);
	assert_int_equal(times_in(text, "(what it awaits is shown further below)"), TASKS / 64);
	for (int i = 0; i < TASKS; i++) {
		char name[16];

		snprintf(name, sizeof(name), " t%d: f", i);
		assert_non_null(strstr(text, name));
	}
}

/* Everything awaits everything: one line for each edge at most. */
static void dense_graphs_end(void **state)
{
	int edges[8 * 8][2];
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (int i = 0; i < 64; i++) {
		edges[i][0] = i / 8;
		edges[i][1] = i % 8;
	}
	text = tree_of(8, (const int(*)[2])edges, 64, false);
	assert_true(times_in(text, ": f") <= 64 + 8);
}

/* CPU time of the tree in which half of `n` tasks await a task that awaits the other half, and has
 * a chain of as many frames. */
static clock_t time_of_hub(size_t n)
{
	_cleanup_free_ struct task *tasks = calloc(n, sizeof(*tasks));
	_cleanup_free_ struct await *awaits = calloc(n, sizeof(*awaits));
	_cleanup_free_ int *by = calloc(n, sizeof(*by));
	struct await to_hub = { .kind = AWAIT_TASK, .fn = "", .file = "", .task = 0 };
	const struct writer_opts o = { .tree = true };
	struct task_list l = { .kind = "asyncio", .n_tasks = n, .tasks = tasks };
	struct profile p = *fixture_find("tasks");
	_cleanup_free_ char *text = NULL;
	clock_t start, end;

	for (size_t i = 0; i < n; i++) {
		bool child = i > n / 2;

		by[i] = (int)i;
		awaits[i] = (struct await){ .kind = child ? AWAIT_TASK : AWAIT_FRAME,
					    .fn = "f",
					    .file = "a.py",
					    .line = 1,
					    .task = (int)i };
		tasks[i] = (struct task){ "t",
					  "f",
					  TASK_PENDING,
					  .file = "",
					  .awaits = &to_hub,
					  .n_awaits = !child,
					  .n_awaited_by = child };
	}
	tasks[0] = (struct task){ "hub",
				  "f",
				  TASK_PENDING,
				  .file = "",
				  .awaits = awaits,
				  .n_awaits = n,
				  .awaited_by = by,
				  .n_awaited_by = n / 2 };
	p.task_lists = &l;
	p.n_task_lists = 1;
	start = clock();
	text = printed("text", &p, &o);
	end = clock();
	assert_non_null(strstr(text, "hub: f  (what it awaits is shown above)"));
	return end - start;
}

/* A recording cannot make the tree take the square of its tasks: eight times as many, and it takes
 * less than 32 times as long. */
static void time_is_linear(void **state)
{
	clock_t few = time_of_hub(12501);

	(void)state;
	assert_true(time_of_hub(100003) < 32 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_stand_below),
		cmocka_unit_test(cycles_are_marked),
		cmocka_unit_test(shared_tasks_are_opened_once),
		cmocka_unit_test(shared_leaves_are_said_once),
		cmocka_unit_test(leaves_are_grouped),
		cmocka_unit_test(deep_chains_go_on),
		cmocka_unit_test(dense_graphs_end),
		cmocka_unit_test(time_is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
