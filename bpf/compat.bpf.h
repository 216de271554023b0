/* SPDX-License-Identifier: GPL-2.0 */
/* compat.bpf.h: every difference between kernels, feature-tested through BTF, in one place.
 *
 * Each entry names the upstream commit or release and when it can go.  Knows nothing of stalls.
 */
#ifndef STALLPROF_COMPAT_BPF_H
#define STALLPROF_COMPAT_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* task_struct.state became __state in 5.14 (2f064a59a11f).  Remove when 5.15 is the baseline
 * everywhere; it is ours, but distributions carried the rename late. */
struct task_struct___before_5_14 {
	long state;
} __attribute__((preserve_access_index));

static __always_inline u32 task_state(struct task_struct *t)
{
	struct task_struct___before_5_14 *old = (void *)t;

	if (bpf_core_field_exists(t->__state))
		return BPF_CORE_READ(t, __state);
	return BPF_CORE_READ(old, state);
}

/* Bits of the task state.  Values of include/linux/sched.h, the same since 5.15; TASK_FROZEN came
 * with 6.1 (f5d39b020809), the bit was unused before.  Other modifiers (FREEZABLE 0x2000, NOLOAD
 * 0x400, WAKEKILL 0x100) are ignored: bits are tested, never compared. */
#define STATE_STOPPED 0x00000004u
#define STATE_TRACED  0x00000008u
#define STATE_DEAD    0x00000090u /* TASK_DEAD | EXIT_DEAD */
#define STATE_FROZEN  0x00008000u

#define JOBCTL_TRAP_FREEZE (1UL << 23) /* include/linux/sched/jobctl.h, since 5.2 */

#define FLAG_EXITING   0x00000004u /* PF_EXITING */
#define FLAG_IO_WORKER 0x00000010u /* PF_IO_WORKER: registers are a stale copy of the creator's */
#define FLAG_KERNEL    0x00200000u /* PF_KTHREAD, the idle threads too */

#define STATUS_COMPAT 0x0002u /* TS_COMPAT: in a 32-bit system call */

/* Frozen by its control group: asleep like in any wait.  The bit needs CONFIG_CGROUPS. */
static __always_inline bool task_frozen(struct task_struct *t)
{
	/* A parent in vfork is "frozen" too, so that its cgroup can be: only the trap tells. */
	return bpf_core_field_exists(t->frozen) && BPF_CORE_READ_BITFIELD_PROBED(t, frozen) &&
	       BPF_CORE_READ(t, jobctl) & JOBCTL_TRAP_FREEZE;
}

/* Its control group has used up its CPU time.  Since 6.18 ("sched/fair: Switch to task based
 * throttle model") the task itself is marked, before that the queue it stands in: the latter can go
 * when nothing older is left.  Both are set by the time it is switched out, and need
 * CONFIG_CFS_BANDWIDTH. */
static __always_inline bool task_throttled(struct task_struct *t)
{
	struct cfs_rq *queue = NULL;

	if (bpf_core_field_exists(t->throttled))
		return BPF_CORE_READ(t, throttled);
	if (!bpf_core_field_exists(t->se.cfs_rq) || !bpf_core_field_exists(queue->throttle_count))
		return false;
	queue = BPF_CORE_READ(t, se.cfs_rq);
	return queue && BPF_CORE_READ(queue, throttle_count) > 0;
}

/* With CONFIG_PREEMPT_RT soft interrupts run on the stack of a task, which counts them. */
struct task_struct___rt {
	int softirq_disable_cnt;
} __attribute__((preserve_access_index));

#define SOFTIRQ_SERVING 0x100 /* SOFTIRQ_OFFSET of include/linux/preempt.h; more only forbids */

/* Is the current thread in a system call and the hook in that call, not in an interrupt of it?
 * `hook`: address of the hook's arguments.  They lie on the stack that the hook runs on, which is
 * the thread's own only in the thread's own doing: interrupts of the kernel have stacks of their
 * own (x86-64, since before 5.15), those of user code run on the thread's, but have no system call.
 * The counter of interrupts would say it, too: but it has three names between 5.15 and 6.18, and a
 * kernel without CONFIG_KALLSYMS_ALL gives it to no one. */
static __always_inline bool in_own_call(struct task_struct *current, u64 hook)
{
	struct task_struct___rt *rt = (void *)current;
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(current);

	if (BPF_CORE_READ(current, flags) & FLAG_KERNEL || (s64)regs->orig_ax < 0)
		return false;
	if (bpf_core_field_exists(rt->softirq_disable_cnt) &&
	    BPF_CORE_READ(rt, softirq_disable_cnt) & SOFTIRQ_SERVING)
		return false;
	return hook >= (u64)BPF_CORE_READ(current, stack) && hook < (u64)regs;
}

/* Without SMP (an option until 6.17) there is no such member, and whoever looks is on the CPU. */
static __always_inline bool task_on_cpu(struct task_struct *t)
{
	return bpf_core_field_exists(t->on_cpu) && BPF_CORE_READ(t, on_cpu);
}

/* sched_info is empty without CONFIG_SCHED_INFO. */
static __always_inline u64 task_run_delay(struct task_struct *t)
{
	if (bpf_core_field_exists(t->sched_info.run_delay))
		return t->sched_info.run_delay;
	return 0;
}

#endif
