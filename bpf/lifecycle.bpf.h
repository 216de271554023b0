/* SPDX-License-Identifier: GPL-2.0 */
/* lifecycle.bpf.h: threads and processes that were there at attach, that come, exec and go. */
#ifndef STALLPROF_LIFECYCLE_BPF_H
#define STALLPROF_LIFECYCLE_BPF_H

#include "aggregate.bpf.h"
#include "made.bpf.h"

/* 0; 1: user space will not know. */
static __noinline int life_send(struct task_struct *t, u32 what, u32 other, s32 code)
{
	struct event_life e = {};

	event_head_set(&e.head, EVENT_LIFE, sizeof(e), t, bpf_ktime_get_ns());
	e.what = what;
	e.other = other;
	e.code = code;
	BPF_CORE_READ_STR_INTO(&e.comm, t, comm);
	if (!bpf_ringbuf_output(&events, &e, sizeof(e), 0))
		return 0;
	lose(LOST_EVENTS);
	return 1;
}

/* --off-cpu: a thread asleep at attach, whose stack cannot be read from here. */
static __always_inline void thread_seed_wait(struct task_struct *t, struct thread_state *st,
					     u32 state, u64 now)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	struct wait_class w;

	if (!(state & 0xff) && !(state & STATE_FROZEN))
		return;
	thread_classify(&w, false, state, t, st, regs);
	st->klass = w.klass;
	st->syscall = w.syscall;
	st->stack = 0;
	st->off_since = now;
}

/* --off-cpu: a wait that goes on at the end counts as far as it got. */
static __always_inline void thread_close(struct task_struct *t)
{
	struct thread_state *st = thread_peek(t);
	u64 since = st ? st->off_since : 0;

	/* It may come back this very moment: only one of us counts the wait. */
	if (since && __sync_val_compare_and_swap(&st->off_since, since, 0) == since)
		offcpu_end(t, st, bpf_ktime_get_ns() - since, SCRATCH_ITERATOR);
}

/* A thread asleep at attach outside its home poll; `switches` is from before its state was read. */
static __always_inline void loop_seed_wait(struct task_struct *t, struct loop_state *l,
					   struct proc_conf *conf, u32 state, u64 switches, u64 now)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	struct wait_class w;

	wait_classify(&w, false, state, t, regs->orig_ax);
	l->pending.klass = w.klass;
	l->pending.syscall = w.syscall;
	l->pending.count = 1;
	l->pending.stack = 0;
	l->pending.flags = PART_NO_STACK;
	l->pending.target.fd = -1;
	if (w.klass == CLASS_LOCK && gil_at(&conf->plan, regs->di))
		l->pending.klass = CLASS_GIL;
	l->pending.args[0] = regs->di;
	l->pending.args[1] = regs->si;
	l->pending.args[2] = regs->dx;
	l->off_since = now;
	/* If it came back before that, no hook has seen it. */
	if (!(task_state(t) & (0xff | STATE_FROZEN)) || task_switches(t) != switches)
		__sync_val_compare_and_swap(&l->off_since, now, 0);
}

/* A watched thread as found at attach.  A thread asleep in epoll_wait is in its home poll; any
 * other may be in the middle of a stall, so its first period starts now and is clipped. */
static __noinline int thread_seed(struct task_struct *t)
{
	struct proc_conf *conf = proc_of(t);
	struct poll_call p = {};
	struct thread_state *st;
	struct loop_state *l;
	struct pt_regs *regs;
	u64 now = bpf_ktime_get_ns(), switches = task_switches(t);
	u32 state = task_state(t);
	s64 call;

	if (!conf || thread_peek(t))
		return 0;
	/* A main thread that ended before the others stays to be seen; it will not end again. */
	if (state & STATE_DEAD || BPF_CORE_READ(t, flags) & (FLAG_EXITING | FLAG_IO_WORKER))
		return 0;
	st = thread_add(t);
	if (st && offcpu_mode)
		thread_seed_wait(t, st, state, now);
	if (!st || offcpu_mode)
		return 0;
	thread_id_set(t, st, false);
	l = loop_create(t, st, conf, now, LOOPS_SEEDED);
	if (!l)
		return 0;
	l->flags |= LOOP_SEEDED;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	call = regs->orig_ax;
	if (call_sleeps(call, state, false))
		poll_identify(&p, t, call, regs->di, regs->dx, regs->sp);
	if (p.kind == HOME_EPOLL || p.kind == HOME_URING) {
		home_set(l, &p);
		l->enters = 1;
		l->stats.first = now;
		l->poll_since = now;
		l->flags |= LOOP_IN_POLL;
		return 0;
	}
	period_start(l, now);
	l->stall.flags = STALL_CLIPPED;
	if (!(state & 0xff) && !(state & STATE_FROZEN))
		return 0;
	if (p.kind == HOME_POLL || p.kind == HOME_SELECT)
		st->candidate_id = p.id;
	loop_seed_wait(t, l, conf, state, switches, now);
	return 0;
}

