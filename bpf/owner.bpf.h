/* SPDX-License-Identifier: GPL-2.0 */
/* owner.bpf.h: who keeps a loop's thread waiting: the holder of the GIL, or whoever wakes it.
 *
 * The holder is read when the wait begins, in the memory that it shares with the waiter; it runs
 * meanwhile, so what was read is read again, and dropped if it has changed.  Knows shapes only
 * (struct walk_plan), no language.
 */
#ifndef STALLPROF_OWNER_BPF_H
#define STALLPROF_OWNER_BPF_H

#include "period.bpf.h"
#include "thread_id.bpf.h"

/* A stack of another thread than the loop's own. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event_stack);
} owner_stacks SEC(".maps");

/* For the walk of a holder's frames: in the switch, which nothing interrupts. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct walk_state);
} holder_walks SEC(".maps");

static __always_inline struct event_stack *owner_scratch(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&owner_stacks, &zero);
}

/* The GIL that a futex word at this address belongs to, 0 if to none. */
static __always_inline u64 gil_at(const struct walk_plan *plan, u64 address)
{
	for (int i = 0; i < 4; i++)
		if (plan->gil[i] && address >= plan->gil[i] &&
		    address < plan->gil[i] + plan->gil_size)
			return plan->gil[i];
	return 0;
}

/* Whether the GIL is held, and the thread state of its last holder, which stays after its release.
 * In this order: a new holder takes the lock first and writes its name then. */
static __always_inline int gil_read(const struct walk_plan *plan, u64 gil, s32 *ret_locked,
				    u64 *ret_state)
{
	if (bpf_probe_read_user(ret_locked, sizeof(*ret_locked), (void *)(gil + plan->gil_locked)))
		return -1;
	return walk_read_word(ret_state, gil + plan->gil_holder);
}

/* The holder's frames into l->holder and their hash into the owner of the wait. */
static __always_inline void holder_walk(struct loop_state *l, const struct walk_plan *plan,
					u32 tgid)
{
	struct event_stack *s = owner_scratch();
	u32 zero = 0, n;
	struct walk_state *w = bpf_map_lookup_elem(&holder_walks, &zero);

	if (!s || !w)
		return;
	walk_begin(w);
	if (walk_state_head(&w->frame, plan, l->holder.state))
		return;
	l->holder.head = w->frame;
	walk_list(w, plan, (struct walk_frames *)s->python, HOLDER_FRAMES_MAX);
	n = w->count;
	capture_charge(&l->tokens_at, n);
	walk_keep(n);
	if (!n || n > HOLDER_FRAMES_MAX)
		return;
	s->head.tgid = tgid;
	s->n_kernel = 0;
	s->n_user = 0;
	s->n_python = n;
	s->flags = w->flags;
	l->holder.n_frames = n;
	l->holder.flags = w->flags;
	bpf_probe_read_kernel(l->holder.frames, n * sizeof(struct interp_frame), s->python);
	l->pending.owner.stack = stack_hash(s);
}

/* The current thread, which is the loop's, begins to wait for that GIL: who has it?  `walk`: where
 * in its code, too. */
__weak int holder_find(struct loop_state *l, u64 gil, bool walk)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct proc_conf *conf = proc_of(t);
	struct wait_owner *owner;
	u64 state = 0, pointer = 0;
	s32 locked = -1;

	if (!l || !conf || !conf->plan.gil_holder || gil_read(&conf->plan, gil, &locked, &state))
		return 0;
	if (conf->plan.gil_switches)
		walk_read(&l->gil_switches, sizeof(l->gil_switches), gil + conf->plan.gil_switches);
	owner = &l->pending.owner;
	if (!locked)
		owner->role = OWNER_FREE;
	if (locked != 1 || walk_read_word(&pointer, state + conf->plan.state_thread))
		return 0;
	/* Its own: then it waits for a lock inside of it, which nobody holds for long. */
	if (pointer == BPF_CORE_READ(t, thread.fsbase))
		return 0;
	owner->role = OWNER_HOLDER;
	owner->tid = thread_id_find(BPF_CORE_READ(t, tgid), pointer);
	l->holder.gil = gil;
	l->holder.state = state;
	if (walk)
		holder_walk(l, &conf->plan, BPF_CORE_READ(t, tgid));
	return 0;
}

/* What holder_find() read counts only if it still holds: else the stack may be of two moments, or
 * of a time when the thread had let the GIL go. */
