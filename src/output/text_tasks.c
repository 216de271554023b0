/* text_tasks.c: the tasks of each loop: which stand where, and what they wait for.
 *
 * Tasks that stand alike are one row.  The tree of who awaits whom is in text_tree.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/vec.h"
#include "output/tasks_words.h"
#include "output/text.h"
#include "output/units.h"

#define WORDS_AT 18 /* column where a row's words begin */

/* Tasks with the same words. */
struct group {
	char *words;
	enum task_state state;
	const int *tasks; /* indexes, in order of the list */
	size_t count;
};

struct entry {
	char *words;
	enum task_state state;
	int task;
};

/* Running ones first, then those that will run next. */
static int rank(enum task_state state)
{
	return state == TASK_RUNNING ? 0 : state == TASK_READY ? 1 : 2 + (int)state;
}

static int by_words(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = rank(x->state) - rank(y->state);

	r = r ? r : strcmp(x->words, y->words);
	return r ? r : x->task - y->task;
}

static int by_count(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int r = rank(x->state) - rank(y->state);

	if (r)
		return r;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->tasks[0] - y->tasks[0];
}

struct groups {
	struct entry *entries;
	size_t n_entries;
	int *tasks;
	VEC(struct group) list;
};

static void groups_release(struct groups *g)
{
	for (size_t i = 0; i < g->n_entries; i++)
		free(g->entries[i].words);
	free(g->entries);
	free(g->tasks);
	vec_release(&g->list);
}

static int make_entries(const struct text *t, const struct task_list *list, struct groups *g)
{
	g->entries = calloc(list->n_tasks + 1, sizeof(*g->entries));
	g->tasks = calloc(list->n_tasks + 1, sizeof(*g->tasks));
	if (!g->entries || !g->tasks)
		return -ENOMEM;
	for (size_t i = 0; i < list->n_tasks; i++) {
		cleanup(str_releasep) struct str s = { 0 };
		struct entry *e = &g->entries[g->n_entries];

		if (task_words(&s, list, &t->paths, &list->tasks[i], WORDS_COMMON) < 0)
			return -ENOMEM;
		e->words = strdup(str_text(&s));
		if (!e->words)
			return -ENOMEM;
		e->state = list->tasks[i].state;
		e->task = (int)i;
		g->n_entries++;
	}
	qsort(g->entries, g->n_entries, sizeof(*g->entries), by_words);
	return 0;
}

static bool alike(const struct entry *a, const struct entry *b)
{
	return a->state == b->state && strcmp(a->words, b->words) == 0;
}

static int make_groups(const struct text *t, const struct task_list *list, struct groups *g)
{
	int r = make_entries(t, list, g);

	for (size_t i = 0; i < g->n_entries && r == 0; i++) {
		struct entry *e = &g->entries[i];

		g->tasks[i] = e->task;
		if (i && !t->verbose && alike(e, e - 1))
			g->list.items[g->list.count - 1].count++;
		else
			r = vec_add(&g->list, { e->words, e->state, &g->tasks[i], 1 });
	}
	if (r == 0 && g->list.count)
		qsort(g->list.items, g->list.count, sizeof(*g->list.items), by_count);
	return r;
}

/* One task is told by its name; of many it is told how many, and the names below. */
static int print_group(const struct text *t, const struct task_list *list, const struct group *g)
{
	const struct task *first = &list->tasks[g->tasks[0]];
	cleanup(str_releasep) struct str s = { 0 }, names = { 0 };
	int r = str_printf(&s, "%-9s%5s  ", task_state_name(g->state), COUNT(g->count));

	if (r == 0 && g->count == 1)
		r = str_printf(&s, "%s: ", task_name(first));
	if (r == 0 && g->count > 1)
		r = str_add(&s, g->words);
	else if (r == 0)
		r = task_words(&s, list, &t->paths, first, t->verbose ? WORDS_WHOLE : WORDS_NAMED);
	if (r)
		return r;
	text_wrap(t, 2, WORDS_AT + 2, str_text(&s));
	if (g->count == 1)
		return 0;
	r = task_names(&names, list, g->tasks, g->count);
	if (r == 0)
		text_wrap(t, WORDS_AT + 2, WORDS_AT + 2, str_text(&names));
	return r;
}

static int print_rows(const struct text *t, const struct task_list *list)
{
	struct groups g = { 0 };
	size_t shown, left = 0;
	int r = make_groups(t, list, &g);

	shown = t->verbose || g.list.count <= t->show ? g.list.count : t->show;
	if (r == 0 && shown)
		fprintf(t->f, "  %-9s%5s  %s\n", "STATE", "TASKS", "WHERE");
	for (size_t i = 0; i < shown && r == 0; i++)
		r = print_group(t, list, &g.list.items[i]);
	for (size_t i = shown; i < g.list.count; i++)
		left += g.list.items[i].count;
	if (r == 0 && left)
		fprintf(t->f, "  and %s more task%s in %s other place%s (-v shows every task)\n",
			COUNT(left), left == 1 ? "" : "s", COUNT(g.list.count - shown),
			g.list.count - shown == 1 ? "" : "s");
	groups_release(&g);
	return r;
}

