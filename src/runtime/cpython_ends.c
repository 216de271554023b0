/* cpython_ends.c: see cpython_ends.h.
 *
 * asyncio's locks and queues are Python classes whose methods wait on plain futures: which object a
 * task waits at is the `self` of the method's frame.
 */
#include "runtime/cpython_ends.h"

#include <errno.h>
#include <string.h>

/* An edge to another task; other objects among the awaited ones are left out. */
static int add_task(struct cpython_tasks_reader *tr, uint64_t object, struct task_data *t)
{
	if (cpython_is(tr->rd, object, "_asyncio.Task") < 0)
		return 0;
	if (t->awaits.count >= AWAITS_MAX + TASK_EDGES_MAX) {
		t->truncated = true;
		return 0;
	}
	return vec_add(&t->awaits,
		       { .kind = AWAIT_DATA_TASK, .fn = "", .file = "", .address = object });
}

static int add_thing(struct cpython_tasks_reader *tr, uint32_t kind, const char *name,
		     uint64_t address, struct task_data *t)
{
	const char *text = cpython_task_text(tr, name);

	if (!text)
		return -ENOMEM;
	return vec_add(&t->awaits, { .kind = kind, .fn = text, .file = "", .address = address });
}

static int add_set(struct cpython_tasks_reader *tr, uint64_t object, struct task_data *t)
{
	struct cpython_set set;
	uint64_t entry;
	int r = cpython_set_open(tr->rd, object, &set);

	while (r == 0 && (r = cpython_set_next(tr->rd, &set, &entry)) > 0)
		r = add_task(tr, entry, t);
	return r;
}

static int add_list(struct cpython_tasks_reader *tr, uint64_t object, struct task_data *t)
{
	struct cpython_items items;
	uint64_t entry;
	int r = cpython_items(tr->rd, object, &items);

	for (uint64_t i = 0; r == 0 && i < items.count && i < TASK_EDGES_MAX; i++) {
		r = cpython_item(tr->rd, &items, i, &entry);
		if (r == 0)
			r = add_task(tr, entry, t);
	}
	return r;
}

/* asyncio.gather: its future knows its children. */
static int add_gather(struct cpython_tasks_reader *tr, uint64_t future, struct task_data *t)
{
	uint64_t children = 0;
	int r = add_thing(tr, AWAIT_DATA_GATHER, "", 0, t);

	if (r == 0)
		r = cpython_attr(tr->rd, future, "_children", &children);
	return r < 0 ? r : add_list(tr, children, t);
}

static bool is_function(const struct await_data *frame, const char *file, const char *name)
{
	const char *dot = strrchr(frame->fn, '.');

	return frame->library && str_ends(frame->file, file) &&
	       strcmp(dot ? dot + 1 : frame->fn, name) == 0;
}

/* 1: what the frame waits for was added. */
static int add_lock(struct cpython_tasks_reader *tr, const struct await_data *frame, uint64_t self,
		    struct task_data *t)
{
	struct cpython_type type;
	int r;

	if (!frame->library || (!str_ends(frame->file, "asyncio/locks.py") &&
				!str_ends(frame->file, "asyncio/queues.py")))
		return 0;
	r = cpython_type_of(tr->rd, self, &type);
	if (r == 0)
		r = add_thing(tr, AWAIT_DATA_LOCK, type.name, self, t);
	return r < 0 ? r : 1;
}

/* Functions of asyncio that wait for other tasks on a future of their own. */
static int add_others(struct cpython_tasks_reader *tr, const struct await_data *frame,
		      uint64_t first, struct task_data *t)
{
	size_t before = t->awaits.count;
	uint64_t tasks = 0;
	int r = 0;

	if (is_function(frame, "asyncio/taskgroups.py", "__aexit__") ||
	    is_function(frame, "asyncio/taskgroups.py", "_aexit")) {
		r = cpython_attr(tr->rd, first, "_tasks", &tasks);
		if (r == 0)
			r = add_set(tr, tasks, t);
	} else if (is_function(frame, "asyncio/tasks.py", "_wait")) {
		r = add_set(tr, first, t);
	} else if (is_function(frame, "asyncio/tasks.py", "wait_for")) {
		r = add_task(tr, first, t);
	}
	return r < 0 ? r : t->awaits.count > before;
}

