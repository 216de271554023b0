// SPDX-License-Identifier: GPL-2.0
/* account.bpf.c: doors into the accounting of the kernel side, for BPF_PROG_TEST_RUN.
 *
 * Each program calls one function of bpf/ with what lies in `door`, on element 0 of `loops`.  Those
 * that take a stack are raw_tp programs, the others syscall programs.  Nothing is attached, so what
 * comes out depends on nothing but what went in.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/lifecycle.bpf.h"
#include "bpf/oncpu.bpf.h"

#include "tests/bpf/account.h"

char LICENSE[] SEC("license") = "GPL";

struct door door;
static struct thread_state thread;

#define DOOR(name) \
	SEC("syscall") \
	int door_##name(void *ctx)

#define DOOR_STACK(name) \
	SEC("raw_tp") \
	int door_##name(void *ctx)

static __always_inline struct loop_state *the_loop(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&loops, &zero);
}

static __always_inline void the_call(struct poll_call *p)
{
	p->kind = door.kind;
	p->syscall = door.syscall;
	p->fd = door.fd;
	p->id = door.id;
}

DOOR(log2)
{
	door.out = log2_u64(door.ns);
	return 0;
}

DOOR(bucket)
{
	door.out = hist_bucket(door.ns);
	return 0;
}

DOOR(classify)
{
	struct pt_regs regs = { .orig_ax = door.orig_ax };
	struct wait_class w;

	thread_classify(&w, door.preempt, door.state, bpf_get_current_task_btf(), &thread, &regs);
	door.out = w.klass;
	door.out2 = (s64)w.syscall;
	return 0;
}

DOOR(sleeps)
{
	door.out = call_sleeps(door.orig_ax, door.state, door.preempt);
	return 0;
}

DOOR(capture)
{
	door.out = capture_allowed(&door.tokens_at, door.now);
	return 0;
}

/* Forgets the thread. */
DOOR(thread_clear)
{
	__builtin_memset(&thread, 0, sizeof(thread));
	return 0;
}

DOOR(candidate)
{
	struct poll_call p;

	the_call(&p);
	door.out = candidate_seen(&thread, &p);
	return 0;
}

DOOR(part_add)
{
	struct loop_state *l = the_loop();

	if (l)
		door.out = (s64)part_add(l, door.ns);
	return 0;
}

DOOR(settle)
{
	struct loop_state *l = the_loop();

	if (l)
		loop_settle(l, door.ns);
	return 0;
}

DOOR(period_start)
{
	struct loop_state *l = the_loop();

	if (l)
		period_start(l, door.now);
	return 0;
}

DOOR(period_end)
{
	struct loop_state *l = the_loop();

	if (l)
		period_end(l, door.now);
	return 0;
}

DOOR(poll_out)
{
	struct loop_state *l = the_loop();

	if (l)
		poll_out(l, door.now);
	return 0;
}

DOOR_STACK(poll_in)
{
	struct loop_state *l = the_loop();

	if (l)
		poll_in(ctx, bpf_get_current_task_btf(), l, door.now);
	return 0;
}

DOOR_STACK(wait_begin)
{
	struct wait_class w = { .klass = door.klass, .syscall = door.syscall, .gil = door.id };
	struct loop_state *l = the_loop();

	if (l)
		wait_begin(ctx, l, &w, door.now);
	return 0;
}

/* Who holds the GIL at door.id?  With door.kind 1: where in its code, too. */
DOOR(holder_find)
{
	struct loop_state *l = the_loop();

	if (l)
		holder_find(l, door.id, door.kind);
	return 0;
}

DOOR(holder_settle)
{
	struct loop_state *l = the_loop();

	if (l)
		holder_settle(l);
	return 0;
}

DOOR(holder_send)
{
	struct loop_state *l = the_loop();

	if (l)
		holder_send(l);
	return 0;
}

DOOR(wait_end)
{
	struct loop_state *l = the_loop();

	if (l)
		wait_end(l, door.now);
	return 0;
}

/* The calling thread, in whatever call runs this program, leaves the CPU. */
DOOR_STACK(switch_out)
{
	thread.loop = 1;
	switch_out(ctx, bpf_get_current_task_btf(), &thread, door.preempt, door.state);
	return 0;
}

DOOR_STACK(resumed)
{
	struct loop_state *l = the_loop();

	if (l)
		wait_resumed(ctx, l);
	return 0;
}

DOOR_STACK(sample)
{
	cpu_sample(ctx);
	return 0;
}

DOOR(hash)
{
	struct loop_state *l = the_loop();

	if (l)
		door.out = stack_hash(&l->stack);
	return 0;
}

DOOR(stack_send)
{
	struct loop_state *l = the_loop();

	if (l)
		stack_send(&l->stack);
	return 0;
}

/* The file behind a descriptor of the calling process. */
DOOR(file_of)
{
	door.id = (u64)file_of(bpf_get_current_task_btf(), door.fd);
	return 0;
}

DOOR(home_match)
{
	struct loop_state *l = the_loop();
	struct poll_call p;

	the_call(&p);
	if (l)
		door.out = home_match(bpf_get_current_task_btf(), &thread, l, &p);
	return 0;
}

DOOR(reject)
{
	struct loop_state *l = the_loop();

	if (l)
		loop_reject(&thread, l);
	return 0;
}

/* Makes element 0 the loop of the calling thread, for the doors that look it up by themselves. */
DOOR(adopt)
{
	struct thread_state *st = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0,
						       BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (st) {
		__builtin_memset(st, 0, sizeof(*st));
		st->loop = 1;
	}
	door.out = !!st;
	return 0;
}

DOOR(home_check)
{
	home_check();
	return 0;
}

DOOR_STACK(poll_enter)
{
	struct poll_call p = {};

	the_call(&p);
	door.out = poll_enter(ctx, &p);
	return 0;
}

DOOR(poll_leave)
{
	poll_leave();
	return 0;
}

DOOR(seed)
{
	door.out = thread_seed(bpf_get_current_task_btf());
	return 0;
}

DOOR(execed)
{
	thread_execed(bpf_get_current_task_btf());
	return 0;
}

DOOR(exited)
{
	thread_exited(bpf_get_current_task_btf());
	return 0;
}

DOOR(offcpu_add)
{
	thread.klass = door.klass;
	thread.syscall = door.syscall;
	thread.stack = door.stack;
	offcpu_add(bpf_get_current_task_btf(), &thread, door.ns, SCRATCH_HOOK);
	return 0;
}

DOOR(target)
{
	struct loop_state *l = the_loop();

	if (l)
		target_find(&l->pending, door.now);
	return 0;
}