static int print_lock(const struct text *t, const struct task_list *list,
		      const struct task_lock *lock)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = str_printf(&s, "%s 0x%" PRIx64 ": %s task%s wait%s", lock->type, lock->address,
			   COUNT(lock->n_waiters), lock->n_waiters == 1 ? "" : "s",
			   lock->n_waiters == 1 ? "s" : "");

	if (r == 0)
		r = str_add(&s, " (");
	if (r == 0)
		r = task_names(&s, list, lock->waiters, lock->n_waiters);
	if (r == 0)
		r = str_add(&s, ")");
	if (r == 0 && lock->owner >= 0) {
		r = str_printf(&s, "; held by %s: ", task_name(&list->tasks[lock->owner]));
		if (r == 0)
			r = task_words(&s, list, &t->paths, &list->tasks[lock->owner], WORDS_NAMED);
	}
	if (r == 0)
		text_wrap(t, 4, 6, str_text(&s));
	return r;
}

/* One task at a queue of its own is in its row already: here is who waits together, or whom for. */
static int print_locks(const struct text *t, const struct task_list *list)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < list->n_locks && r == 0; i++) {
		const struct task_lock *lock = &list->locks[i];

		if (lock->n_waiters < 2 && lock->owner < 0)
			continue;
		if (n++ == 0)
			fputs("  waited for together, or held by another task:\n", t->f);
		if (t->verbose || n <= t->show)
			r = print_lock(t, list, lock);
	}
	if (r == 0 && n > t->show && !t->verbose)
		fprintf(t->f, "    and %zu more (-v shows them)\n", n - t->show);
	return r;
}

static int head(const struct text *t, const struct task_list *list, struct str *s)
{
	int r = str_printf(s, "pid %" PRIu32 " %s loop ", t->p->procs[list->proc].pid, list->kind);

	if (r == 0)
		r = list->tid ? str_printf(s, "in thread %" PRIu32, list->tid)
			      : str_add(s, "that no known thread runs");
	if (r == 0)
		r = str_printf(s, ": %s task%s", COUNT(list->n_tasks),
			       list->n_tasks == 1 ? "" : "s");
	if (r == 0 && list->ready != UINT64_MAX)
		r = str_printf(s, ", %s ready callback%s", COUNT(list->ready),
			       list->ready == 1 ? "" : "s");
	if (r == 0 && list->scheduled != UINT64_MAX)
		r = str_printf(s, ", %s timer%s", COUNT(list->scheduled),
			       list->scheduled == 1 ? "" : "s");
	return r;
}

/* What was lost before its loop was known is told with the first list of the process. */
static bool has_others(const struct profile *p, const struct task_list *list)
{
	for (size_t i = 0; i < p->n_task_lists; i++)
		if (&p->task_lists[i] != list && p->task_lists[i].proc == list->proc)
			return true;
	return false;
}

/* What the list is short of. */
static int print_missed(const struct text *t, const struct task_list *list)
{
	cleanup(str_releasep) struct str s = { 0 };
	size_t before;
	int r;

	if (!list->vanished && !list->skipped)
		return 0;
	r = str_printf(&s, "not shown%s: ", has_others(t->p, list) ? ", of any of its loops" : "");
	before = s.len;
	if (r == 0 && list->vanished)
		r = str_printf(&s, "%s task%s ended or moved on while being read",
			       COUNT(list->vanished), list->vanished == 1 ? "" : "s");
	if (r == 0 && list->skipped)
		r = str_printf(&s, "%s%s task%s not read (too many, or out of time)",
			       s.len > before ? "; " : "", COUNT(list->skipped),
			       list->skipped == 1 ? "" : "s");
	if (r == 0)
		text_wrap(t, 2, 4, str_text(&s));
	return r;
}

int text_tasks(const struct text *t)
{
	const struct profile *p = t->p;
	int r = 0;

	if (!p->n_task_lists && p->is_tasks)
		text_wrap(t, 2, 2,
			  "No event loop was found: no thread runs one, and no task "
			  "waits for one.");
	for (size_t i = 0; i < p->n_task_lists && r == 0; i++) {
		const struct task_list *list = &p->task_lists[i];
		cleanup(str_releasep) struct str s = { 0 };

		r = head(t, list, &s);
		if (r)
			return r;
		fputc('\n', t->f);
		text_title(t, str_text(&s));
		r = t->tree ? text_tree(t, list) : print_rows(t, list);
		if (r == 0)
			r = print_locks(t, list);
		if (r == 0)
			r = print_missed(t, list);
	}
	if (r == 0 && p->n_task_lists)
		fputc('\n', t->f);
	return r;
}
