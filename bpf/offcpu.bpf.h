/* SPDX-License-Identifier: GPL-2.0 */
/* offcpu.bpf.h: a watched thread leaves the CPU and comes back.
 *
 * Classifies the wait, keeps what it was for and where, and adds it to the open busy period of a
 * loop.  A switch inside the home poll costs one flag test.  Knows nothing of --off-cpu
 * aggregation (aggregate.bpf.h).
 */
#ifndef STALLPROF_OFFCPU_BPF_H
#define STALLPROF_OFFCPU_BPF_H

#include "loop.bpf.h"
#include "owner.bpf.h"
#include "part.bpf.h"

/* A waiter for the GIL is woken every few milliseconds, and waits on unless it got it: what runs
 * between two slices of one wait is the wake-up itself, under 80 us in all of 2,700 seen on a busy
 * machine.  But between two waits a thread may run no longer: 8,000 of 10,000 waits of one that
 * lets the GIL go for a moment each time.  If it had the GIL and lost it, two more changes of the
 * holder were counted. */
#define GIL_BETWEEN  100000ULL /* ns */
#define GIL_SWITCHES 2

struct wait_class {
	u32 klass;
	s32 syscall; /* -1: none */
	u64 gil;     /* which, of that class */
};

/* The system call that the current thread is in, -1 for none.  A sleep that a stop interrupted goes
 * on as restart_syscall, with the registers of the call that it was. */
static __always_inline s64 call_of(const struct thread_state *st, const struct pt_regs *regs)
{
	s64 call = regs->orig_ax;

	return call == CALL_RESTART && st->slept_in ? (s64)st->slept_in - 1 : call;
}

/* Why the current thread leaves the CPU.  preempt is tested first: the state may already be set
 * while the thread is only being preempted on its way to sleep. */
static __always_inline void wait_classify(struct wait_class *w, bool preempt, u32 state,
					  struct task_struct *t, s64 call)
{
	w->syscall = -1;
	if (!preempt && state & (STATE_STOPPED | STATE_TRACED | STATE_FROZEN)) {
		w->klass = CLASS_STOPPED;
		return;
	}
	if (preempt || !(state & 0xff)) {
		w->klass = task_throttled(t) ? CLASS_QUOTA : CLASS_RUNQUEUE;
		return;
	}
	if (task_frozen(t)) {
		w->klass = CLASS_STOPPED;
		return;
	}
	if (call < 0) {
		w->klass = CLASS_FAULT;
		return;
	}
	w->klass = CLASS_SYSCALL;
	if (BPF_CORE_READ(t, thread_info.status) & STATUS_COMPAT)
		return; /* numbers of another table */
	w->syscall = call < 0x7fff ? call : -1;
	if (call == CALL_FUTEX)
		w->klass = CLASS_LOCK;
}

/* The same with what only the thread and its process know: restarted calls and the GIL. */
static __always_inline void thread_classify(struct wait_class *w, bool preempt, u32 state,
					    struct task_struct *t, struct thread_state *st,
					    const struct pt_regs *regs)
{
	struct proc_conf *conf;

	wait_classify(w, preempt, state, t, call_of(st, regs));
	w->gil = 0;
	if (w->syscall >= 0)
		st->slept_in = w->syscall + 1;
	if (w->klass != CLASS_LOCK)
		return;
	conf = proc_of(t);
	if (conf)
		w->gil = gil_at(&conf->plan, regs->di);
	if (w->gil)
		w->klass = CLASS_GIL;
}

/* Stack and object of the wait of the current thread, into l->stack and l->pending. */
static __noinline int wait_capture(void *ctx, struct task_struct *t, struct loop_state *l, u64 now)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	struct stall_part *p;
	s32 call;

	if (!l)
		return 0;
	p = &l->pending;
	call = p->syscall;
	p->args[0] = regs->di;
	p->args[1] = regs->si;
	p->args[2] = regs->dx;
	p->args[3] = regs->r10;
	p->args[4] = regs->r8;
	p->args[5] = regs->r9;
	__builtin_memset(&p->target, 0, sizeof(p->target));
	p->target.fd = -1;
	if (call >= 0 && (p->klass == CLASS_SYSCALL || p->klass == CLASS_LOCK))
		target_find(p, now);
	p->stack = stack_take(ctx, t, &l->stack, now);
	capture_charge_deep(&l->tokens_at, &l->stack);
	return 0;
}

/* A wait for the GIL begins, or the next slice of one. */
static __always_inline void gil_begin(struct loop_state *l, u64 gil, bool walk, u64 now)
{
	u64 before = l->gil_switches;

	holder_find(l, gil, walk);
	if (!l->gil_until || now - l->gil_until >= GIL_BETWEEN ||
	    l->gil_switches - before >= GIL_SWITCHES)
		l->gil_counted = 0;
	if (walk)
		holder_settle(l);
}

