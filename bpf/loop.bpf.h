/* SPDX-License-Identifier: GPL-2.0 */
/* loop.bpf.h: which poll is home, when a busy period begins and ends, and what it was made of.
 *
 * Home is the oldest still-open epoll file or ring of a thread, or the outermost call depth from
 * which it polls, selects (or, for a designated thread, waits).  Every other wait belongs to the
 * period.  Accounts facts; whether a recurring poll is a loop's is judged in user space.
 */
#ifndef STALLPROF_LOOP_BPF_H
#define STALLPROF_LOOP_BPF_H

#include "stack.bpf.h"
#include "target.bpf.h"

#define CANDIDATE_RETURNS 3  /* returns to one call depth that make it a home */
#define CANDIDATE_MISSES  64 /* polls elsewhere after which a candidate or such a home is given up */

struct poll_call {
	u32 kind; /* enum home_kind */
	s32 syscall;
	s32 fd;
	u32 pad;
	u64 id;
};

static __always_inline bool is_epoll(s32 call)
{
	return call == CALL_EPOLL_WAIT || call == CALL_EPOLL_PWAIT || call == CALL_EPOLL_PWAIT2;
}

/* What the poll call `call` waits on; kind HOME_NONE when it is no poll call. */
static __always_inline void poll_identify(struct poll_call *p, struct task_struct *t, s32 call,
					  u64 arg0, u64 arg2, u64 sp)
{
	p->kind = HOME_NONE;
	p->syscall = call;
	p->fd = -1;
	p->id = sp;
	if (is_epoll(call) || (call == CALL_URING_ENTER && arg2)) {
		p->fd = arg0;
		p->id = (u64)file_of(t, p->fd);
		p->kind = !p->id ? HOME_NONE : is_epoll(call) ? HOME_EPOLL : HOME_URING;
	} else if (call == CALL_POLL || call == CALL_PPOLL) {
		p->kind = HOME_POLL;
	} else if (call == CALL_SELECT || call == CALL_PSELECT) {
		p->kind = HOME_SELECT;
	}
}

/* log2 of a value that is not 0, for kernels and compilers without a bit-scan instruction in BPF. */
static __always_inline u32 log2_u64(u64 v)
{
	u32 r = 0;

	if (v >> 32) {
		v >>= 32;
		r += 32;
	}
	if (v >> 16) {
		v >>= 16;
		r += 16;
	}
	if (v >> 8) {
		v >>= 8;
		r += 8;
	}
	if (v >> 4) {
		v >>= 4;
		r += 4;
	}
	if (v >> 2) {
		v >>= 2;
		r += 2;
	}
	return r + (u32)(v >> 1);
}

/* The bucket formula of event.h. */
static __always_inline u32 hist_bucket(u64 ns)
{
	u64 us = ns >> 10;
	u32 e, b;

	if (!us)
		return 0;
	e = log2_u64(us);
	b = 1 + 4 * e + (e >= 2 ? us >> (e - 2) & 3 : us << (2 - e) & 3);
	return b < HIST_BUCKETS ? b : HIST_BUCKETS - 1;
}

/* Takes a free element for the thread; NULL when all are in use. */
static __noinline struct loop_state *loop_claim(struct task_struct *t, struct thread_state *st)
{
	struct loop_state *l;
	u32 i;

	if (!st)
		return NULL;
	for (i = 0; i < LOOPS_MAX; i++) {
		u32 index = i;

		l = bpf_map_lookup_elem(&loops, &index);
		if (!l)
			break;
		if (l->used || __sync_val_compare_and_swap(&l->used, 0, 1))
			continue;
		st->loop = i + 1;
		l->stats.loop = i;
		l->stall.loop = i;
		return l;
	}
	lose(LOST_LOOPS);
	return NULL;
}

/* Whose loop it is; exec may change both, as the thread that calls it becomes the main one. */
static __always_inline void loop_name(struct loop_state *l, struct task_struct *t, u64 now)
{
	event_head_set(&l->stats.head, EVENT_LOOP_STATS, sizeof(l->stats), t, now);
	event_head_set(&l->stall.head, EVENT_STALL, 0, t, now);
	BPF_CORE_READ_STR_INTO(&l->stats.comm, t, comm);
}

