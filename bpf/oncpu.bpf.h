/* SPDX-License-Identifier: GPL-2.0 */
/* oncpu.bpf.h: where a loop's thread spends its CPU time, sampled only while a period is old.
 *
 * Runs from a cpu-clock event of that one thread, so a sample means sample_period of its CPU time.
 */
#ifndef STALLPROF_ONCPU_BPF_H
#define STALLPROF_ONCPU_BPF_H

#include "offcpu.bpf.h"

static __always_inline void cpu_sample(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct thread_state *st = thread_peek(t);
	struct loop_state *l = st ? loop_of(st) : NULL;
	struct stall_part *p;
	u64 now;

	if (!l || !l->stall.start || l->flags & (LOOP_IN_POLL | LOOP_WANT_STACK))
		return;
	now = bpf_ktime_get_ns();
	if (now - l->stall.start < sample_age)
		return;
	/* A hook at work owns the buffers, and between the switch hook and the switch itself the
	 * wait does.  Nothing is lost: the length of CPU time is measured, samples only say where
	 * it went. */
	if (l->off_since || l->hooked)
		return;
	/* Its part may have to make room for this one. */
	loop_settle_task(l, t);
	p = &l->pending;
	p->klass = CLASS_CPU;
	p->syscall = -1;
	p->flags = PART_SAMPLED;
	p->count = 1;
	__builtin_memset(&p->owner, 0, sizeof(p->owner));
	p->at = now - l->stall.start;
	__builtin_memset(p->args, 0, sizeof(p->args));
	__builtin_memset(&p->target, 0, sizeof(p->target));
	p->target.fd = -1;
	p->stack = stack_take(ctx, t, &l->stack, now);
	stack_send(&l->stack);
	part_add(l, sample_period);
}

#endif
