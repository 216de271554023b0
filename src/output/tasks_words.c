/* tasks_words.c: see tasks_words.h. */
#include "output/tasks_words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/vec.h"
#include "output/units.h"

#define NAMED_MOST 3  /* awaited tasks that are named one by one */
#define NAME_MOST  60 /* columns of each of them: many may await one with a very long name */

const char *task_state_name(enum task_state state)
{
	static const char *const names[] = {
		[TASK_PENDING] = "waiting", [TASK_RUNNING] = "running",	    [TASK_READY] = "ready",
		[TASK_DONE] = "done",	    [TASK_CANCELLED] = "cancelled",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "waiting";
}

const char *await_kind_name(enum await_kind kind)
{
	static const char *const names[] = {
		[AWAIT_FRAME] = "frame",   [AWAIT_TASK] = "task", [AWAIT_GATHER] = "gather",
		[AWAIT_FUTURE] = "future", [AWAIT_LOCK] = "lock",
	};

	return kind >= AWAIT_FRAME && kind <= AWAIT_LOCK ? names[kind] : "future";
}

const char *task_name(const struct task *t)
{
	return *t->name ? t->name : "(no name)";
}

static int add_place(struct str *s, const struct paths *paths, const char *fn, const char *file,
		     uint32_t line)
{
	int r = str_add(s, *fn ? fn : "[unknown]");

	if (r == 0 && *file && line)
		r = str_printf(s, " (%s:%" PRIu32 ")", path_short(paths, file), line);
	else if (r == 0 && *file)
		r = str_printf(s, " (%s)", path_short(paths, file));
	return r;
}

/* The program's own frames lead to what it asked of a library; what the library does to get there
 * is nobody's question until the whole is wanted. */
static int add_frames(struct str *s, const struct paths *paths, const struct task *t, bool whole)
{
	size_t shown = 0, last = 0;
	int r = 0;

	for (size_t i = 0; i < t->n_awaits; i++)
		if (t->awaits[i].kind == AWAIT_FRAME && !t->awaits[i].library)
			last = i;
	for (size_t i = 0; i < t->n_awaits && r == 0; i++) {
		const struct await *a = &t->awaits[i];

		if (a->kind != AWAIT_FRAME || (!whole && i > last))
			continue;
		r = str_add(s, shown++ ? " > " : "");
		if (r == 0)
			r = add_place(s, paths, a->fn, a->file, a->line);
	}
	return r || shown ? r : str_add(s, *t->coro ? t->coro : "[unknown]");
}

int task_names(struct str *s, const struct task_list *list, const int *tasks, size_t count)
{
	/* "and 1 more" takes more room than a name */
	size_t shown = count == NAMED_MOST + 1 ? count : NAMED_MOST, i;
	int r = 0;

	for (i = 0; i < count && i < shown && r == 0; i++) {
		r = str_add(s, i ? ", " : "");
		if (r == 0)
			r = text_clip(s, task_name(&list->tasks[tasks[i]]), NAME_MOST);
	}
	return r || i == count ? r : str_printf(s, " and %s more", COUNT(count - i));
}

/* What the tasks that this one awaits have in common. */
struct awaited {
	VEC(int) tasks;
	size_t unlisted;
	const char *coro; /* of all of them; NULL: they differ */
};

static int collect(const struct task_list *list, const struct task *t, struct awaited *ret)
{
	for (size_t i = 0; i < t->n_awaits; i++) {
		const struct await *a = &t->awaits[i];
		const char *coro;

		if (a->kind != AWAIT_TASK)
			continue;
		if (a->task < 0) {
			ret->unlisted++;
			continue;
		}
		coro = list->tasks[a->task].coro;
		if (ret->tasks.count == 0)
			ret->coro = coro;
		else if (ret->coro && strcmp(ret->coro, coro) != 0)
			ret->coro = NULL;
		if (vec_add(&ret->tasks, a->task) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_tasks(struct str *s, const struct task_list *list, const struct awaited *a,
		     enum task_words form)
{
	size_t n = a->tasks.count;
	int r = 0;

	if (n && form == WORDS_NO_TASKS)
		r = str_printf(s, "%s task%s", COUNT(n), n == 1 ? "" : "s");
	else if (n && form != WORDS_COMMON)
		r = str_printf(s, "task%s ", n == 1 ? "" : "s") ||
				    task_names(s, list, a->tasks.items, n)
			    ? -ENOMEM
			    : 0;
	else if (n && a->coro && *a->coro)
		r = str_printf(s, "%s task%s (%s)", COUNT(n), n == 1 ? "" : "s", a->coro);
	else if (n)
		r = str_printf(s, "%s task%s", COUNT(n), n == 1 ? "" : "s");
	if (r == 0 && a->unlisted)
		r = str_printf(s, "%s%s not listed", n ? ", " : "", COUNT(a->unlisted));
	return r;
}

/* The outermost frame of a library below the program's own. */
static const char *asked_for(const struct task *t)
{
	const char *asked = "";

	for (size_t i = 0; i < t->n_awaits; i++) {
		const struct await *a = &t->awaits[i];

		if (a->kind == AWAIT_FRAME && !a->library)
			asked = "";
		else if (a->kind == AWAIT_FRAME && !*asked && i > 0)
			asked = a->fn;
	}
	/* the words of the program itself */
	return str_ends(asked, "__aenter__") ? "async with" : asked;
}

/* What stands at the end of the chain; NULL: frames or tasks. */
static const struct await *end_of(const struct task *t)
{
	for (size_t i = t->n_awaits; i-- > 0;)
		if (t->awaits[i].kind != AWAIT_FRAME && t->awaits[i].kind != AWAIT_TASK)
			return &t->awaits[i];
	return NULL;
}

static int add_end(struct str *s, const struct task_list *list, const struct task *t,
		   enum task_words form)
{
	const char *asked = asked_for(t);
	const struct await *end = end_of(t);
	struct awaited tasks = { 0 };
	bool any;
	int r = collect(list, t, &tasks);

	any = tasks.tasks.count || tasks.unlisted;
	if (t->state == TASK_READY && !end && !any) /* what it awaited is done */
		asked = "";
	if (r == 0 && (end || any || *asked))
		r = str_add(s, t->state == TASK_RUNNING ? " in " : " awaiting ");
	if (r == 0 && end && end->kind == AWAIT_GATHER)
		r = str_add(s, any ? "gather of " : "gather");
	else if (r == 0 && end && !any)
		r = str_add(s, strcmp(end->fn, "thread") == 0 ? "a thread"
			       : *end->fn		      ? end->fn
							      : "Future");
	if (r == 0 && any)
		r = add_tasks(s, list, &tasks, form);
	if (r == 0 && *asked)
		r = end || any ? str_printf(s, " [%s]", asked) : str_add(s, asked);
	vec_release(&tasks.tasks);
	return r;
}

int task_words(struct str *s, const struct task_list *list, const struct paths *paths,
	       const struct task *t, enum task_words form)
{
	int r = add_frames(s, paths, t, form == WORDS_WHOLE);

	if (r == 0 && t->truncated)
		r = str_add(s, " > ...");
	return r ? r : add_end(s, list, t, form);
}
