// SPDX-License-Identifier: GPL-2.0 OR MIT
/* walk.bpf.c: runs the interpreter walker at every switch of one process and keeps each thread's
 * last stack.  Must not know languages, as the walker must not.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/walk_python.h"

#include "tests/bpf/walk_stack.h"

char LICENSE[] SEC("license") = "GPL";

const volatile int target;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_plan);
} plans SEC(".maps");

struct scratch {
	struct walk_state walk;
	struct walk_stack stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 127);
	__type(key, __u32);
	__type(value, struct walk_stack);
} stacks SEC(".maps");

static __always_inline struct scratch *scratch_for(struct task_struct *prev)
{
	__u32 zero = 0;

	if (!target || prev->tgid != target)
		return NULL;
	return bpf_map_lookup_elem(&scratches, &zero);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev)
{
	struct scratch *s = scratch_for(prev);
	struct walk_plan *plan;
	__u32 zero = 0, tid;
	__u16 n, flags;

	plan = bpf_map_lookup_elem(&plans, &zero);
	if (!s || !plan)
		return 0;
	tid = prev->pid;
	walk_python(plan, prev->thread.fsbase, &s->walk, s->stack.frames, &n, &flags);
	s->stack.n = n;
	s->stack.flags = flags;
	bpf_map_update_elem(&stacks, &tid, &s->stack, BPF_ANY);
	return 0;
}
