/* cpython_loop.c: see cpython_loop.h. */
#include "runtime/cpython_loop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/cpython_count.h"

#define RUNNING_KEY  "__asyncio_running_event_loop__"
#define UVLOOP_HEAD  512 /* bytes of its loop object that hold Python objects, among others */
#define UVLOOP_FIRST 16

/* To 3.11 a holder is between, which says whose loop it is: a child has its parent's after fork. */
static int open_holder(struct cpython_reader *rd, uint64_t holder, int32_t pid, uint64_t *ret_loop)
{
	struct cpython_type type;
	int32_t of;
	int r = cpython_type_of(rd, holder, &type);

	if (r < 0)
		return r;
	if (strcmp(type.name, "_RunningLoopHolder") != 0) {
		*ret_loop = holder;
		return 0;
	}
	r = cpython_read_s32(rd, holder + CPYTHON_HOLDER_PID, &of);
	if (r == 0 && pid && of != pid)
		r = -ENOENT;
	return r < 0 ? r : cpython_read_word(rd, holder + CPYTHON_HOLDER_LOOP, ret_loop);
}

static int running_by_dict(struct cpython_reader *rd, uint64_t state, int32_t pid,
			   uint64_t *ret_loop)
{
	uint64_t dict, value;
	int r = cpython_read_word(rd, state + rd->l->state_dict, &dict);

	if (r == 0)
		r = dict ? cpython_dict_find(rd, dict, RUNNING_KEY, &value) : -ENOENT;
	if (r == 0)
		r = open_holder(rd, value, pid, ret_loop);
	if (r == -ENOENT)
		*ret_loop = 0;
	return r == -ENOENT ? 0 : r;
}

int cpython_running_loop(struct cpython_reader *rd, uint64_t state, int32_t pid, uint64_t *ret_loop)
{
	uint64_t loop = 0;
	int r = -ENODATA;

	if (rd->l->running == RUNNING_STATE_DICT)
		r = running_by_dict(rd, state, pid, &loop);
	else if (rd->l->running == RUNNING_STATE_END)
		r = cpython_read_word(rd, state + rd->l->state_size, &loop);
	else if (rd->l->running_loop)
		r = cpython_read_word(rd, state + rd->l->running_loop, &loop);
	if (r < 0)
		return r;
	*ret_loop = loop && !cpython_is_none(rd, loop) ? loop : 0;
	return 0;
}

const char *cpython_loop_kind(struct cpython_reader *rd, uint64_t loop)
{
	uint64_t ready, length;

	if (cpython_is(rd, loop, "uvloop.loop.Loop") == 0)
		return "uvloop";
	if (cpython_attr(rd, loop, "_ready", &ready) == 0 &&
	    cpython_deque_length(rd, ready, &length) == 0)
		return "asyncio";
	return NULL;
}

int cpython_asyncio_find(struct cpython_loops *loops, uint64_t interp,
			 struct cpython_asyncio *ret_asyncio)
{
	struct cpython_reader *rd = loops->rd;
	struct cpython_asyncio a = { .interp = interp };
	uint64_t dict, weak;
	size_t i;
	int r;

	for (i = 0; i < CPYTHON_INTERPS_MAX && loops->known[i].interp; i++)
		if (loops->known[i].interp == interp) {
			*ret_asyncio = loops->known[i];
			return 0;
		}
	r = cpython_module(rd, interp, "asyncio.tasks", &dict);
	if (r < 0)
		return r;
	if (cpython_dict_find(rd, dict, "_current_tasks", &a.current) < 0)
		a.current = 0;
	/* a WeakSet, by the name it has from 3.12 on, or before */
	r = cpython_dict_find(rd, dict, "_scheduled_tasks", &weak);
	if (r < 0)
		r = cpython_dict_find(rd, dict, "_all_tasks", &weak);
	if (r == 0)
		r = cpython_attr(rd, weak, "data", &a.scheduled);
	if (r < 0) /* being imported */
		return r;
	if (cpython_dict_find(rd, dict, "_eager_tasks", &a.eager) < 0)
		a.eager = 0;
	if (i == CPYTHON_INTERPS_MAX)
		memset(loops->known, 0, sizeof(loops->known));
	loops->known[i % CPYTHON_INTERPS_MAX] = a;
	*ret_asyncio = a;
	return 0;
}

