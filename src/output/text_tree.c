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

#define DEPTH_MAX  64 /* levels shown below each other */
#define AGAIN_MOST 60 /* columns of a name that stands further up in full */

enum mark {
	MARK_NEW = 0,
	MARK_OPEN, /* on the way from the root to here */
	MARK_SHOWN,
};

struct tree {
	const struct text *t;
	const struct task_list *list;
	unsigned char *marks; /* enum mark of each task */
	bool *leaf;	      /* of each task: it awaits none of the list */
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

/* What a task does is said in one place only, however many await it: there the remark is "". */
static int node_words(struct str *s, const struct tree *tree, int task, const char *remark)
{
	const struct task *t = &tree->list->tasks[task];
	int r;

	if (*remark)
		r = text_clip(s, *t->coro ? t->coro : "[unknown]", AGAIN_MOST);
	else
		r = task_words(s, tree->list, &tree->t->paths, t, WORDS_NO_TASKS);
	if (r == 0 && t->state != TASK_PENDING)
		r = str_printf(s, " (%s)", task_state_name(t->state));
	return r ? r : str_add(s, remark);
}

static int print_task(const struct tree *tree, int task, size_t depth, const char *remark)
{
	size_t indent = indent_of(tree->t, depth);
	cleanup(str_releasep) struct str s = { 0 };
	int r = text_clip(&s, task_name(&tree->list->tasks[task]), *remark ? AGAIN_MOST : SIZE_MAX);

	if (r == 0)
		r = str_add(&s, ": ");
	if (r == 0)
		r = node_words(&s, tree, task, remark);
	if (r == 0)
		text_wrap(tree->t, indent, indent + 4, str_text(&s));
	return r;
}

static const char *leaf_remark(const struct tree *tree, int task)
{
	return tree->marks[task] == MARK_NEW ? "" : "  (shown above)";
}

/* Leaves next to each other that stand alike are one line. */
static int print_leaves(const struct tree *tree, const int *tasks, size_t count, size_t depth,
			const char *words)
{
	size_t indent = indent_of(tree->t, depth);
	cleanup(str_releasep) struct str s = { 0 };
	int r;

	if (count == 1)
		return print_task(tree, tasks[0], depth, leaf_remark(tree, tasks[0]));
	r = str_printf(&s, "%s x %s: ", COUNT(count), words);
	if (r == 0)
		r = task_names(&s, tree->list, tasks, count);
	if (r == 0)
		text_wrap(tree->t, indent, indent + 4, str_text(&s));
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
	if (tree->marks[task] == MARK_SHOWN)
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

/* How many leaves from the first of `tasks` on stand alike; their words are `ret_words`. */
static int alike(const struct tree *tree, const int *tasks, size_t count, struct str *ret_words,
		 size_t *ret_count)
{
	size_t n = 1;
	int r = node_words(ret_words, tree, tasks[0], leaf_remark(tree, tasks[0]));

	for (; n < count && r == 0 && !tree->t->verbose && tree->leaf[tasks[n]]; n++) {
		cleanup(str_releasep) struct str s = { 0 };

		r = node_words(&s, tree, tasks[n], leaf_remark(tree, tasks[n]));
		if (strcmp(str_text(&s), str_text(ret_words)) != 0)
			break;
	}
	*ret_count = n;
	return r;
}

static int print_children(struct tree *tree, const int *tasks, size_t count, size_t depth)
{
	size_t n = 1;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i += n) {
		cleanup(str_releasep) struct str words = { 0 };

		n = 1;
		if (!tree->leaf[tasks[i]]) {
			r = print_node(tree, tasks[i], depth);
			continue;
		}
		r = alike(tree, tasks + i, count - i, &words, &n);
		if (r == 0)
			r = print_leaves(tree, tasks + i, n, depth, str_text(&words));
		for (size_t k = i; k < i + n; k++)
			tree->marks[tasks[k]] = MARK_SHOWN;
	}
	return r;
}

/* Tasks that nobody awaits; then, where all await each other, the first of each cycle. */
int text_tree(const struct text *t, const struct task_list *list)
{
	_cleanup_free_ unsigned char *marks = calloc(list->n_tasks + 1, 1);
	_cleanup_free_ bool *leaf = calloc(list->n_tasks + 1, sizeof(*leaf));
	_cleanup_free_ int *roots = calloc(list->n_tasks + 1, sizeof(*roots));
	struct tree tree = { t, list, marks, leaf };
	size_t n = 0;
	int r;

	if (!marks || !leaf || !roots)
		return -ENOMEM;
	for (size_t i = 0; i < list->n_tasks; i++) {
		leaf[i] = is_leaf(&list->tasks[i]);
		if (!list->tasks[i].n_awaited_by)
			roots[n++] = (int)i;
	}
	r = print_children(&tree, roots, n, 0);
	for (size_t i = 0; i < list->n_tasks && r == 0; i++)
		if (marks[i] == MARK_NEW)
			r = print_node(&tree, (int)i, 0);
	return r;
}
