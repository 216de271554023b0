/* cpython_threads.c: see cpython_threads.h. */
#include "runtime/cpython_threads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROSTERS	   (sizeof(((struct cpython_threads *)0)->rosters) / sizeof(struct cpython_roster))
#define DEPTHS	   16
#define TOP_FRAMES 2 /* Queue.get, and Condition.wait above it */
#define SHIMS_MAX  8

static const char *const kinds[] = {
	[JOB_NONE] = "",
	[JOB_EXECUTOR] = "ThreadPoolExecutor",
	[JOB_POOL] = "ThreadPool",
	[JOB_ANYIO] = "anyio",
};

void cpython_threads_release(struct cpython_threads *t)
{
	size_t i;

	for (i = 0; i < ROSTERS; i++)
		cpython_roster_release(&t->rosters[i]);
}

/* That of the interpreter, or the one that was read longest ago. */
static struct cpython_roster *roster_of(struct cpython_threads *t, uint64_t interp)
{
	struct cpython_roster *oldest = &t->rosters[0];
	size_t i;

	for (i = 0; i < ROSTERS; i++) {
		if (t->rosters[i].interp == interp)
			return &t->rosters[i];
		if (t->rosters[i].at < oldest->at)
			oldest = &t->rosters[i];
	}
	cpython_roster_release(oldest);
	*oldest = (struct cpython_roster){ .interp = interp };
	return oldest;
}

/* A failure is as good as a look: it is not tried again at once. */
static int read_again(struct cpython_threads *t, struct cpython_roster *roster, uint64_t now)
{
	int r = cpython_roster_read(t->rd, roster, roster->interp, now);

	roster->at = now;
	return r == -ESRCH || r == -ENOMEM ? r : 0;
}

/* *ret_member NULL: nothing is known of it. */
static int find_member(struct cpython_threads *t, uint64_t interp, uint64_t pointer, uint64_t id,
		       uint64_t now, const struct cpython_member **ret_member)
{
	struct cpython_roster *roster = roster_of(t, interp);
	const struct cpython_member *m;
	int r = 0;

	if (!roster->at || now - roster->at >= CPYTHON_ROSTER_NS)
		r = read_again(t, roster, now);
	m = cpython_roster_find(roster, pointer);
	if (r == 0 && (!m || m->id != id) && now - roster->at >= CPYTHON_SEARCH_NS) {
		r = read_again(t, roster, now);
		m = cpython_roster_find(roster, pointer);
	}
	*ret_member = m && m->id == id ? m : NULL;
	return r;
}

static int top_frame(struct cpython_reader *rd, uint64_t state, uint64_t *ret_frame)
{
	int r = cpython_read_word(rd, state + rd->o->state_head, ret_frame);

	if (r == 0 && rd->o->head_indirect)
		r = cpython_read_word(rd, *ret_frame + rd->o->block_head, ret_frame);
	return r;
}

/* Whether a frame waits for a job, as the worker's kind does. */
static bool is_waiting(struct cpython_reader *rd, uint64_t frame, uint64_t code,
		       const struct cpython_member *m)
{
	uint64_t self;

	if ((code & CPYTHON_REF_MASK) != m->wait_code)
		return false;
	return !m->wait_self || (cpython_read_word(rd, frame + rd->l->frame_locals, &self) == 0 &&
				 (self & CPYTHON_REF_MASK) == m->wait_self);
}

/* 1: it does, 0: it works; or an error of reading. */
static int is_idle(struct cpython_reader *rd, uint64_t state, const struct cpython_member *m)
{
	int frames = m->wait_self ? TOP_FRAMES : 1, shims = 0;
	uint64_t frame, code;
	uint8_t owner;
	int r = top_frame(rd, state, &frame);

	while (r == 0 && frame && frames > 0 && shims < SHIMS_MAX) {
		r = cpython_read_word(rd, frame + rd->o->frame_code, &code);
		if (r == 0)
			r = cpython_read(rd, frame + rd->o->frame_shim, &owner, 1);
		if (r < 0)
			break;
		if (rd->o->frame_shim_kind == SHIM_OWNER_GE && owner >= rd->o->frame_shim_value) {
			shims++;
		} else {
			if (is_waiting(rd, frame, code, m))
				return 1;
			frames--;
		}
		r = cpython_read_word(rd, frame + rd->o->frame_prev, &frame);
	}
	return r;
}

static int depth_of(struct cpython_threads *t, uint64_t queue, uint64_t now, uint32_t *ret_depth)
{
	size_t i = (queue >> 4) % DEPTHS;
	uint64_t length;
	int r;

	if (t->depths[i].queue != queue || now - t->depths[i].at >= CPYTHON_DEPTH_NS) {
		r = cpython_queue_length(t->rd, queue, &length);
		if (r < 0)
			return r;
		t->depths[i].queue = queue;
		t->depths[i].at = now;
		t->depths[i].depth = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
	}
	*ret_depth = t->depths[i].depth;
	return 0;
}

/* What it is at now; the rest is the roster's. */
static int look(struct cpython_threads *t, uint64_t state, const struct cpython_member *m,
		uint64_t now, struct runtime_thread *thread)
{
	int r = m->queue ? depth_of(t, m->queue, now, &thread->queued) : 0;

	if (r == 0 && m->job != JOB_NONE)
		r = is_idle(t->rd, state, m);
	if (r < 0)
		return r == -ESRCH ? r : -ENODATA;
	thread->idle = r;
	return 0;
}

int cpython_thread_now(struct cpython_threads *t, uint64_t interp, uint64_t state, uint64_t pointer,
		       uint64_t now, struct runtime_thread *ret_thread)
{
	struct runtime_thread thread = { .pool_kind = kinds[JOB_NONE] };
	const struct cpython_member *m = NULL;
	uint64_t id;
	int r = cpython_read_word(t->rd, state + t->rd->l->state_id, &id);

	if (r == 0)
		r = find_member(t, interp, pointer, id, now, &m);
	if (r < 0)
		return r;
	if (m) {
		memcpy(thread.name, m->name, sizeof(thread.name));
		memcpy(thread.pool_name, m->pool_name, sizeof(thread.pool_name));
		thread.pool_kind = kinds[m->job];
		thread.pool = m->pool;
		thread.pool_max = m->max;
		r = look(t, state, m, now, &thread);
	}
	if (r == 0)
		*ret_thread = thread;
	return r;
}
