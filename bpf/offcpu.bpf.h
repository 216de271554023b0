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

struct wait_class {
	u32 klass;
	s32 syscall; /* -1: none */
};

static __always_inline bool is_gil(const struct walk_plan *plan, u64 address)
{
	for (int i = 0; i < 4; i++)
		if (plan->gil[i] && address >= plan->gil[i] &&
		    address < plan->gil[i] + plan->gil_size)
			return true;
	return false;
}

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
		w->klass = CLASS_RUNQUEUE;
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
	if (w->syscall >= 0)
		st->slept_in = w->syscall + 1;
	if (w->klass != CLASS_LOCK)
		return;
	conf = proc_of(t);
	if (conf && is_gil(&conf->plan, regs->di))
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
	return 0;
}

/* The loop's thread leaves the CPU outside its home poll. */
static __noinline int wait_begin(void *ctx, struct loop_state *l, const struct wait_class *w,
				 u64 now)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct stall_part *p;

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
	if (capture_allowed(&l->tokens_at, now)) {
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

/* Two waits that are shown as one part.  Asked times differ from call to call and do not count. */
static __always_inline bool part_same(const struct stall_part *a, const struct stall_part *b)
{
	return a->stack == b->stack && a->klass == b->klass && a->syscall == b->syscall &&
	       a->flags == b->flags && a->target.kind == b->target.kind &&
	       a->target.fd == b->target.fd && a->target.ino == b->target.ino &&
	       a->target.pid == b->target.pid;
}

/* Index of the smallest part.  The comparison goes through memory: in registers the verifier would
 * follow every order of lengths, 330,000 instructions instead of 3,000. */
static __always_inline u32 part_smallest(struct loop_state *l)
{
	l->smallest = 0;
	for (u32 i = 1; i < STALL_PARTS_MAX; i++)
		if (l->stall.parts[i].ns < l->stall.parts[l->smallest & (STALL_PARTS_MAX - 1)].ns)
			l->smallest = i;
	return l->smallest & (STALL_PARTS_MAX - 1);
}

static __always_inline void part_drop(struct loop_state *l, u8 class, u64 ns)
{
	l->stall.dropped++;
	if (class < CLASS_COUNT)
		l->stall.dropped_ns[class] += ns;
}

/* Adds l->pending, of length ns, to the parts of the period; returns its index, -1 if it was
 * dropped.  When all parts are taken the smallest makes room, and its time stays in the class. */
__weak int part_add(struct loop_state *l, u64 ns)
{
	struct stall_part *p, *pending;
	u32 n, at;

	if (!l)
		return -1;
	pending = &l->pending;
	n = l->stall.n_parts;
	for (u32 i = 0; i < STALL_PARTS_MAX; i++) {
		if (i >= n)
			break;
		p = &l->stall.parts[i];
		if (!part_same(p, pending))
			continue;
		p->ns += ns;
		p->count++;
		if (ns > p->max)
			p->max = ns;
		return i;
	}
	if (n < STALL_PARTS_MAX) {
		at = n;
		l->stall.n_parts = n + 1;
	} else {
		at = part_smallest(l);
		p = &l->stall.parts[at];
		if (ns <= p->ns) {
			part_drop(l, pending->klass, ns);
			return -1;
		}
		part_drop(l, p->klass, p->ns);
	}
	p = &l->stall.parts[at & (STALL_PARTS_MAX - 1)];
	__builtin_memcpy(p, pending, sizeof(*p));
	p->ns = ns;
	p->max = ns;
	return at;
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
	l->last_part = part_add(l, weight);
}

/* Splits off the run-queue share of the wait that ended at `now`, on the rungs that know it by
 * then. */
static __always_inline void wait_split(struct loop_state *l, u64 now)
{
	if (runqueue_rung == RUNQUEUE_BY_WAKING)
		loop_settle(l, l->waking ? now - l->waking : 0);
	else if (runqueue_rung == RUNQUEUE_UNSPLIT)
		l->last_ns = 0;
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
	if (!l->stall.start || class >= CLASS_COUNT)
		return 0;
	l->stall.class_ns[class] += ns;
	l->last_ns = ns;
	l->last_class = class;
	l->last_part = -1;
	l->pending.ns = ns;
	if (l->pending.flags & PART_NO_STACK && resume_hook && ns >= l->min_part) {
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
	l->pending.flags &= ~PART_NO_STACK;
	ns = l->pending.ns;
	wait_capture(ctx, t, l, bpf_ktime_get_ns());
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
