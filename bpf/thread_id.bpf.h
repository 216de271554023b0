/* SPDX-License-Identifier: GPL-2.0 */
/* thread_id.bpf.h: which thread of a watched process has which thread pointer.
 *
 * A thread pointer is all that an interpreter's own memory says of a thread.  The saved one of a
 * task is right from its clone on, and stays right while the task runs: the calls that set it save
 * it, too.  Only an instruction of the program itself (wrfsbase) changes it unseen, until the task
 * leaves the CPU.  Knows nothing of stalls.
 */
#ifndef STALLPROF_THREAD_ID_BPF_H
#define STALLPROF_THREAD_ID_BPF_H

#include "maps.bpf.h"

#define ERROR_TOO_MANY (-7) /* E2BIG: what a full map answers */

/* The thread of that process with that thread pointer; 0: not known. */
static __always_inline u32 thread_id_find(u32 tgid, u64 pointer)
{
	struct thread_id_key key = { .pointer = pointer, .tgid = tgid };
	u32 *tid = bpf_map_lookup_elem(&thread_ids, &key);

	return tid ? *tid : 0;
}

/* Forgets the thread's pointer, unless another thread has taken it over. */
static __always_inline void thread_id_drop(struct task_struct *t, struct thread_state *st)
{
	struct thread_id_key key = { .pointer = st->pointer, .tgid = BPF_CORE_READ(t, tgid) };

	if (!st->pointer)
		return;
	/* Its memory is free before its end is told (before 6.16): by now it can be a new
	 * thread's. */
	if (thread_id_find(key.tgid, key.pointer) == st->pointer_tid)
		bpf_map_delete_elem(&thread_ids, &key);
	st->pointer = 0;
}

/* Remembers the thread by its pointer as it is now.  `take`: it is new, and whoever had the pointer
 * before has ended. */
static __always_inline void thread_id_set(struct task_struct *t, struct thread_state *st, bool take)
{
	struct thread_id_key key = { .pointer = t->thread.fsbase };
	u32 tid;
	long r;

	if (offcpu_mode || key.pointer == st->pointer)
		return;
	thread_id_drop(t, st);
	if (!key.pointer)
		return;
	key.tgid = BPF_CORE_READ(t, tgid);
	tid = BPF_CORE_READ(t, pid);
	r = bpf_map_update_elem(&thread_ids, &key, &tid, take ? BPF_ANY : BPF_NOEXIST);
	if (r && r != ERROR_TOO_MANY)
		return; /* another's, or the map is busy: asked again later */
	if (r)
		lose(LOST_IDS);
	st->pointer = key.pointer;
	st->pointer_tid = tid;
}

#endif