/* Timers without those that were cancelled and not swept out yet. */
static uint64_t live_timers(struct cpython_reader *rd, uint64_t heap, uint64_t cancelled)
{
	struct cpython_items items;
	int64_t dead;

	if (!heap || !cancelled || cpython_items(rd, heap, &items) < 0 ||
	    cpython_int(rd, cancelled, &dead) < 0)
		return UINT64_MAX;
	/* the count is raised before the sweep: between two reads it can be ahead */
	return dead >= 0 && (uint64_t)dead <= items.count ? items.count - (uint64_t)dead
							  : UINT64_MAX;
}

static void asyncio_depths(struct cpython_reader *rd, uint64_t loop, struct cpython_depths *d)
{
	uint64_t heap = 0, cancelled = 0, key, value;
	struct cpython_dict attrs;

	if (cpython_attrs_open(rd, loop, &attrs) < 0)
		return;
	while (cpython_dict_next(rd, &attrs, &key, &value) > 0) {
		if (cpython_str_is(rd, key, "_ready") == 0) {
			if (cpython_deque_length(rd, value, &d->ready) < 0)
				d->ready = UINT64_MAX;
		} else if (cpython_str_is(rd, key, "_scheduled") == 0) {
			heap = value;
		} else if (cpython_str_is(rd, key, "_timer_cancelled_count") == 0) {
			cancelled = value;
		} else if (cpython_str_is(rd, key, "_default_executor") == 0) {
			d->executor = cpython_is_none(rd, value) ? 0 : value;
		}
	}
	d->scheduled = live_timers(rd, heap, cancelled);
}

/* A set whose elements are timers: no other set of its loop has any. */
static bool is_timers(struct cpython_reader *rd, uint64_t object)
{
	struct cpython_set set;
	uint64_t first;

	return cpython_set_open(rd, object, &set) == 0 && cpython_set_next(rd, &set, &first) > 0 &&
	       cpython_is(rd, first, "uvloop.loop.TimerHandle") == 0;
}

/* Its attributes are fields of a C structure: the first deque in it is the one that is called. */
static void search_uvloop(struct cpython_loops *loops, const uint64_t *words)
{
	uint64_t length;
	uint32_t at;

	for (at = UVLOOP_FIRST; at < UVLOOP_HEAD; at += 8) {
		uint64_t object = words[at / 8];

		if (!loops->uvloop_ready && cpython_deque_length(loops->rd, object, &length) == 0)
			loops->uvloop_ready = at;
		if (!loops->uvloop_timers && is_timers(loops->rd, object))
			loops->uvloop_timers = at;
	}
}

static void uvloop_depths(struct cpython_loops *loops, uint64_t loop, struct cpython_depths *d)
{
	uint64_t words[UVLOOP_HEAD / 8];
	struct cpython_set timers;

	if (cpython_read(loops->rd, loop, words, sizeof(words)) < 0)
		return;
	if (!loops->uvloop_ready || !loops->uvloop_timers)
		search_uvloop(loops, words);
	if (loops->uvloop_ready &&
	    cpython_deque_length(loops->rd, words[loops->uvloop_ready / 8], &d->ready) < 0)
		d->ready = UINT64_MAX;
	if (loops->uvloop_timers &&
	    cpython_set_open(loops->rd, words[loops->uvloop_timers / 8], &timers) == 0)
		d->scheduled = timers.used;
}

void cpython_loop_depths(struct cpython_loops *loops, uint64_t loop,
			 struct cpython_depths *ret_depths)
{
	*ret_depths = (struct cpython_depths){ .ready = UINT64_MAX, .scheduled = UINT64_MAX };
	if (cpython_is(loops->rd, loop, "uvloop.loop.Loop") == 0)
		uvloop_depths(loops, loop, ret_depths);
	else
		asyncio_depths(loops->rd, loop, ret_depths);
}