/* Claims and fills an element.  User space hands elements back zeroed. */
static __always_inline struct loop_state *loop_create(struct task_struct *t,
						      struct thread_state *st,
						      struct proc_conf *conf, u64 now)
{
	struct loop_state *l = loop_claim(t, st);

	if (!l)
		return NULL;
	l->min_part = conf->min_part;
	l->stall.threshold = conf->threshold;
	l->last_part = -1;
	l->home_fd = l->stats.fd = -1;
	l->home_syscall = l->stats.syscall = -1;
	l->run_delay = task_run_delay(t);
	l->thread_pointer = BPF_CORE_READ(t, thread.fsbase);
	loop_name(l, t, now);
	if (st->designated)
		l->flags |= LOOP_DESIGNATED;
	return l;
}

/* The run-queue share of the wait that ended last becomes known when the thread is seen again:
 * the scheduler updates run_delay after the switch-in hook.  Moves it from the wait's class. */
static __always_inline void loop_settle(struct loop_state *l, u64 delay)
{
	struct stall_part *p;
	u32 class = l->last_class, part = l->last_part;

	if (!l->last_ns)
		return;
	if (delay > l->last_ns)
		delay = l->last_ns;
	l->last_ns = 0;
	if (!delay || class == CLASS_RUNQUEUE || class >= CLASS_COUNT)
		return;
	if (l->stall.class_ns[class] < delay)
		return;
	l->stall.class_ns[class] -= delay;
	l->stall.class_ns[CLASS_RUNQUEUE] += delay;
	if (part >= STALL_PARTS_MAX)
		return;
	p = &l->stall.parts[part];
	if (!(p->flags & PART_SHORT) && p->ns >= delay)
		p->ns -= delay;
}

static __always_inline void loop_settle_task(struct loop_state *l, struct task_struct *t)
{
	u64 total;

	if (!l->last_ns || runqueue_rung != RUNQUEUE_BY_DELAY)
		return;
	total = task_run_delay(t);
	loop_settle(l, total - l->run_delay);
	l->run_delay = total;
}

/* The thread is running, yet its last wait never ended: how long it took cannot be known. */
static __always_inline void loop_missed(struct loop_state *l, u64 now)
{
	if (!l->off_since)
		return;
	lose(LOST_SWITCHES);
	if (l->stall.start)
		l->stall.class_ns[CLASS_UNEXPLAINED] += now - l->off_since;
	l->off_since = 0;
	l->flags &= ~LOOP_WANT_STACK;
}

static __always_inline void period_reset(struct loop_state *l)
{
	l->stall.start = 0;
	l->stall.n_parts = 0;
	l->stall.flags = 0;
	l->stall.dropped = 0;
	l->stall.short_waits = 0;
	l->last_ns = 0;
	l->last_part = -1;
	__builtin_memset(l->stall.class_ns, 0, sizeof(l->stall.class_ns));
	__builtin_memset(l->stall.dropped_ns, 0, sizeof(l->stall.dropped_ns));
}

static __always_inline void period_start(struct loop_state *l, u64 now)
{
	period_reset(l);
	l->stall.iteration = l->stats.iterations + 1;
	l->stall.start = now;
}

__weak int stall_send(struct loop_state *l)
{
	u64 size;

	if (!l)
		return 0;
	size = l->stall.n_parts;
	if (size > STALL_PARTS_MAX)
		size = STALL_PARTS_MAX;
	size = offsetof(struct event_stall, parts) + size * sizeof(struct stall_part);
	l->stall.head.size = size;
	l->stats.stalls++;
	l->stats.stalled_ns += l->stall.ns;
	if (bpf_ringbuf_output(&events, &l->stall, size, 0))
		lose(LOST_EVENTS);
	return 0;
}

