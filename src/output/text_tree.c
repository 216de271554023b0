/* text_tree.c: who awaits whom, as an indented tree.
 *
 * A task that several await stands below each of them, but what it awaits itself is shown once; a
 * task that awaits itself over others is marked.  So the tree ends, whatever the list says.
 */
#include <errno.h>
#include <string.h>

#include "output/tasks_words.h"
#include "output/text.h"
#include "output/units.h"

#define DEPTH_MAX 64 /* levels shown below each other */

enum mark {
	MARK_NEW = 0,
	MARK_OPEN, /* on the way from the root to here */
	MARK_SHOWN,
};

struct tree {
	const struct text *t;
	const struct task_list *list;
	unsigned char *marks; /* enum mark of each task */
};

/* Several levels of a chain of gathers take four columns each and leave room for words. */
static size_t indent_of(const struct text *t, size_t depth)
{
	size_t most = t->width / 2, indent = 2 + 4 * depth;

	return indent < most ? indent : most;
}

static bool is_leaf(const struct task *t)
{
	for (size_t i = 0; i < t->n_awaits; i++)
		if (t->awaits[i].kind == AWAIT_TASK && t->awaits[i].task >= 0)
			return false;
	return true;
}

static int leaf_words(struct str *s, const struct tree *tree, int task)
{
	const struct task *t = &tree->list->tasks[task];
	int r = task_words(s, tree->list, &tree->t->paths, t, WORDS_NO_TASKS);

	return r || t->state == TASK_PENDING ? r
					     : str_printf(s, " (%s)", task_state_name(t->state));
}

static int print_task(const struct tree *tree, int task, size_t depth, const char *remark)
{
	size_t indent = indent_of(tree->t, depth);
	cleanup(str_releasep) struct str s = { 0 };
	int r = str_printf(&s, "%s: ", task_name(&tree->list->tasks[task]));

	if (r == 0)
		r = leaf_words(&s, tree, task);
	if (r == 0)
		r = str_add(&s, remark);
	if (r == 0)
		text_wrap(tree->t, indent, indent + 4, str_text(&s));
	return r;
}

/* Leaves next to each other that stand alike are one line. */
static int print_leaves(const struct tree *tree, const int *tasks, size_t count, size_t depth)
{
	size_t indent = indent_of(tree->t, depth);
	cleanup(str_releasep) struct str s = { 0 };
	int r;

	if (count == 1)
		return print_task(tree, tasks[0], depth, "");
	r = str_printf(&s, "%s x ", COUNT(count));
	if (r == 0)
		r = leaf_words(&s, tree, tasks[0]);
	if (r == 0)
		r = str_add(&s, ": ");
	if (r == 0)
		r = task_names(&s, tree->list, tasks, count);
	if (r == 0)
		text_wrap(tree->t, indent, indent + 4, str_text(&s));
	return r;
}

static int same_words(const struct tree *tree, int a, int b, bool *ret_same)
{
	cleanup(str_releasep) struct str x = { 0 }, y = { 0 };
	int r = leaf_words(&x, tree, a);

	if (r == 0)
		r = leaf_words(&y, tree, b);
	*ret_same = r == 0 && strcmp(str_text(&x), str_text(&y)) == 0;
	return r;
}

static int print_children(struct tree *tree, const int *tasks, size_t count, size_t depth);

static int print_node(struct tree *tree, int task, size_t depth)
{
	const struct task *t = &tree->list->tasks[task];
	_cleanup_free_ int *children = NULL;
	size_t n = 0;
	int r;

	if (tree->marks[task] == MARK_OPEN)
		return print_task(tree, task, depth, "  <- a cycle: it awaits itself");
	if (tree->marks[task] == MARK_SHOWN && !is_leaf(t))
		return print_task(tree, task, depth, "  (what it awaits is shown above)");
	if (depth >= DEPTH_MAX)
		return print_task(tree, task, depth, "  (what it awaits is shown further below)");
	children = calloc(t->n_awaits + 1, sizeof(*children));
	if (!children)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_awaits; i++)
		if (t->awaits[i].kind == AWAIT_TASK && t->awaits[i].task >= 0)
			children[n++] = t->awaits[i].task;
	tree->marks[task] = MARK_OPEN;
	r = print_task(tree, task, depth, "");
	if (r == 0)
		r = print_children(tree, children, n, depth + 1);
	tree->marks[task] = MARK_SHOWN;
	return r;
}

static int print_children(struct tree *tree, const int *tasks, size_t count, size_t depth)
{
	int r = 0;

	for (size_t i = 0, to; i < count && r == 0; i = to) {
		bool same = true;

		to = i + 1;
		if (!is_leaf(&tree->list->tasks[tasks[i]])) {
			r = print_node(tree, tasks[i], depth);
			continue;
		}
		while (to < count && r == 0 && !tree->t->verbose &&
		       is_leaf(&tree->list->tasks[tasks[to]])) {
			r = same_words(tree, tasks[i], tasks[to], &same);
			if (!same)
				break;
			to++;
		}
		for (size_t k = i; k < to; k++)
			tree->marks[tasks[k]] = MARK_SHOWN;
		if (r == 0)
			r = print_leaves(tree, tasks + i, to - i, depth);
	}
	return r;
}

/* Tasks that nobody awaits; then, where all await each other, the first of each cycle. */
int text_tree(const struct text *t, const struct task_list *list)
{
	_cleanup_free_ unsigned char *marks = calloc(list->n_tasks + 1, 1);
	_cleanup_free_ int *roots = calloc(list->n_tasks + 1, sizeof(*roots));
	struct tree tree = { t, list, marks };
	size_t n = 0;
	int r;

	if (!marks || !roots)
		return -ENOMEM;
	for (size_t i = 0; i < list->n_tasks; i++)
		if (!list->tasks[i].n_awaited_by)
			roots[n++] = (int)i;
	r = print_children(&tree, roots, n, 0);
	for (size_t i = 0; i < list->n_tasks && r == 0; i++)
		if (marks[i] == MARK_NEW)
			r = print_node(&tree, (int)i, 0);
	return r;
}