/* The loop's thread leaves the CPU outside its home poll. */
static __noinline int wait_begin(void *ctx, struct loop_state *l, const struct wait_class *w,
				 u64 now)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct stall_part *p;
	bool allowed;

	if (!l || !w)
		return 0;
	loop_missed(l, now);
	loop_settle_task(l, t);
	p = &l->pending;
	l->run_delay = task_run_delay(t);
	l->waking = 0;
	p->klass = w->klass;
	p->syscall = w->syscall;
	p->flags = 0;
	p->count = 1;
	__builtin_memset(&p->owner, 0, sizeof(p->owner));
	allowed = capture_allowed(&l->tokens_at, now);
	if (p->klass == CLASS_GIL)
		gil_begin(l, w->gil, allowed, now);
	if (allowed) {
		wait_capture(ctx, t, l, now);
	} else {
		p->flags |= PART_NO_STACK;
		p->stack = 0;
		__builtin_memset(p->args, 0, sizeof(p->args));
		__builtin_memset(&p->target, 0, sizeof(p->target));
		p->target.fd = -1;
	}
	l->off_since = now;
	return 0;
}

/* The wait in l->pending, of length ns, is over and its stack and object are known. */
static __always_inline void wait_commit(struct loop_state *l, u64 ns)
{
	u64 weight = ns;

	l->last_part = -1;
	if (ns < l->min_part) {
		/* Short waits are chosen in proportion to their length and then weigh
		 * min_part, so that the sum stays unbiased. */
		l->stall.short_waits++;
		if (!l->pending.stack || !l->min_part || bpf_get_prandom_u32() % l->min_part >= ns)
			return;
		l->pending.flags |= PART_SHORT;
		weight = l->min_part;
	}
	stack_send(&l->stack);
	holder_send(l);
	l->last_part = part_add(l, weight);
}

/* The loop's thread is being woken by the current one, or by an interrupt of it. */
static __always_inline void wait_woken(void *ctx, struct loop_state *l, u64 now)
{
	l->waking = now;
	if (waker_hook)
		waker_find(ctx, l, now);
}

/* The run-queue share of a wait that was seen to end at `now`.  A wake-up can go unseen as a switch
 * can (see switch_resumed); then the kernel's own figure is the next best, where it is there by
 * now. */
static __always_inline u64 wait_delay(struct loop_state *l, u64 now)
{
	if (l->waking)
		return now - l->waking;
	return resume_hook ? task_run_delay(bpf_get_current_task_btf()) - l->run_delay : 0;
}

/* Splits off the run-queue share of the wait that ended at `now`, on the rungs that know it by
 * then. */
static __always_inline void wait_split(struct loop_state *l, u64 now)
{
	if (runqueue_rung == RUNQUEUE_BY_WAKING)
		loop_settle(l, wait_delay(l, now));
	else if (runqueue_rung == RUNQUEUE_UNSPLIT)
		l->last_ns = 0;
}

/* A wait ended: a slice of one for the GIL, or what does not interrupt one, or another. */
static __always_inline void gil_end(struct loop_state *l, u32 class, u64 ns, u64 now)
{
	if (class == CLASS_GIL)
		l->gil_until = now;
	else if ((class == CLASS_RUNQUEUE || class == CLASS_QUOTA) && l->gil_until)
		l->gil_until += ns;
	else
		l->gil_until = 0;
}

/* The loop's thread is put on a CPU again; it is not current yet. */
static __noinline int wait_end(struct loop_state *l, u64 now)
{
	u64 ns;
	u32 class;

	if (!l || !l->off_since)
		return 0;
	ns = now - l->off_since;
	l->pending.at = l->off_since - l->stall.start;
	l->off_since = 0;
	class = l->pending.klass;
	gil_end(l, class, ns, now);
	if (!l->stall.start || class >= CLASS_COUNT)
		return 0;
	l->stall.class_ns[class] += ns;
	l->last_ns = ns;
	l->last_class = class;
	l->last_part = -1;
	l->pending.ns = ns;
	if (resume_hook && ns >= l->min_part &&
	    (l->pending.flags & PART_NO_STACK || unwind_outdated(&l->stack, l->stats.head.tgid))) {
		l->flags |= LOOP_WANT_STACK;
		return 0;
	}
	wait_commit(l, ns);
	wait_split(l, now);
	return 0;
}

