/* SPDX-License-Identifier: GPL-2.0 */
/* unwind.bpf.h: the native part of the current thread's stack, by the tables of unwind.h.
 *
 * Owns the memory that walks need, and the copies of stacks that end in code which is not known:
 * user space goes on with them.  The walk itself is walk_native.h.
 */
#ifndef STALLPROF_UNWIND_BPF_H
#define STALLPROF_UNWIND_BPF_H

#include "budget.bpf.h"
#include "walk_jit.h"
#include "walk_native.h"
#include "walk_python.h"

/* A walk can be interrupted by another one on the same CPU: by a sample, and where hooks are
 * preemptible by any other thread.  The second has its own memory; a third goes without. */
#define UNWIND_WALKS 2

/* Copies by one of a CPU's walks: a burst, when much was just loaded, then 20 a second. */
#define SNAPSHOT_COST	 50000000ULL /* ns */
#define SNAPSHOT_BURST	 64
#define SNAPSHOT_BACKLOG (RING_BYTES / 4) /* bytes in the ring, which has other uses */
/* Copies of stacks that were alike: what did not help so often, as with a virtual machine that
 * keeps no frame pointers, never will, and each makes a stack that is like no other. */
#define SNAPSHOT_ALIKE 64
#define SNAPSHOT_SEED  0x6a09e667f3bcc909ULL

#define EXECED_TRIES 4

#define SEGMENT_USER32 0x23 /* cs of 32-bit code, arch/x86/include/asm/segment.h */

struct unwind_walk {
	u32 busy;
	u32 pad;
	u64 snapshots_at; /* budget */
	struct unwind_cursor cursor;
	struct walk_state interpreter;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNWIND_WALKS);
	__type(key, u32);
	__type(value, struct unwind_walk);
} unwind_walks SEC(".maps");

/* Memory that no other walk uses until unwind_release(); NULL: all is in use. */
static __always_inline struct unwind_walk *unwind_claim(void)
{
	for (u32 i = 0; i < UNWIND_WALKS; i++) {
		u32 key = i;
		struct unwind_walk *walk = bpf_map_lookup_elem(&unwind_walks, &key);

		if (walk && !__sync_lock_test_and_set(&walk->busy, 1))
			return walk;
	}
	return NULL;
}

static __always_inline void unwind_release(struct unwind_walk *walk)
{
	*(volatile u32 *)&walk->busy = 0;
}

/* In the order of struct sigcontext. */
static __always_inline void unwind_registers(u64 *to, const struct pt_regs *regs)
{
	to[0] = regs->r8;
	to[1] = regs->r9;
	to[2] = regs->r10;
	to[3] = regs->r11;
	to[4] = regs->r12;
	to[5] = regs->r13;
	to[6] = regs->r14;
	to[7] = regs->r15;
	to[8] = regs->di;
	to[9] = regs->si;
	to[UNWIND_REG_BP] = regs->bp;
	to[11] = regs->bx;
	to[12] = regs->dx;
	to[13] = regs->ax;
	to[14] = regs->cx;
	to[UNWIND_REG_SP] = regs->sp;
	to[UNWIND_REG_IP] = regs->ip;
}

/* What was walked by may have become another's meanwhile, or been so when the serial was read: then
 * only the innermost frame counts. */
static __always_inline void unwind_settle(struct unwind_walk *walk, const struct pt_regs *regs,
					  const struct unwind_proc *proc, u64 serial, u32 tgid,
					  struct event_stack *s)
{
	if (bpf_map_lookup_elem(&unwind_procs, &tgid) == proc &&
	    *(const volatile u64 *)&proc->serial == serial)
		return;
	unwind_registers(walk->cursor.regs, regs);
	unwind_begin(&walk->cursor, s);
	s->n_python = 0;
	s->flags &= ~STACK_USER_CUT;
	s->user_stop = UNWIND_STOP_MAPPING;
}

/* An exec is one more time that addresses came to stand for other code. */
static __always_inline u16 unwind_generation(const struct unwind_proc *proc, u64 serial)
{
	return (proc->flags >> UNWIND_PROC_GENERATION) + !!(serial & UNWIND_PROC_EXECED);
}

/* The native part of the current thread's stack into s->user, and why it ended into s->user_stop.
 * Returns 0 when its process has no tables: then nothing is changed. */
__weak int unwind_user(struct unwind_walk *walk, struct event_stack *s)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	u32 tgid = BPF_CORE_READ(t, tgid);
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &tgid);
	struct proc_conf *conf = proc_of(t);
	u64 serial;

	if (!walk || !s || !proc)
		return 0;
	serial = *(const volatile u64 *)&proc->serial;
	if (!task_started_at(t, proc->start_time) || (regs->cs & 0xff) == SEGMENT_USER32)
		return 0;
	s->generation = unwind_generation(proc, serial);
	unwind_registers(walk->cursor.regs, regs);
	unwind_begin(&walk->cursor, s);
	if (serial & UNWIND_PROC_EXECED)
		s->user_stop = UNWIND_STOP_MAPPING;
	else if (s->n_user && conf && conf->jit.enabled)
		walk_jit_run(&walk->cursor, &conf->jit, proc, s);
	else if (s->n_user)
		unwind_run(&walk->cursor, proc, s);
	unwind_settle(walk, regs, proc, serial, tgid, s);
	return 1;
}

/* Would the stack of that process be another by now?  It ended in code that was not known, or what
 * is known was wrong. */