/* Has it a thread pointer of its own?  One that was made without has that of its maker until it
 * sets another. */
static __always_inline bool thread_pointer_own(struct task_struct *parent,
					       struct task_struct *child)
{
	return BPF_CORE_READ(child, thread.fsbase) != BPF_CORE_READ(parent, thread.fsbase);
}

/* A process that is followed has a child, which is watched like it.  A function of its own: its
 * stack would come on top of what taking a stack needs, and kernels before 6.13 round each up. */
static __noinline int process_forked(struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = BPF_CORE_READ(child, tgid);
	struct proc_conf *conf = proc_of(parent);
	struct thread_state *st;
	struct proc_conf copy;

	if (!conf || !(conf->flags & PROC_FOLLOW))
		return 0;
	__builtin_memcpy(&copy, conf, sizeof(copy));
	copy.start_time = 0;
	if (bpf_map_update_elem(&procs, &tgid, &copy, BPF_NOEXIST))
		return 0;
	unwind_inherit(tgid, BPF_CORE_READ(parent, tgid));
	st = thread_add(child);
	if (st)
		thread_id_set(child, st, true);
	return 0;
}

static __always_inline void thread_forked(void *ctx, struct task_struct *parent,
					  struct task_struct *child)
{
	u32 tgid = BPF_CORE_READ(child, tgid);
	struct thread_state *st;

	if (!thread_peek(parent) || !proc_of(parent))
		return;
	if (tgid != BPF_CORE_READ(parent, tgid)) {
		/* Of one that user space does not know the tables could become another's. */
		if (!life_send(parent, LIFE_FORK, tgid, 0))
			process_forked(parent, child);
		return;
	}
	st = thread_add(child);
	if (st && thread_pointer_own(parent, child))
		thread_id_set(child, st, true);
	if (!offcpu_mode)
		made_thread(ctx, parent, child);
}

/* The thread will not come back to this loop: what it was doing, it was doing to the end. */
static __always_inline void period_last(struct task_struct *t, struct loop_state *l, u64 now)
{
	loop_settle_task(l, t);
	if (!(l->flags & LOOP_ANNOUNCED) || !l->stall.start)
		return;
	l->stall.flags |= STALL_LAST;
	period_end(l, now);
}

/* A new program: its descriptors, its interpreter and its loops are others. */
static __always_inline void thread_execed(struct task_struct *t)
{
	struct thread_state *st = thread_peek(t);
	struct proc_conf *conf = st ? proc_of(t) : NULL;
	struct loop_state *l;
	u32 tgid;
	u64 now;

	if (!conf)
		return;
	/* Its addresses, of locks too, are those of the program before. */
	__builtin_memset(&conf->plan, 0, sizeof(conf->plan));
	tgid = BPF_CORE_READ(t, tgid);
	unwind_execed(tgid);
	thread_id_drop(t, st);
	l = loop_of(st);
	if (l) {
		now = bpf_ktime_get_ns();
		l->hooked = 1;
		period_last(t, l, now);
		l->home = HOME_NONE;
		l->flags &= ~(LOOP_IN_POLL | LOOP_ANNOUNCED | LOOP_SEEDED);
		period_reset(l);
		loop_name(l, t, now);
		l->hooked = 0;
	}
	life_send(t, LIFE_EXEC, 0, 0);
}

static __always_inline void thread_exited(struct task_struct *t)
{
	struct thread_state *st = thread_peek(t);
	struct loop_state *l;
	u64 now;
	u32 last;

	if (!st)
		return;
	thread_id_drop(t, st);
	l = loop_of(st);
	if (l) {
		now = bpf_ktime_get_ns();
		l->hooked = 1;
		if (l->flags & LOOP_IN_POLL)
			l->stats.poll_ns += now - l->poll_since;
		period_last(t, l, now);
		l->stats.last = now;
		l->stall.start = 0;
		l->flags = (l->flags & ~LOOP_IN_POLL) | LOOP_EXITED;
		st->loop = 0;
	}
	last = BPF_CORE_READ(t, signal, live.counter) == 0;
	if (l || last)
		life_send(t, LIFE_EXIT, last, BPF_CORE_READ(t, exit_code));
}

#endif