/* Ends the open period: what was not off-CPU was on it. */
__weak int period_end(struct loop_state *l, u64 now)
{
	u64 ns, off = 0;
	u32 bucket;

	if (!l || !l->stall.start)
		return 0;
	ns = now - l->stall.start;
	for (int i = CLASS_RUNQUEUE; i < CLASS_COUNT; i++)
		off += l->stall.class_ns[i];
	if (off > ns) {
		lose(LOST_SUMS);
		ns = off;
	}
	l->stall.class_ns[CLASS_CPU] = ns - off;
	l->stall.ns = ns;
	l->stall.head.ts = now;
	l->stats.iterations++;
	l->stats.busy_ns += ns;
	if (ns > l->stats.longest_ns) {
		l->stats.longest_ns = ns;
		l->stats.longest_at = l->stall.start;
	}
	bucket = hist_bucket(ns);
	l->stats.hist[bucket & (HIST_BUCKETS - 1)]++;
	if (ns >= l->stall.threshold)
		stall_send(l);
	period_reset(l);
	return 0;
}

/* Tells user space, with the stack of the poll call, that the thread came back to its home. */
static __noinline int loop_announce(void *ctx, struct task_struct *t, struct loop_state *l, u64 now)
{
	struct event_loop e = {};

	if (!l)
		return 0;
	e.stack = stack_take(ctx, t, &l->stack, now);
	stack_send(&l->stack);
	event_head_set(&e.head, EVENT_LOOP, sizeof(e), t, now);
	e.loop = l->stats.loop;
	e.home = l->home;
	e.fd = l->home_fd;
	e.syscall = l->home_syscall;
	BPF_CORE_READ_STR_INTO(&e.comm, t, comm);
	if (bpf_ringbuf_output(&events, &e, sizeof(e), 0))
		lose(LOST_EVENTS);
	else
		l->flags |= LOOP_ANNOUNCED;
	return 0;
}

static __always_inline void home_set(struct loop_state *l, const struct poll_call *p)
{
	l->home = p->kind;
	l->home_id = p->id;
	l->home_fd = p->fd;
	l->home_syscall = p->syscall;
	l->enters = 0;
	l->stats.home = p->kind;
	l->stats.fd = p->fd;
	l->stats.syscall = p->syscall;
}

/* The home file is gone when its descriptor no longer leads to it. */
static __always_inline bool home_open(struct loop_state *l, struct task_struct *t)
{
	if (l->home != HOME_EPOLL && l->home != HOME_URING)
		return true;
	return (u64)file_of(t, l->home_fd) == l->home_id;
}

/* A poll from a call depth counts as home after it recurred; the outermost depth wins.  Returns
 * true when it now is one. */
static __always_inline bool candidate_seen(struct thread_state *st, const struct poll_call *p)
{
	if (p->id == st->rejected_id)
		return false;
	if (p->id == st->candidate_id && p->syscall == st->candidate_syscall) {
		st->candidate_missed = 0;
		return ++st->candidate_count >= CANDIDATE_RETURNS;
	}
	if (p->id < st->candidate_id && ++st->candidate_missed < CANDIDATE_MISSES)
		return false;
	st->candidate_id = p->id;
	st->candidate_syscall = p->syscall;
	st->candidate_count = 1;
	st->candidate_missed = 0;
	return false;
}

/* Is this poll the loop's home?  May find, or replace, the home. */
static __noinline bool home_match(struct task_struct *t, struct thread_state *st,
				  struct loop_state *l, const struct poll_call *p)
{
	bool file = p->kind == HOME_EPOLL || p->kind == HOME_URING;

	if (!st || !l || !p)
		return false;
	if (l->home == p->kind && l->home_id == p->id) {
		/* The file counts, not its number: the first descriptor may be closed by now. */
		l->home_fd = p->fd;
		return true;
	}
	if (l->home == HOME_NONE) {
		/* Asked once: every question counts as a return. */
		if (!file && !candidate_seen(st, p))
			return false;
		home_set(l, p);
		/* Polls that were not known to be home yet look like waits: what was counted until
		 * now is no iteration. */
		if (!file)
			period_reset(l);
		return true;
	}
	if (file && (!home_open(l, t) || (l->home != HOME_EPOLL && l->home != HOME_URING))) {
		/* The old loop is closed, or was only a call depth: what ran since its last
		 * poll is no iteration of the new one. */
		home_set(l, p);
		period_reset(l);
		return true;
	}
	if (!file && l->home != HOME_EPOLL && l->home != HOME_URING && p->id != l->home_id &&
	    candidate_seen(st, p)) {
		home_set(l, p);
		period_reset(l);
		return true;
	}
	return false;
}