/* A task's field, of the C module or of the class in Python. */
static int task_field(struct cpython_reader *rd, uint64_t task, uint32_t at, const char *attr,
		      uint64_t *ret_object)
{
	int r = cpython_is(rd, task, "_asyncio.Task");

	if (r == 0)
		return cpython_read_word(rd, task + at, ret_object);
	return r == -EPROTO ? cpython_attr(rd, task, attr, ret_object) : r;
}

int cpython_task_name(struct cpython_reader *rd, uint64_t task, char *buf, size_t room)
{
	uint64_t name;
	int64_t number;
	int r = task_field(rd, task, rd->l->task_name, "_name", &name);

	if (r < 0)
		return r;
	if (cpython_int(rd, name, &number) == 0) {
		snprintf(buf, room, "Task-%" PRId64, number);
		return 0;
	}
	return cpython_str_copy(rd, name, buf, room);
}

int cpython_task_coro(struct cpython_reader *rd, uint64_t task, uint64_t *ret_coro)
{
	return task_field(rd, task, rd->l->task_coro, "_coro", ret_coro);
}

int cpython_coro_name(struct cpython_reader *rd, uint64_t coro, char *buf, size_t room)
{
	uint64_t name = 0;
	int r = cpython_is(rd, coro, "coroutine");

	if (r == -EPROTO)
		r = cpython_is(rd, coro, "generator");
	if (r == -EPROTO)
		r = cpython_is(rd, coro, "async_generator");
	if (r == 0)
		r = cpython_read_word(rd, coro + rd->l->gen_qualname, &name);
	return r < 0 ? r : cpython_str_copy(rd, name, buf, room);
}

static int running_task(struct cpython_reader *rd, const struct cpython_asyncio *asyncio,
			uint64_t state, uint64_t loop, uint64_t *ret_task)
{
	struct cpython_dict d;
	uint64_t of, task;
	int r;

	if (rd->l->running == RUNNING_STATED)
		return rd->l->running_task
			       ? cpython_read_word(rd, state + rd->l->running_task, ret_task)
			       : -ENODATA;
	if (!asyncio->current)
		return -ENODATA;
	r = cpython_dict_open(rd, asyncio->current, &d);
	while (r == 0 && (r = cpython_dict_next(rd, &d, &of, &task)) > 0) {
		r = 0;
		if (of != loop)
			continue;
		*ret_task = task;
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

static void name_running(struct cpython_reader *rd, const struct cpython_asyncio *asyncio,
			 uint64_t state, uint64_t loop, struct runtime_loop *ret)
{
	uint64_t task, coro;

	if (running_task(rd, asyncio, state, loop, &task) < 0 || !task || cpython_is_none(rd, task))
		return;
	if (cpython_task_name(rd, task, ret->task, sizeof(ret->task)) < 0)
		ret->task[0] = '\0';
	if (cpython_task_coro(rd, task, &coro) < 0 ||
	    cpython_coro_name(rd, coro, ret->coro, sizeof(ret->coro)) < 0)
		ret->coro[0] = '\0';
}

int cpython_loop_now(struct cpython_loops *loops, uint64_t interp, uint64_t state,
		     struct runtime_loop *ret_loop)
{
	struct cpython_reader *rd = loops->rd;
	struct runtime_loop now = { .ready = UINT64_MAX,
				    .scheduled = UINT64_MAX,
				    .tasks = UINT64_MAX };
	struct cpython_asyncio asyncio;
	struct cpython_depths depths;
	int r = cpython_running_loop(rd, state, loops->pid, &now.loop);

	if (r < 0)
		return r;
	if (now.loop) {
		cpython_loop_depths(loops, now.loop, &depths);
		now.ready = depths.ready;
		now.scheduled = depths.scheduled;
		r = cpython_asyncio_find(loops, interp, &asyncio);
		if (r == -ESRCH || r == -ENOMEM)
			return r;
	}
	if (now.loop && r == 0) {
		now.tasks = cpython_count_tasks(loops, &asyncio, state, now.loop);
		name_running(rd, &asyncio, state, now.loop, &now);
	}
	*ret_loop = now;
	return 0;
}
