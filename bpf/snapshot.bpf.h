/* SPDX-License-Identifier: GPL-2.0 */
/* snapshot.bpf.h: what the threads of watched processes are at, at one moment.
 *
 * Runs in an iterator, for threads that are not current: their user memory cannot be read from
 * here, so that of a wait's object only what the kernel itself keeps is found.
 */
#ifndef STALLPROF_SNAPSHOT_BPF_H
#define STALLPROF_SNAPSHOT_BPF_H

#include "made.bpf.h"
#include "offcpu.bpf.h"

/* One reader, one record at a time; too big for the stack. */
static struct thread_now now_listed;

/* The wait of a thread that sleeps.  Its registers stay where they are while it does. */
static __always_inline void snapshot_wait(struct task_struct *t, struct thread_state *st, u32 state,
					  struct thread_now *n)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	struct proc_conf *conf;
	struct wait_class w;

	wait_classify(&w, false, state, t, call_of(st, regs));
	n->klass = w.klass;
	n->syscall = w.syscall;
	if (w.syscall < 0)
		return;
	n->args[0] = regs->di;
	n->args[1] = regs->si;
	n->args[2] = regs->dx;
	n->args[3] = regs->r10;
	n->args[4] = regs->r8;
	n->args[5] = regs->r9;
	conf = proc_of(t);
	if (w.klass == CLASS_LOCK && conf && gil_at(&conf->plan, n->args[0]))
		n->klass = CLASS_GIL;
	target_of_task(&n->target, t, call_object_of(w.syscall), n->args);
}

/* Writes one record for a thread of a watched process; any other costs one load. */
static __always_inline void snapshot_thread(struct seq_file *seq, struct task_struct *t)
{
	struct thread_state *st = thread_peek(t);
	struct thread_now *n = &now_listed;
	u32 state;

	if (!st)
		return;
	state = task_state(t);
	if (state & STATE_DEAD || BPF_CORE_READ(t, flags) & FLAG_EXITING)
		return;
	thread_id_set(t, st, false);
	__builtin_memset(n, 0, sizeof(*n));
	n->tgid = BPF_CORE_READ(t, tgid);
	n->tid = BPF_CORE_READ(t, pid);
	n->thread_pointer = BPF_CORE_READ(t, thread.fsbase);
	n->switches = task_switches(t);
	n->syscall = -1;
	n->target.fd = -1;
	BPF_CORE_READ_STR_INTO(&n->comm, t, comm);
	n->running = task_on_cpu(t) || (!(state & 0xff) && !(state & STATE_FROZEN));
	if (!n->running)
		snapshot_wait(t, st, state, n);
	if (!n->running && (task_switches(t) != n->switches || task_state(t) != state)) {
		/* It woke up meanwhile: what was read may be of anything. */
		n->running = 1;
		n->klass = CLASS_CPU;
		n->syscall = -1;
		__builtin_memset(n->args, 0, sizeof(n->args));
		__builtin_memset(&n->target, 0, sizeof(n->target));
		n->target.fd = -1;
	}
	bpf_seq_write(seq, n, sizeof(*n));
}

#endif