/* sched_exit_tp: the resumed thread is current, its stack can be read. */
static __noinline int wait_resumed(void *ctx, struct loop_state *l)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u64 ns;

	if (!l)
		return 0;
	l->flags &= ~LOOP_WANT_STACK;
	ns = l->pending.ns;
	if (l->pending.flags & PART_NO_STACK)
		wait_capture(ctx, t, l, bpf_ktime_get_ns());
	else
		l->pending.stack = stack_take(ctx, t, &l->stack, bpf_ktime_get_ns());
	l->pending.flags &= ~PART_NO_STACK;
	wait_commit(l, ns);
	wait_split(l, l->stall.start + l->pending.at + ns);
	return 0;
}

static __always_inline bool call_sleeps(s32 call, u32 state, bool preempt)
{
	return !preempt && call >= 0 && (state & 3) && !(state & (STATE_STOPPED | STATE_TRACED));
}

/* With poll=switch, and for designated threads that wait in another call: the switch is the
 * poll's boundary.  Returns 1 when the thread sleeps in its home. */
static __noinline int switch_poll(void *ctx, struct thread_state *st, s32 call,
				  const struct pt_regs *regs)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct poll_call p = {};
	struct loop_state *l;

	if (!st || !regs)
		return 0;
	if (call == CALL_RESTART && poll_restart(ctx, regs->sp))
		return 1;
	poll_identify(&p, t, call, regs->di, regs->dx, regs->sp);
	if (p.kind != HOME_NONE && poll_rung == POLL_BY_SWITCH)
		return poll_enter(ctx, &p);
	l = loop_of(st);
	if (p.kind != HOME_NONE || !st->designated || call < 0 || call == CALL_FUTEX ||
	    (l && l->home != HOME_NONE && l->home != HOME_WAIT))
		return 0;
	p.kind = HOME_WAIT;
	p.syscall = call;
	return poll_enter(ctx, &p);
}

/* Is the switch the boundary of the loop's home poll? */
static __always_inline bool poll_by_switch(const struct loop_state *l)
{
	return poll_rung == POLL_BY_SWITCH || l->home == HOME_WAIT;
}

/* The thread leaves the CPU while it is believed to sleep in its home poll: true when its return
 * must have gone unseen.  When it ran again cannot be known; what follows is a period. */
static __always_inline bool poll_missed(struct loop_state *l, u64 now)
{
	if (!poll_by_switch(l))
		return false;
	lose(LOST_SWITCHES);
	poll_out(l, now);
	return true;
}

/* In sched_switch: prev is current.  Its user memory can be read, next's cannot. */
static __always_inline void switch_out(void *ctx, struct task_struct *prev, struct thread_state *st,
				       bool preempt, u32 state)
{
	struct loop_state *l = loop_of(st);
	struct wait_class w;
	struct pt_regs *regs;

	/* With fentry a thread can be preempted inside the poll hook: that is poll time already. */
	if (l && l->hooked)
		return;
	if (l && l->flags & LOOP_IN_POLL && !poll_missed(l, bpf_ktime_get_ns()))
		return;
	if (state & STATE_DEAD || BPF_CORE_READ(prev, flags) & (FLAG_EXITING | FLAG_IO_WORKER))
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(prev);
	if ((poll_rung == POLL_BY_SWITCH || st->designated) &&
	    call_sleeps(regs->orig_ax, state, preempt) && switch_poll(ctx, st, regs->orig_ax, regs))
		return;
	l = loop_of(st);
	if (!l || !l->stall.start)
		return;
	thread_classify(&w, preempt, state, prev, st, regs);
	wait_begin(ctx, l, &w, bpf_ktime_get_ns());
}

static __always_inline void switch_in(struct task_struct *next, struct thread_state *st)
{
	struct loop_state *l = loop_of(st);

	if (!l)
		return;
	if (!(l->flags & LOOP_IN_POLL)) {
		if (l->off_since)
			wait_end(l, bpf_ktime_get_ns());
	} else if (poll_by_switch(l)) {
		poll_out(l, bpf_ktime_get_ns());
		/* The delay of this very switch belongs to the poll, and is not known yet. */
		l->run_delay = task_run_delay(next);
	}
}

/* In sched_exit_tp: the resumed thread is current.  Where this hook is there it stands for
 * switch_in: one look at a task instead of two, and a kernel may not run the switch hook when
 * certain threads leave the CPU (seen on one that shields a supervisor: one switch-in in 300 went
 * unseen, and a sleep was taken for CPU time). */
static __always_inline void switch_resumed(void *ctx, struct task_struct *t,
					   struct thread_state *st)
{
	struct loop_state *l = loop_of(st);

	if (!l || l->hooked)
		return;
	/* Interrupts are on again: a sample must not take the buffers. */
	l->hooked = 1;
	switch_in(t, st);
	if (l->flags & LOOP_WANT_STACK)
		wait_resumed(ctx, l);
	l->hooked = 0;
}

#endif
