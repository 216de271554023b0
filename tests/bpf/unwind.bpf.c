// SPDX-License-Identifier: GPL-2.0
/* unwind.bpf.c: takes stacks of the process that asks for it, and of one that leaves the CPU.
 *
 * Calls what the product calls, bpf/stack.bpf.h, over tables that the test has filled.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/stack.bpf.h"

#include "tests/bpf/unwind_door.h"

char LICENSE[] SEC("license") = "GPL";

struct unwind_door door;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UNWIND_SLOTS);
	__type(key, u32);
	__type(value, struct event_stack);
} stacks SEC(".maps");

static __always_inline struct event_stack *slot(u32 i)
{
	return bpf_map_lookup_elem(&stacks, &i);
}

/* The stack of the caller, and how long it took. */
SEC("raw_tp")
int door_take(void *ctx)
{
	struct event_stack *s = slot(UNWIND_SLOT_DOOR);
	u64 start = bpf_ktime_get_ns();

	if (s)
		stack_take(ctx, bpf_get_current_task_btf(), s, start);
	door.ns = bpf_ktime_get_ns() - start;
	return 0;
}

/* Only its native part. */
SEC("raw_tp")
int door_walk(void *ctx)
{
	struct event_stack *s = slot(UNWIND_SLOT_DOOR);
	struct unwind_walk *walk = unwind_claim();
	u64 start;

	if (!walk)
		return 0;
	start = bpf_ktime_get_ns();
	if (s)
		unwind_user(walk, s);
	door.ns = bpf_ktime_get_ns() - start;
	unwind_release(walk);
	return 0;
}

/* The same by the kernel's frame pointers. */
SEC("raw_tp")
int door_pointers(void *ctx)
{
	struct event_stack *s = slot(UNWIND_SLOT_DOOR);
	u64 start = bpf_ktime_get_ns();

	if (s)
		stack_by_pointer(ctx, s);
	door.ns = bpf_ktime_get_ns() - start;
	return 0;
}

/* As if the process had executed a program. */
SEC("raw_tp")
int door_exec(void *ctx)
{
	unwind_execed(door.tgid);
	return 0;
}

/* The same, but user space stores the entry anew in the last moment, and then another's.  How many
 * of the two were spoiled. */
SEC("raw_tp")
int door_exec_late(void *ctx)
{
	u32 tgid = door.tgid, child = door.child, spoiled = 0;
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &tgid), *template, *now;
	u64 serial;

	template = bpf_map_lookup_elem(&unwind_procs, &child);
	if (!proc || !template)
		return -1;
	serial = proc->serial;
	if (bpf_map_update_elem(&unwind_procs, &tgid, template, BPF_ANY) ||
	    bpf_map_update_elem(&unwind_procs, &child, template, BPF_ANY) ||
	    bpf_map_update_elem(&unwind_procs, &tgid, template, BPF_ANY))
		return -1;
	unwind_spoil(proc, serial);
	now = bpf_map_lookup_elem(&unwind_procs, &tgid);
	spoiled += now && now->serial & UNWIND_PROC_EXECED;
	now = bpf_map_lookup_elem(&unwind_procs, &child);
	spoiled += now && now->serial & UNWIND_PROC_EXECED;
	door.spoiled = spoiled;
	return 0;
}

/* As if it had a child. */
SEC("raw_tp")
int door_fork(void *ctx)
{
	unwind_inherit(door.child, door.tgid);
	return 0;
}

/* The last stack with which a thread of the process slept in that call. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(prev);
	struct event_stack *s;

	if (!door.tgid || prev->tgid != door.tgid || preempt || regs->orig_ax != door.call)
		return 0;
	s = slot(UNWIND_SLOT_SWITCH);
	if (s)
		stack_take(ctx, prev, s, bpf_ktime_get_ns());
	return 0;
}