/* User space said that this is no loop: forget the home, remember not to ask again. */
static __always_inline void loop_reject(struct thread_state *st, struct loop_state *l)
{
	st->rejected_id = l->home_id;
	st->candidate_count = 0;
	st->candidate_id = 0; /* else it would keep deeper calls away */
	l->home = HOME_NONE;
	l->flags &= ~(LOOP_IN_POLL | LOOP_ANNOUNCED);
	l->verdict = VERDICT_NONE;
	period_reset(l);
}

/* The loop enters its home poll. */
static __noinline int poll_in(void *ctx, struct task_struct *t, struct loop_state *l, u64 now)
{
	if (!l)
		return 0;
	l->hooked = 1;
	loop_missed(l, now);
	loop_settle_task(l, t);
	if (!l->stats.first)
		l->stats.first = l->stall.start ? l->stall.start : now;
	l->enters++;
	if (l->enters >= 2 && !(l->flags & LOOP_ANNOUNCED))
		loop_announce(ctx, t, l, now);
	if (l->enters < 2)
		l->stall.flags |= STALL_TENTATIVE;
	period_end(l, now);
	l->poll_since = now;
	l->flags |= LOOP_IN_POLL;
	l->hooked = 0;
	return 0;
}

static __always_inline void poll_out(struct loop_state *l, u64 now)
{
	l->stats.poll_ns += now - l->poll_since;
	l->stats.last = now;
	l->flags &= ~LOOP_IN_POLL;
	l->run_delay = 0;
	period_start(l, now);
}

/* A poll call begins in the current thread.  Returns 1 when it is the home poll. */
static __noinline int poll_enter(void *ctx, const struct poll_call *p)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct thread_state *st = thread_peek(t);
	struct proc_conf *conf;
	struct loop_state *l;
	u64 now;

	if (!p || p->kind == HOME_NONE)
		return 0;
	if (!st) {
		conf = proc_of(t);
		if (!conf)
			return 0;
		st = bpf_task_storage_get(&threads, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!st) {
			lose(LOST_THREADS);
			return 0;
		}
	}
	now = bpf_ktime_get_ns();
	l = loop_of(st);
	if (!l) {
		if (p->kind != HOME_EPOLL && p->kind != HOME_URING && !candidate_seen(st, p))
			return 0;
		conf = proc_of(t);
		l = conf ? loop_create(t, st, conf, now) : NULL;
		if (!l)
			return 0;
		home_set(l, p);
	}
	if (l->verdict == VERDICT_REJECTED)
		loop_reject(st, l);
	if (!home_match(t, st, l, p))
		return 0;
	return poll_in(ctx, t, l, now) == 0;
}

/* A poll that a stop interrupted has returned, and goes on as restart_syscall: from the same depth,
 * without a sign of what it was.  Returns 1 when it is the home poll. */
static __noinline int poll_restart(void *ctx, u64 sp)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct thread_state *st = thread_peek(t);
	struct loop_state *l = st ? loop_of(st) : NULL;

	if (!l || l->home != HOME_POLL || l->home_id != sp)
		return 0;
	return poll_in(ctx, t, l, bpf_ktime_get_ns()) == 0;
}

static __always_inline void poll_leave(void)
{
	struct thread_state *st = thread_peek(bpf_get_current_task_btf());
	struct loop_state *l = st ? loop_of(st) : NULL;

	if (l && l->flags & LOOP_IN_POLL) {
		u64 now = bpf_ktime_get_ns();

		poll_out(l, now);
		l->run_delay = task_run_delay(bpf_get_current_task_btf());
	}
}

/* A new epoll file or ring is about to be made: if the home is closed by now, the loop is over, and
 * what follows must not be taken for one long iteration of a loop at the same address. */
static __always_inline void home_check(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct thread_state *st = thread_peek(t);
	struct loop_state *l = st ? loop_of(st) : NULL;

	if (!l || l->home == HOME_NONE || home_open(l, t))
		return;
	l->home = HOME_NONE;
	l->flags &= ~LOOP_IN_POLL;
	period_reset(l);
}

#endif
