/* SPDX-License-Identifier: GPL-2.0 */
/* aggregate.bpf.h: --off-cpu: every wait of every thread, summed in the kernel.
 *
 * Three tables: by stack, by system call, by thread; each has an overflow row, so each adds up to
 * the same total whatever happens.  A stack that the capture budget refused is counted under stack
 * 0.
 */
#ifndef STALLPROF_AGGREGATE_BPF_H
#define STALLPROF_AGGREGATE_BPF_H

#include "offcpu.bpf.h"

/* Sizes are set to 1 by the loader unless --off-cpu is asked for. */
#define ROWS_BY_STACK  65536
#define ROWS_BY_CALL   4096
#define ROWS_BY_THREAD 16384

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ROWS_BY_STACK);
	__type(key, struct offcpu_key);
	__type(value, struct offcpu_stack_row);
} by_stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ROWS_BY_CALL);
	__type(key, struct offcpu_key);
	__type(value, struct offcpu_value);
} by_syscall SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ROWS_BY_THREAD);
	__type(key, struct offcpu_key);
	__type(value, struct offcpu_thread_row);
} by_thread SEC(".maps");

/* The iterator can be preempted by a hook, so each has its own. */
#define SCRATCH_HOOK	 0
#define SCRATCH_ITERATOR 1

/* The wait as captured at switch-out; too big for the BPF stack. */
struct offcpu_scratch {
	struct event_stack stack;
	struct offcpu_stack_row row;
	struct offcpu_thread_row thread;
	struct stall_part part;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2); /* SCRATCH_* */
	__type(key, u32);
	__type(value, struct offcpu_scratch);
} scratch SEC(".maps");

static __always_inline void value_add(struct offcpu_value *v, u64 ns)
{
	u32 bucket = ns ? log2_u64(ns) : 0;

	__sync_fetch_and_add(&v->count, 1);
	__sync_fetch_and_add(&v->ns, ns);
	if (ns > v->max)
		v->max = ns;
	if (bucket >= OFFCPU_HIST_BUCKETS)
		bucket = OFFCPU_HIST_BUCKETS - 1;
	__sync_fetch_and_add(&v->hist[bucket], 1);
}

/* The row of the key, made if need be; the overflow row of that table when it is full. */
#define row_find(map, key, fresh) \
	({ \
		void *row_ = bpf_map_lookup_elem(map, key); \
		if (!row_) { \
			bpf_map_update_elem(map, key, fresh, BPF_NOEXIST); \
			row_ = bpf_map_lookup_elem(map, key); \
		} \
		if (!row_) { \
			u8 by_ = (key)->by; \
			lose(LOST_ROWS); \
			__builtin_memset(key, 0, sizeof(*(key))); \
			(key)->overflow = 1; \
			(key)->by = by_; \
			row_ = bpf_map_lookup_elem(map, key); \
		} \
		row_; \
	})

/* s->row becomes an empty row with the object that the current thread waits for. */
static __always_inline void row_fresh(struct offcpu_scratch *s, s16 syscall, u64 now)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	__builtin_memset(&s->row, 0, sizeof(s->row));
	__builtin_memset(&s->part.target, 0, sizeof(s->part.target));
	s->part.target.fd = -1;
	s->part.syscall = syscall;
	s->part.args[0] = regs->di;
	s->part.args[1] = regs->si;
	s->part.args[2] = regs->dx;
	s->part.args[3] = regs->r10;
	target_find(&s->part, now);
	s->row.target = s->part.target;
}