static __always_inline bool unwind_outdated(const struct event_stack *s, u32 tgid)
{
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &tgid);

	if (!proc)
		return false;
	if (s->generation != unwind_generation(proc, *(const volatile u64 *)&proc->serial))
		return true;
	return (s->user_stop == UNWIND_STOP_KERNEL || s->user_stop == UNWIND_STOP_MAPPING ||
		s->user_stop == UNWIND_STOP_GUESSED) &&
	       !(s->flags & STACK_USER_MORE);
}

/* The child has the code of its parent at the same addresses, until it maps other. */
static __noinline int unwind_inherit(u32 tgid, u32 parent)
{
	const volatile struct unwind_proc *from = bpf_map_lookup_elem(&unwind_procs, &parent);
	struct unwind_proc *to;
	u64 serial, start_time;

	if (!from)
		return 0;
	serial = from->serial;
	start_time = from->start_time;
	if (bpf_map_update_elem(&unwind_procs, &tgid, (const void *)from, BPF_NOEXIST))
		return 0;
	if (from->serial != serial)
		bpf_map_delete_elem(&unwind_procs, &tgid);
	to = bpf_map_lookup_elem(&unwind_procs, &tgid);
	/* Unless it is what user space has stored since, or another's memory by now. */
	if (to)
		__sync_val_compare_and_swap(&to->start_time, start_time, 0);
	return 0;
}

/* Nothing is known of the code in that entry any more.  False: it is not the one that had the
 * serial; its memory may be another process's. */
static __always_inline bool unwind_spoil(struct unwind_proc *proc, u64 serial)
{
	return serial & UNWIND_PROC_EXECED ||
	       __sync_val_compare_and_swap(&proc->serial, serial, serial | UNWIND_PROC_EXECED) ==
		       serial;
}

/* The stacks of the new program are sent with a copy until its code is known.  The thread that
 * executes is the only one left, nobody else walks by the entry; but user space may store it anew
 * right now. */
static __noinline int unwind_execed(u32 tgid)
{
	for (int i = 0; i < EXECED_TRIES; i++) {
		struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &tgid);

		if (!proc || unwind_spoil(proc, *(volatile u64 *)&proc->serial))
			return 0;
	}
	bpf_map_delete_elem(&unwind_procs, &tgid);
	return 0;
}

/* Copies what is there; one read that crosses the end of the stack would fail as a whole. */
static __always_inline u32 snapshot_copy(struct event_snapshot *e, u64 sp)
{
	u64 len = UNWIND_MEMORY_PAGE - sp % UNWIND_MEMORY_PAGE;

	walk_keep(len);
	if (len > UNWIND_MEMORY_PAGE || !len)
		return 0;
	if (bpf_probe_read_user(e->bytes, len, (void *)sp))
		return 0;
	for (u32 i = 1; i < UNWIND_SNAPSHOT_MAX / UNWIND_MEMORY_PAGE; i++) {
		walk_keep(len);
		if (len > UNWIND_SNAPSHOT_MAX - UNWIND_MEMORY_PAGE ||
		    bpf_probe_read_user(&e->bytes[len], UNWIND_MEMORY_PAGE, (void *)(sp + len)))
			break;
		len += UNWIND_MEMORY_PAGE;
	}
	return len;
}

/* One more copy of a stack with that hash. */
static __always_inline bool snapshot_counts(u64 hash)
{
	u64 key = hash ^ SNAPSHOT_SEED;
	u8 *n = bpf_map_lookup_elem(&bodies, &key), one = 1;

	if (!n)
		return !bpf_map_update_elem(&bodies, &key, &one, BPF_NOEXIST);
	if (*n >= SNAPSHOT_ALIKE)
		return false;
	*n += 1;
	return true;
}

/* The frame to go on with: the first whose code is not known.  False: there is none. */
static __always_inline bool snapshot_from(const struct unwind_cursor *c,
					  const struct event_stack *s, struct unwind_guess *from)
{
	*from = c->guess;
	if (from->at)
		return true;
	from->ip = c->ip;
	from->sp = c->sp;
	from->bp = c->bp;
	from->at = s->n_user;
	from->exact = c->exact;
	return s->user_stop == UNWIND_STOP_MAPPING || s->user_stop == UNWIND_STOP_TABLE;
}

/* The walk ended in code that is not known, or went through it: sends what user space needs to go
 * on, if it may.  What it will find is not in the stack's hash: that becomes `hash`, mixed so that
 * it is like no other. */
__weak int unwind_snapshot(struct unwind_walk *walk, struct event_stack *s, u64 hash)
{
	struct unwind_guess from;
	struct event_snapshot *e;

	if (!walk || !s || !snapshot_from(&walk->cursor, s, &from) || !walk_addr_ok(from.ip) ||
	    !walk_addr_ok(from.sp) ||
	    bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > SNAPSHOT_BACKLOG ||
	    !budget_allows(&walk->snapshots_at, s->head.ts, SNAPSHOT_COST, SNAPSHOT_BURST) ||
	    !snapshot_counts(s->hash))
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	s->flags |= STACK_USER_MORE;
	s->hash = (hash ^ from.sp) | 1;
	e->head = s->head;
	e->head.kind = EVENT_SNAPSHOT;
	e->head.size = sizeof(*e);
	e->hash = s->hash;
	e->ip = from.ip;
	e->sp = from.sp;
	e->bp = from.bp;
	e->at = from.at;
	e->exact = from.exact;
	e->len = snapshot_copy(e, from.sp);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif
