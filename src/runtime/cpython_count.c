/* cpython_count.c: see cpython_count.h. */
#include "runtime/cpython_count.h"

#include <errno.h>
#include <string.h>

#define CLOCK_EVERY 64 /* entries between two looks at the clock */
#define SKIPPED_MAX 4  /* and one in 16: more than that is no set of tasks, or in turmoil */

struct count {
	struct cpython_reader *rd;
	const struct cpython_loops *loops;
	uint64_t loop;
	uint64_t until;
	uint64_t seen;	    /* entries of all containers */
	uint64_t ref_type;  /* of the last weak reference, and */
	uint64_t task_type; /* of the last task: most have the same */
	uint64_t pending;
	uint64_t skipped; /* entries that were none by the time they were read */
};

/* -ETIME when the time is up. */
static int tick(struct count *c)
{
	if (++c->seen % CLOCK_EVERY)
		return 0;
	return c->loops->clock() < c->until ? 0 : -ETIME;
}

/* -ENOTSUP: a task whose state is not where the C module keeps it; -ENOENT: a dead reference. */
static int check_type(struct count *c, uint64_t task)
{
	uint64_t type;
	int r = cpython_read_word(c->rd, task + CPYTHON_OB_TYPE, &type);

	if (r < 0 || type == c->task_type)
		return r;
	r = cpython_is(c->rd, task, "_asyncio.Task");
	if (r == 0)
		c->task_type = type;
	if (r == -EPROTO)
		r = cpython_is_none(c->rd, task) ? -ENOENT : -ENOTSUP;
	return r;
}

static int follow_ref(struct count *c, uint64_t ref, uint64_t *ret_task)
{
	uint64_t type;
	int r = cpython_read_word(c->rd, ref + CPYTHON_OB_TYPE, &type);

	if (r == 0 && type == c->ref_type)
		return cpython_read_word(c->rd, ref + CPYTHON_WEAKREF_OBJECT, ret_task);
	if (r == 0)
		r = cpython_weakref(c->rd, ref, ret_task);
	if (r == 0)
		c->ref_type = type;
	return r;
}

static int add_task(struct count *c, uint64_t task)
{
	uint64_t loop;
	int32_t state;
	int r = check_type(c, task);

	if (r == 0)
		r = cpython_read_word(c->rd, task + CPYTHON_FUTURE_LOOP, &loop);
	if (r == 0)
		r = cpython_read_s32(c->rd, task + c->rd->l->future_state, &state);
	if (r < 0)
		return r;
	if (state < 0 || state > 2)
		return -EPROTO;
	if (state == 0 && loop == c->loop)
		c->pending++;
	return 0;
}

/* The entries of a set are read while tasks come and go.  One that is not there any more was
 * finished; a table that is another one by the end was not read at all. */
static int add_set(struct count *c, uint64_t object, bool weak)
{
	struct cpython_set set;
	uint64_t entry, task, again[2];
	int r = cpython_set_open(c->rd, object, &set);

	if (r < 0)
		return r;
	while ((r = cpython_set_next(c->rd, &set, &entry)) > 0) {
		if (tick(c) < 0)
			return -ETIME;
		task = entry;
		r = weak ? follow_ref(c, entry, &task) : 0;
		if (r == 0)
			r = add_task(c, task);
		if (r == -ENOTSUP || r == -ESRCH)
			return r;
		if (r < 0 && r != -ENOENT && ++c->skipped > SKIPPED_MAX + c->seen / 16)
			return -EAGAIN;
	}
	if (r == 0)
		r = cpython_read_fresh(c->rd, object + CPYTHON_SET_MASK, again, sizeof(again));
	if (r == 0 && (again[0] != set.count - 1 || again[1] != set.table))
		r = -EAGAIN;
	return r;
}

/* A circle of nodes inside the tasks; all that are in it are unfinished.  One that does not come
 * back to its head was changed while it was read. */
static int add_list(struct count *c, uint64_t head)
{
	uint64_t node;
	int r = cpython_read_word(c->rd, head, &node);

	while (r == 0 && node && node != head) {
		if (tick(c) < 0)
			return -ETIME;
		r = add_task(c, node - c->rd->l->task_node);
		if (r == 0)
			r = cpython_read_word(c->rd, node, &node);
	}
	return r < 0 ? r : 0;
}

static int add_all(struct count *c, const struct cpython_asyncio *asyncio, uint64_t state)
{
	const struct cpython_layout *l = c->rd->l;
	int r = add_set(c, asyncio->scheduled, true);

	if (r == 0 && asyncio->eager)
		r = add_set(c, asyncio->eager, false);
	if (r == 0 && l->running == RUNNING_STATED) {
		if (!l->tasks_head || !l->interp_tasks_head)
			return -ENOTSUP;
		r = add_list(c, state + l->tasks_head);
		if (r == 0) /* those of threads that have ended */
			r = add_list(c, asyncio->interp + l->interp_tasks_head);
	}
	return r;
}

uint64_t cpython_count_tasks(struct cpython_loops *loops, const struct cpython_asyncio *asyncio,
			     uint64_t state, uint64_t loop)
{
	struct count c = { .rd = loops->rd, .loops = loops, .loop = loop };

	c.until = loops->clock() + CPYTHON_COUNT_MAX_NS;
	return add_all(&c, asyncio, state) == 0 ? c.pending : UINT64_MAX;
}
