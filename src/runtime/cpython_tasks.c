/* cpython_tasks.c: see cpython_tasks.h. */
#include "runtime/cpython_tasks.h"

#include <errno.h>
#include <string.h>

#include "runtime/cpython_task.h"
#include "runtime/cpython_task_locks.h"
#include "runtime/cpython_task_set.h"
#include "runtime/cpython_tid.h"

#define ATTEMPTS       3		      /* at the containers of tasks */
#define LOOPS_MAX      256		      /* lists */
#define TEXT_BYTES_MAX (64u << 20)	      /* of all strings of all lists */
#define LIST_NS	       (CPYTHON_TASKS_NS / 4) /* for finding the tasks, each time */
#define LIST_READS     (1ull << 20)	      /* likewise, where nothing looks at the clock */

struct loop_list {
	uint64_t loop;
	struct task_list_data list;
};

struct collection {
	const struct cpython_tasks_opts *o;
	struct cpython_tasks_reader tr;
	struct task_threads threads;
	struct task_refs refs;
	uint64_t start, until;
	uint64_t gone;	  /* of no known loop: they were no task any more */
	uint64_t skipped; /* likewise */
	size_t n_tasks;
	VEC(struct loop_list) lists;
};

static uint64_t now(const struct collection *c)
{
	return c->o->loops->clock();
}

static void release(struct collection *c)
{
	for (size_t i = 0; i < c->lists.count; i++)
		task_list_release(&c->lists.items[i].list);
	vec_release(&c->lists);
	vec_release(&c->refs);
	vec_release(&c->threads);
	intern_release(&c->tr.texts);
}

/* Once over all interpreters; an interpreter is named by its threads. */
static int find_once(struct collection *c)
{
	struct cpython_loops *loops = c->o->loops;
	uint64_t until = now(c) + LIST_NS, last = 0;
	int r, one;

	cpython_reader_begin(loops->rd);
	cpython_reader_limit(loops->rd, LIST_READS);
	c->refs.count = 0;
	c->refs.left_out = 0;
	r = cpython_task_threads(loops, c->o->runtime, &c->threads);
	for (size_t i = 0; i < c->threads.count; i++) {
		uint64_t interp = c->threads.items[i].interp;

		if (interp == last)
			continue;
		last = interp;
		one = cpython_task_refs(loops, interp, &c->threads, until, &c->refs);
		if (one == -ESRCH || one == -ENOMEM)
			return one;
		r = one < 0 ? one : r;
	}
	return r;
}

/* What the last attempt found is used even if the containers changed again: each task is checked by
 * itself, and one that was missed had just come or was just going. */
static int find_all(struct collection *c)
{
	int r = -EAGAIN;

	for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
		r = find_once(c);
	if (r == -EAGAIN && !c->refs.count && !c->threads.count)
		return -ENODATA;
	cpython_task_refs_sort(&c->refs);
	c->skipped += c->refs.left_out;
	return r == -EAGAIN ? 0 : r;
}

static struct loop_list *list_find(struct collection *c, uint64_t loop)
{
	for (size_t i = 0; i < c->lists.count; i++)
		if (c->lists.items[i].loop == loop)
			return &c->lists.items[i];
	return NULL;
}

/* The loop is an object by now, or it was one a moment ago: it can only lose its figures. */
static int list_add(struct collection *c, uint64_t loop, const struct task_thread *thread)
{
	struct cpython_depths depths;
	const char *kind = cpython_loop_kind(c->o->loops->rd, loop);
	struct loop_list l = { .loop = loop };

	cpython_loop_depths(c->o->loops, loop, &depths);
	l.list = (struct task_list_data){
		.ts = c->start,
		.tgid = c->o->tgid,
		.kind = kind ? kind : "unknown",
		.ready = depths.ready,
		.scheduled = depths.scheduled,
	};
	if (thread) {
		l.list.thread_pointer = thread->pointer;
		l.list.tid = c->o->p ? cpython_tid(c->o->loops->rd, c->o->p, thread->interp,
						   thread->pointer)
				     : 0;
	}
	return vec_add(&c->lists, l);
}

