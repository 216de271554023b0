/* SPDX-License-Identifier: GPL-2.0 */
/* period.bpf.h: the state of a loop, its busy periods, and what they were made of.
 *
 * Accounts facts: lengths, classes, buckets.  Knows neither polls nor switches.
 */
#ifndef STALLPROF_PERIOD_BPF_H
#define STALLPROF_PERIOD_BPF_H

#include "stack.bpf.h"
#include "target.bpf.h"

/* log2 of a value that is not 0, for kernels and compilers without a bit-scan instruction in BPF.
 */
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

/* Takes the first free element of the group that begins at `first`; negative: there is none below
 * limit.  A function of its own, because the verifier follows every turn of a loop in each state in
 * which it can be reached: of all elements at once that were 30,000 instructions in each program
 * that sees polls, and 500 like this. */
__weak int loop_claim_among(u32 first, u32 limit)
{
	for (u32 i = 0; i < LOOPS_GROUP; i++) {
		u32 index = first + i;
		struct loop_state *l = bpf_map_lookup_elem(&loops, &index);

		if (!l || index >= limit)
			break;
		if (!l->used && !__sync_val_compare_and_swap(&l->used, 0, 1))
			return index;
	}
	return -1;
}

/* Takes a free element among the first `limit` for the thread; NULL when they are in use. */
static __noinline struct loop_state *loop_claim(struct thread_state *st, u32 limit)
{
	struct loop_state *l;
	u32 index;
	int at = -1;

	if (!st)
		return NULL;
	for (u32 first = 0; at < 0 && first < LOOPS_MAX; first += LOOPS_GROUP)
		at = loop_claim_among(first, limit);
	index = at;
	l = at < 0 ? NULL : bpf_map_lookup_elem(&loops, &index);
	if (!l) {
		if (limit >= LOOPS_MAX)
			lose(LOST_LOOPS);
		return NULL;
	}
	st->loop = index + 1;
	/* Two claims may race and the lower one win; the next claim or the loop's first
	 * announcement mends it. */
	if (loops_high < index + 1)
		loops_high = index + 1;
	l->stats.loop = index;
	l->stall.loop = index;
	return l;
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
						      struct proc_conf *conf, u64 now, u32 limit)
{
	struct loop_state *l = loop_claim(st, limit);

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
	/* the kernel's figure has all the time for which the control group had none left, too */
	if (!delay || class == CLASS_RUNQUEUE || class == CLASS_QUOTA || class >= CLASS_COUNT)
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

/* Whatever ended the one before left nothing of it. */
static __always_inline void period_start(struct loop_state *l, u64 now)
{
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

	if (!l)
		return 0;
	if (!l->stall.start) {
		period_reset(l);
		return 0;
	}
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

#endif
