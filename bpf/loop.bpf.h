/* SPDX-License-Identifier: GPL-2.0 */
/* loop.bpf.h: a thread enters and leaves its home poll: where busy periods begin and end. */
#ifndef STALLPROF_LOOP_BPF_H
#define STALLPROF_LOOP_BPF_H

#include "home.bpf.h"
#include "thread_id.bpf.h"

/* A function of its own, so that its stack does not lie below what taking one needs: kernels before
 * 6.13 round each up to 32 bytes, of 512. */
static __noinline int loop_tell(struct task_struct *t, struct loop_state *l, u64 stack, u64 now)
{
	struct event_loop e = {};

	if (!l)
		return 0;
	e.stack = stack;
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

/* Tells user space, with the stack of the poll call, that the thread came back to its home. */
static __noinline int loop_announce(void *ctx, struct task_struct *t, struct loop_state *l, u64 now)
{
	u64 stack;

	if (!l)
		return 0;
	/* after exec the thread has another */
	l->thread_pointer = BPF_CORE_READ(t, thread.fsbase);
	stack = stack_take(ctx, t, &l->stack, now);
	stack_send(&l->stack);
	return loop_tell(t, l, stack, now);
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
	if (l->enters < 2) /* two are enough to know, and it must not wrap */
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

/* State for a thread that has none yet. */
static __always_inline struct thread_state *thread_add(struct task_struct *t)
{
	struct thread_state *st = bpf_task_storage_get(&threads, t, 0,
						       BPF_LOCAL_STORAGE_GET_F_CREATE);
	u32 tid = BPF_CORE_READ(t, pid);

	if (!st) {
		/* Storage may be busy on this CPU.  A loop tries again at its next poll, and one
		 * that has not polled twice yet is none; --off-cpu has no second occasion. */
		if (offcpu_mode)
			lose(LOST_THREADS);
		return NULL;
	}
	if (bpf_map_lookup_elem(&designated, &tid))
		st->designated = 1;
	return st;
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
		st = thread_add(t);
		if (!st)
			return 0;
	}
	thread_id_set(t, st, false);
	now = bpf_ktime_get_ns();
	l = loop_of(st);
	if (!l) {
		if (p->kind != HOME_EPOLL && p->kind != HOME_URING && !candidate_seen(st, p))
			return 0;
		conf = proc_of(t);
		l = conf ? loop_create(t, st, conf, now, LOOPS_MAX) : NULL;
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