static __noinline int offcpu_begin(void *ctx, struct task_struct *t, struct thread_state *st,
				   const struct wait_class *w)
{
	u64 now = bpf_ktime_get_ns();
	struct offcpu_scratch *s;
	struct offcpu_key key = {};
	u32 zero = SCRATCH_HOOK;

	if (!st || !w)
		return 0;
	st->off_since = now;
	st->klass = w->klass;
	st->syscall = w->syscall;
	st->stack = 0;
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return 0;
	st->stack = stack_take(ctx, t, &s->stack, now);
	stack_send(&s->stack);
	/* Walking a new stack takes microseconds that the thread spends on its CPU, not off it. */
	st->off_since = bpf_ktime_get_ns();
	/* Without the resume hook the object of the wait can be asked only now. */
	key.by = OFFCPU_BY_STACK;
	key.tgid = BPF_CORE_READ(t, tgid);
	key.stack = st->stack;
	key.klass = w->klass;
	key.syscall = w->syscall;
	if (resume_hook || bpf_map_lookup_elem(&by_stack, &key))
		return 0;
	row_fresh(s, w->syscall, now);
	bpf_map_update_elem(&by_stack, &key, &s->row, BPF_NOEXIST);
	return 0;
}

static __noinline int offcpu_add(struct task_struct *t, struct thread_state *st, u64 ns, u32 which)
{
	struct offcpu_scratch *s = bpf_map_lookup_elem(&scratch, &which);
	struct offcpu_key key = {};
	struct offcpu_value *v;
	struct offcpu_stack_row *row;
	struct offcpu_thread_row *thread;

	if (!s || !st)
		return 0;
	__builtin_memset(&s->row, 0, sizeof(s->row));
	s->row.target.fd = -1;
	key.by = OFFCPU_BY_STACK;
	key.tgid = BPF_CORE_READ(t, tgid);
	key.klass = st->klass;
	key.syscall = st->syscall;
	key.stack = st->stack;
	if (resume_hook && which == SCRATCH_HOOK && !bpf_map_lookup_elem(&by_stack, &key))
		row_fresh(s, st->syscall, bpf_ktime_get_ns());
	row = row_find(&by_stack, &key, &s->row);
	if (row)
		value_add(&row->value, ns);
	__builtin_memset(&key, 0, sizeof(key));
	key.by = OFFCPU_BY_SYSCALL;
	key.tgid = BPF_CORE_READ(t, tgid);
	key.klass = st->klass;
	key.syscall = st->syscall;
	v = row_find(&by_syscall, &key, &s->row.value);
	if (v)
		value_add(v, ns);
	__builtin_memset(&key, 0, sizeof(key));
	key.by = OFFCPU_BY_THREAD;
	key.tgid = BPF_CORE_READ(t, tgid);
	key.tid = BPF_CORE_READ(t, pid);
	key.klass = st->klass;
	key.syscall = -1;
	__builtin_memset(&s->thread, 0, sizeof(s->thread));
	thread = row_find(&by_thread, &key, &s->thread);
	if (!thread)
		return 0;
	value_add(&thread->value, ns);
	/* Threads are named after they started, and their names are gone when they end. */
	if (!key.overflow)
		BPF_CORE_READ_STR_INTO(&thread->comm, t, comm);
	return 0;
}

static __always_inline void offcpu_out(void *ctx, struct task_struct *prev, struct thread_state *st,
				       bool preempt, u32 state)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(prev);
	struct wait_class w;

	st->off_since = 0;
	if (state & STATE_DEAD || BPF_CORE_READ(prev, flags) & FLAG_EXITING)
		return;
	thread_classify(&w, preempt, state, prev, st, regs);
	offcpu_begin(ctx, prev, st, &w);
}

static __always_inline void offcpu_end(struct task_struct *t, struct thread_state *st, u64 ns,
				       u32 which)
{
	struct proc_conf *conf = proc_of(t);

	if (conf && ns >= conf->wait_min && (!conf->wait_max || ns <= conf->wait_max))
		offcpu_add(t, st, ns, which);
}

static __always_inline void offcpu_in(struct task_struct *next, struct thread_state *st)
{
	u64 since = st->off_since;

	if (!since)
		return;
	st->off_since = 0;
	offcpu_end(next, st, bpf_ktime_get_ns() - since, SCRATCH_HOOK);
}

#endif