static int add_running(struct collection *c)
{
	int r = 0;

	cpython_reader_begin(c->o->loops->rd);
	cpython_reader_limit(c->o->loops->rd, LIST_READS);
	for (size_t i = 0; i < c->threads.count && r == 0; i++) {
		const struct task_thread *t = &c->threads.items[i];

		if (t->loop && !list_find(c, t->loop) && c->lists.count < LOOPS_MAX)
			r = list_add(c, t->loop, t);
	}
	return r;
}

static int keep(struct collection *c, struct task_data *t, uint64_t loop)
{
	struct loop_list *l = list_find(c, loop);
	int r = 0;

	if (!l && c->lists.count < LOOPS_MAX) {
		r = list_add(c, loop, NULL);
		l = r == 0 ? list_find(c, loop) : NULL;
	}
	if (l)
		r = vec_add(&l->list.tasks, *t);
	else
		c->skipped++;
	if (!l || r < 0)
		vec_release(&t->awaits);
	else
		c->n_tasks++;
	return r;
}

static int read_tasks(struct collection *c)
{
	for (size_t i = 0; i < c->refs.count; i++) {
		struct task_data t;
		uint64_t loop;
		int r;

		if (c->n_tasks >= TASKS_MAX || c->tr.text_bytes > TEXT_BYTES_MAX ||
		    now(c) >= c->until) {
			c->skipped += c->refs.count - i;
			return 0;
		}
		r = cpython_task_read(&c->tr, c->refs.items[i], &t, &loop);
		if (r == 0)
			r = keep(c, &t, loop);
		else if (r < 0 && r != -ESRCH && r != -ENOMEM)
			c->gone++;
		if (r == -ESRCH || r == -ENOMEM)
			return r;
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct task_data *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

/* The other direction of the edges: each once. */
static int add_awaiters(struct task_list_data *list)
{
	for (size_t i = 0; i < list->tasks.count; i++) {
		const struct task_data *t = &list->tasks.items[i];

		for (size_t k = 0; k < t->awaits.count; k++) {
			struct task_data key = { .address = t->awaits.items[k].address }, *to;

			if (t->awaits.items[k].kind != AWAIT_DATA_TASK)
				continue;
			to = bsearch(&key, list->tasks.items, list->tasks.count, sizeof(key),
				     by_address);
			if (to &&
			    (!to->awaited_by.count ||
			     to->awaited_by.items[to->awaited_by.count - 1] != t->address) &&
			    vec_add(&to->awaited_by, t->address) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int finish(struct collection *c, struct loop_list *l)
{
	int r;

	if (l->list.tasks.count)
		qsort(l->list.tasks.items, l->list.tasks.count, sizeof(*l->list.tasks.items),
		      by_address);
	r = add_awaiters(&l->list);
	return r < 0 ? r : cpython_task_locks(&c->tr, &l->list, c->o->loops->clock, c->until);
}

/* Tasks that were gone belonged to some loop; with one loop it is certain which. */
static void spread_losses(struct collection *c)
{
	if (!c->lists.count)
		return;
	c->lists.items[0].list.vanished += c->gone;
	c->lists.items[0].list.skipped += c->skipped;
}

static int collect(struct collection *c)
{
	int r = find_all(c);

	if (r == 0)
		r = add_running(c);
	if (r == 0)
		r = read_tasks(c);
	spread_losses(c);
	for (size_t i = 0; i < c->lists.count && r == 0; i++)
		r = finish(c, &c->lists.items[i]);
	return r == 0 || r == -ESRCH || r == -ENOMEM ? r : -ENODATA;
}

int cpython_tasks(const struct cpython_tasks_opts *o,
		  int (*put)(void *ctx, const struct str *payload), void *ctx)
{
	struct collection c = { .o = o };
	int r;

	c.tr.rd = o->loops->rd;
	c.tr.names = o->names;
	c.start = now(&c);
	c.until = c.start + CPYTHON_TASKS_NS;
	r = collect(&c);
	for (size_t i = 0; i < c.lists.count && r == 0; i++) {
		cleanup(str_releasep) struct str payload = { 0 };

		r = task_list_write(&c.lists.items[i].list, &payload);
		if (r == 0)
			r = put(ctx, &payload);
	}
	release(&c);
	return r;
}