/* A future that a thread will complete has asyncio's own callback before that of the task. */
static int add_future(struct cpython_tasks_reader *tr, uint64_t future, struct task_data *t)
{
	const struct cpython_code *code;
	uint64_t callback, address;
	bool thread = false;
	int r = cpython_read_word(tr->rd, future + CPYTHON_FUTURE_CALLBACK, &callback);

	if (r == 0 && callback && cpython_function_code(tr->rd, callback, &address) == 0) {
		r = cpython_task_code(tr, address, &code);
		thread = r == 0 && str_ends(code->fn, "_call_check_cancel");
	}
	return r < 0 ? r : add_thing(tr, AWAIT_DATA_FUTURE, thread ? "thread" : "Future", 0, t);
}

/* A pending future of the C module. */
static int add_pending(struct cpython_tasks_reader *tr, const struct await_chain *chain,
		       uint64_t future, struct task_data *t)
{
	const struct await_data *frame = &t->awaits.items[chain->count - 1];
	uint64_t first = chain->coros[chain->count - 1].first;
	struct await_data last = *frame;
	struct cpython_type type;
	int r;

	if (cpython_is(tr->rd, future, "_asyncio.Task") == 0)
		return add_task(tr, future, t);
	r = cpython_type_of(tr->rd, future, &type);
	if (r < 0)
		return r;
	if (strcmp(type.name, "_GatheringFuture") == 0)
		return add_gather(tr, future, t);
	r = add_lock(tr, &last, first, t);
	if (r == 0)
		r = add_others(tr, &last, first, t);
	if (r == 0)
		r = add_future(tr, future, t);
	return r < 0 ? r : 0;
}

/* 1 pending, 0 completed: the task's turn comes. */
static int future_pending(struct cpython_reader *rd, uint64_t future)
{
	int32_t state;
	int r = cpython_read_s32(rd, future + rd->l->future_state, &state);

	if (r < 0)
		return r;
	return state < 0 || state > 2 ? -EPROTO : state == 0;
}

/* The last frame yielded something by itself: a future of other make, or nothing (sleep(0)). */
static int end_without_future(struct cpython_tasks_reader *tr, uint64_t task,
			      const struct await_chain *chain, struct task_data *t)
{
	const struct await_data *last = &t->awaits.items[chain->count - 1];
	struct cpython_reader *rd = tr->rd;
	struct cpython_type type;
	uint64_t waiter = 0;
	int r = 0;

	if (chain->end) { /* an awaitable of other make */
		r = cpython_type_of(rd, chain->end, &type);
		return r < 0 ? r : add_thing(tr, AWAIT_DATA_FUTURE, type.name, 0, t);
	}
	if (rd->l->task_waiter && cpython_is(rd, task, "_asyncio.Task") == 0) {
		r = cpython_read_word(rd, task + rd->l->task_waiter, &waiter);
		if (r == 0 && (!waiter || cpython_is_none(rd, waiter)))
			t->state = TASK_STATE_READY;
		return r;
	}
	if (is_function(last, "asyncio/tasks.py", "__sleep0"))
		t->state = TASK_STATE_READY;
	return 0;
}

int cpython_task_end(struct cpython_tasks_reader *tr, uint64_t task,
		     const struct await_chain *chain, struct task_data *t)
{
	int r;

	t->state = TASK_STATE_PENDING;
	if (chain->truncated)
		return 0;
	if (!chain->future)
		return end_without_future(tr, task, chain, t);
	r = cpython_is(tr->rd, chain->end, "_asyncio.Future");
	if (r == -EPROTO)
		r = cpython_is(tr->rd, chain->end, "_asyncio.Task");
	if (r == 0)
		r = future_pending(tr->rd, chain->end);
	if (r == 0)
		t->state = TASK_STATE_READY;
	return r <= 0 ? r : add_pending(tr, chain, chain->end, t);
}