__weak int holder_settle(struct loop_state *l)
{
	struct proc_conf *conf = proc_of(bpf_get_current_task_btf());
	u64 state = 0, head = 0;
	s32 locked = 0;

	if (!l || !conf || l->pending.owner.role != OWNER_HOLDER)
		return 0;
	if (gil_read(&conf->plan, l->holder.gil, &locked, &state) || state != l->holder.state)
		l->pending.owner.tid = 0;
	else if (locked == 1 && l->pending.owner.stack &&
		 !walk_state_head(&head, &conf->plan, state) && head == l->holder.head)
		return 0;
	l->pending.owner.stack = 0;
	return 0;
}

/* Calls in which a thread lets a lock go; that of its end frees those who wait for it. */
static __always_inline bool call_releases(s64 call)
{
	return call == CALL_FUTEX || call == CALL_FUTEX_WAKE || call == CALL_FUTEX_REQUEUE ||
	       call == CALL_EXIT;
}

/* Calls that may wait for the lock of a file. */
static __always_inline bool call_locks_file(s64 call)
{
	return call == CALL_FLOCK || call == CALL_FCNTL;
}

/* Calls in which a process lets one go, also by closing the file. */
static __always_inline bool call_unlocks_file(s64 call, struct task_struct *t)
{
	return call_locks_file(call) || call == CALL_CLOSE || call == CALL_CLOSE_RANGE ||
	       call == CALL_DUP2 || call == CALL_DUP3 || BPF_CORE_READ(t, flags) & FLAG_EXITING;
}

/* Whether the waker, in that call, can have ended the wait by what it waited for. */
static __always_inline bool call_ends(const struct stall_part *wait, s64 call,
				      struct task_struct *waker)
{
	if (wait->klass == CLASS_LOCK)
		return call_releases(call);
	if (wait->klass == CLASS_SYSCALL && call_locks_file(wait->syscall))
		return call_unlocks_file(call, waker);
	return wait->klass == CLASS_SYSCALL;
}

/* The stack of the current thread, which has just let go the lock that the loop's thread waited
 * for: only for waits that count. */
static __always_inline u64 waker_stack(void *ctx, struct task_struct *waker, struct event_stack *s,
				       struct loop_state *l, u64 now)
{
	u64 hash;

	if (now - l->off_since < l->min_part || !capture_allowed(&l->tokens_at, now))
		return 0;
	hash = stack_take(ctx, waker, s, now);
	capture_charge_deep(&l->tokens_at, s);
	stack_send(s);
	return hash;
}

/* An address as a number: the verifier forgets what it was only in memory. */
static __always_inline u64 address_of(const void *p, u64 *memory)
{
	*(volatile u64 *)memory = (u64)p;
	return *(volatile u64 *)memory;
}

/* The current thread wakes the loop's.  What an interrupt wakes has no waker, and a lock's waiter
 * that is woken by anything but its release neither: a signal, a time that is over. */
static __noinline int waker_find(void *ctx, struct loop_state *l, u64 now)
{
	struct task_struct *waker = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(waker);
	struct event_stack *s = owner_scratch();
	struct wait_owner *owner;

	/* Not in what holder_send() sends: an interrupt of it may wake somebody, too. */
	if (!l || !s || !in_own_call(waker, address_of(ctx, &s->user[0])))
		return 0;
	owner = &l->pending.owner;
	if (owner->role || !call_ends(&l->pending, regs->orig_ax, waker))
		return 0;
	owner->tid = BPF_CORE_READ(waker, pid);
	owner->tgid = BPF_CORE_READ(waker, tgid);
	BPF_CORE_READ_STR_INTO(&owner->comm, waker, comm);
	/* Last: user space may look at any time. */
	owner->role = OWNER_WAKER;
	if (l->pending.klass == CLASS_LOCK && owner->tgid == l->stats.head.tgid)
		owner->stack = waker_stack(ctx, waker, s, l, now);
	return 0;
}

/* Sends the body of the holder's stack: the wait counts. */
__weak int holder_send(struct loop_state *l)
{
	struct event_stack *s = owner_scratch();
	u32 n;

	if (!l || !s || l->pending.owner.role != OWNER_HOLDER || !l->pending.owner.stack)
		return 0;
	n = l->holder.n_frames;
	walk_keep(n);
	if (n > HOLDER_FRAMES_MAX)
		return 0;
	s->head.kind = EVENT_STACK;
	s->head.pad = 0;
	s->head.ts = l->stall.start + l->pending.at;
	s->head.tgid = l->stats.head.tgid;
	s->head.tid = l->pending.owner.tid;
	s->hash = l->pending.owner.stack;
	s->n_kernel = 0;
	s->n_user = 0;
	s->n_python = n;
	s->flags = l->holder.flags;
	/* What a waker's stack may have left. */
	s->user_stop = UNWIND_STOP_KERNEL;
	s->generation = 0;
	s->sent = 0;
	bpf_probe_read_kernel(s->python, n * sizeof(struct interp_frame), l->holder.frames);
	return stack_send(s);
}

#endif
