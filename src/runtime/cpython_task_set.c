/* cpython_task_set.c: see cpython_task_set.h. */
#include "runtime/cpython_task_set.h"

#include <errno.h>

#define CLOCK_EVERY 64 /* entries between two looks at the clock */

static int add_threads(struct cpython_loops *loops, uint64_t interp, struct task_threads *threads)
{
	struct cpython_reader *rd = loops->rd;
	uint64_t state;
	int r = cpython_read_word(rd, interp + rd->o->interp_threads, &state);

	while (r == 0 && state) {
		struct task_thread t = { .state = state, .interp = interp };

		if (threads->count >= TASK_THREADS_MAX)
			return -EAGAIN;
		r = cpython_read_word(rd, state + rd->o->state_thread_id, &t.pointer);
		/* a thread whose loop cannot be told has none that is shown */
		if (r == 0 && cpython_running_loop(rd, state, loops->pid, &t.loop) < 0)
			t.loop = 0;
		if (r == 0)
			r = vec_add(threads, t);
		if (r == 0)
			r = cpython_read_word(rd, state + rd->o->state_next, &state);
	}
	return r;
}

int cpython_task_threads(struct cpython_loops *loops, uint64_t runtime,
			 struct task_threads *ret_threads)
{
	struct cpython_reader *rd = loops->rd;
	uint64_t interp;
	int r = cpython_read_word(rd, runtime + rd->o->runtime_interp_head, &interp);

	ret_threads->count = 0;
	for (int i = 0; r == 0 && interp && i < TASK_INTERPS_MAX; i++) {
		r = add_threads(loops, interp, ret_threads);
		if (r == 0)
			r = cpython_read_word(rd, interp + rd->o->interp_next, &interp);
	}
	return r == -EPROTO || r == -EFAULT ? -EAGAIN : r;
}

static int add_ref(struct cpython_loops *loops, uint64_t task, uint64_t until,
		   struct task_refs *refs)
{
	if (refs->count >= TASK_REFS_MAX || refs->left_out ||
	    (refs->count % CLOCK_EVERY == CLOCK_EVERY - 1 && loops->clock() >= until)) {
		refs->left_out++;
		return 0;
	}
	return vec_add(refs, task);
}

/* An entry that cannot be read any more was a task that is gone: it must not end the list. */
static int add_set(struct cpython_loops *loops, uint64_t object, bool weak, uint64_t until,
		   struct task_refs *refs)
{
	struct cpython_reader *rd = loops->rd;
	struct cpython_set set;
	uint64_t entry, again[2];
	int r = cpython_set_open(rd, object, &set);

	if (r < 0)
		return r;
	while ((r = cpython_set_next(rd, &set, &entry)) > 0) {
		uint64_t task = entry;

		r = weak ? cpython_weakref(rd, entry, &task) : 0;
		if (r == 0)
			r = add_ref(loops, task, until, refs);
		if (r == -ESRCH || r == -ENOMEM)
			return r;
	}
	if (r == 0)
		r = cpython_read_fresh(rd, object + CPYTHON_SET_MASK, again, sizeof(again));
	if (r == 0 && (again[0] != set.count - 1 || again[1] != set.table))
		r = -EAGAIN;
	return r;
}

/* Nodes inside the tasks, in a circle from a head that is in none. */
static int add_list(struct cpython_loops *loops, uint64_t head, uint64_t until,
		    struct task_refs *refs)
{
	struct cpython_reader *rd = loops->rd;
	uint64_t node;
	int r = cpython_read_word(rd, head, &node);

	for (size_t i = 0; r == 0 && node && node != head; i++) {
		if (i >= TASK_REFS_MAX)
			return -EAGAIN;
		r = add_ref(loops, node - rd->l->task_node, until, refs);
		if (r == 0)
			r = cpython_read_word(rd, node, &node);
	}
	return r;
}

static int add_lists(struct cpython_loops *loops, uint64_t interp,
		     const struct task_threads *threads, uint64_t until, struct task_refs *refs)
{
	const struct cpython_layout *l = loops->rd->l;
	int r = 0, one;

	if (!l->tasks_head || !l->interp_tasks_head)
		return l->running == RUNNING_STATED ? -EPROTO : 0;
	for (size_t i = 0; i < threads->count; i++) {
		if (threads->items[i].interp != interp)
			continue;
		one = add_list(loops, threads->items[i].state + l->tasks_head, until, refs);
		if (one == -ESRCH || one == -ENOMEM)
			return one;
		r = one < 0 ? -EAGAIN : r;
	}
	one = add_list(loops, interp + l->interp_tasks_head, until, refs);
	return one < 0 ? one : r;
}

int cpython_task_refs(struct cpython_loops *loops, uint64_t interp,
		      const struct task_threads *threads, uint64_t until, struct task_refs *refs)
{
	struct cpython_asyncio asyncio;
	int r = cpython_asyncio_find(loops, interp, &asyncio), one;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = add_set(loops, asyncio.scheduled, true, until, refs);
	if (r == -ESRCH || r == -ENOMEM)
		return r;
	if (asyncio.eager) {
		one = add_set(loops, asyncio.eager, false, until, refs);
		r = one < 0 ? one : r;
	}
	one = add_lists(loops, interp, threads, until, refs);
	r = one < 0 ? one : r;
	return r == -EPROTO || r == -EFAULT || r == -E2BIG ? -EAGAIN : r;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void cpython_task_refs_sort(struct task_refs *refs)
{
	size_t kept = 0;

	if (refs->count)
		qsort(refs->items, refs->count, sizeof(*refs->items), by_value);
	for (size_t i = 0; i < refs->count; i++)
		if (!kept || refs->items[kept - 1] != refs->items[i])
			refs->items[kept++] = refs->items[i];
	refs->count = kept;
}
