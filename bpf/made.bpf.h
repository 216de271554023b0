/* SPDX-License-Identifier: GPL-2.0 */
/* made.bpf.h: the threads and epoll files that watched processes make, and from where.
 *
 * Every one is counted.  An event with the stack is sent within a budget of each process, so that
 * neither a process that makes threads without end nor the ring is the worse for it.
 */
#ifndef STALLPROF_MADE_BPF_H
#define STALLPROF_MADE_BPF_H

#include "home.bpf.h"

#define MADE_COST  1000000ULL /* ns: 1,000 events a second, below 1 % of a core */
#define MADE_BURST 64

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PROCS_MAX);
	__type(key, u32);
	__type(value, struct made_sums);
} made SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event_stack);
} made_stacks SEC(".maps");

/* The sums of the process, made if need be.  User space deletes them with the process. */
static __always_inline struct made_sums *made_of(u32 tgid)
{
	struct made_sums *sums = bpf_map_lookup_elem(&made, &tgid);
	struct made_sums none = {};

	if (sums)
		return sums;
	bpf_map_update_elem(&made, &tgid, &none, BPF_NOEXIST);
	sums = bpf_map_lookup_elem(&made, &tgid);
	if (!sums)
		lose(LOST_EVENTS);
	return sums;
}

static __always_inline u64 task_switches(struct task_struct *t)
{
	return BPF_CORE_READ(t, nvcsw) + BPF_CORE_READ(t, nivcsw);
}

/* The stack of the current thread, its body sent; 0 when it was preempted meanwhile: others have
 * used the buffers then.  A sample of its CPU time must not use them, either. */
static __noinline u64 made_stack(void *ctx, struct task_struct *t, u64 now)
{
	u64 switches = task_switches(t), hash;
	struct thread_state *st = thread_peek(t);
	struct loop_state *l = st ? loop_of(st) : NULL;
	struct event_stack *s;
	u32 zero = 0;

	s = bpf_map_lookup_elem(&made_stacks, &zero);
	if (!s)
		return 0;
	if (l)
		l->hooked = 1;
	hash = stack_take(ctx, t, s, now);
	if (l)
		l->hooked = 0;
	if (task_switches(t) != switches)
		return 0;
	stack_send(s);
	return hash;
}

/* The current thread has made another one in its process. */
static __noinline int made_thread(void *ctx, struct task_struct *maker, struct task_struct *child)
{
	struct made_sums *sums = made_of(BPF_CORE_READ(maker, tgid));
	u64 now = bpf_ktime_get_ns();
	struct event_thread e = {};

	if (!sums)
		return 0;
	__sync_fetch_and_add(&sums->threads, 1);
	if (!budget_allows(&sums->threads_at, now, MADE_COST, MADE_BURST))
		return 0;
	event_head_set(&e.head, EVENT_THREAD, sizeof(e), child, now);
	e.maker = BPF_CORE_READ(maker, pid);
	e.stack = made_stack(ctx, maker, now);
	if (bpf_ringbuf_output(&events, &e, sizeof(e), 0))
		lose(LOST_EVENTS);
	return 0;
}

/* The current thread is about to make an epoll file. */
static __always_inline int made_epoll(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u64 now = bpf_ktime_get_ns();
	struct thread_state *st = thread_peek(t);
	struct event_made e = {};
	struct made_sums *sums;
	struct loop_state *l;

	if (!st && !proc_of(t))
		return 0;
	sums = made_of(BPF_CORE_READ(t, tgid));
	if (!sums)
		return 0;
	__sync_fetch_and_add(&sums->epolls, 1);
	if (st)
		e.number = ++st->epolls;
	if (!budget_allows(&sums->epolls_at, now, MADE_COST, MADE_BURST))
		return 0;
	event_head_set(&e.head, EVENT_MADE, sizeof(e), t, now);
	l = st ? loop_of(st) : NULL;
	if (l && l->home != HOME_NONE && !home_open(l, t))
		e.last_poll = l->stats.last;
	e.stack = made_stack(ctx, t, now);
	if (bpf_ringbuf_output(&events, &e, sizeof(e), 0))
		lose(LOST_EVENTS);
	return 0;
}

#endif
