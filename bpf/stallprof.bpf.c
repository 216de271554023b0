/* SPDX-License-Identifier: GPL-2.0 */
/* stallprof.bpf.c: the attach points, one line of work each.
 *
 * All rungs of every ladder are here; the loader turns off those it does not use.  Logic lives in
 * the headers, so that tests can call it with chosen input.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lifecycle.bpf.h"
#include "oncpu.bpf.h"
#include "snapshot.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void on_switch(void *ctx, bool preempt, struct task_struct *prev,
				      struct task_struct *next, u32 state)
{
	struct thread_state *st = thread_peek(prev);

	if (st) {
		if (offcpu_mode)
			offcpu_out(ctx, prev, st, preempt, state);
		else
			switch_out(ctx, prev, st, preempt, state);
	}
	if (resume_hook)
		return; /* sched_exit_tp sees the thread that comes back */
	st = thread_peek(next);
	if (st) {
		if (offcpu_mode)
			offcpu_in(next, st);
		else
			switch_in(next, st);
	}
}

/* The fourth argument came with 5.18 (fa2c3254d7cf); its value before the switch is exact, while a
 * state read here may already have been changed by a waker. */
SEC("tp_btf/sched_switch")
int BPF_PROG(switch_btf4, bool preempt, struct task_struct *prev, struct task_struct *next,
	     u32 state)
{
	on_switch(ctx, preempt, prev, next, state);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switch_btf3, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	on_switch(ctx, preempt, prev, next, task_state(prev));
	return 0;
}

SEC("tp_btf/sched_exit_tp")
int BPF_PROG(resume_exit_tp)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct thread_state *st = thread_peek(t);

	if (st && offcpu_mode)
		offcpu_in(t, st);
	else if (st)
		switch_resumed(ctx, t, st);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(waking_btf, struct task_struct *t)
{
	struct thread_state *st = thread_peek(t);
	struct loop_state *l = st ? loop_of(st) : NULL;

	if (l && l->off_since && !l->waking)
		wait_woken(ctx, l, bpf_ktime_get_ns());
	return 0;
}

static __always_inline void on_poll_enter(void *ctx, s32 call)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	struct poll_call p;

	/* A watched thread has storage from its first poll on; poll_enter looks whose it is. */
	if (!t->bpf_storage && !proc_of(t))
		return;
	if (call == CALL_RESTART) {
		poll_restart(ctx, regs->sp);
		return;
	}
	poll_identify(&p, t, call, regs->di, regs->dx, regs->sp);
	poll_enter(ctx, &p);
}

SEC("tracepoint/syscalls/sys_enter_epoll_wait")
int poll_tp_enter(struct trace_event_raw_sys_enter *ctx)
{
	/* Four bytes: the kernel refuses to read beyond the record of a call without arguments. */
	on_poll_enter(ctx, *(volatile s32 *)&ctx->id);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_epoll_wait")
int poll_tp_exit(struct trace_event_raw_sys_exit *ctx)
{
	poll_leave();
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_epoll_create1")
int poll_tp_make(struct trace_event_raw_sys_enter *ctx)
{
	if (*(volatile s32 *)&ctx->id != CALL_URING_SETUP)
		made_epoll(ctx);
	home_check();
	return 0;
}

/* One pair per call: a program of this type is bound to its function when it is loaded. */
#define POLL_FENTRY_AT(call, function, number) \
	SEC("fentry/" function) \
	int BPF_PROG(poll_fentry_enter_##call) \
	{ \
		on_poll_enter(ctx, number); \
		return 0; \
	} \
	SEC("fexit/" function) \
	int BPF_PROG(poll_fentry_exit_##call) \
	{ \
		poll_leave(); \
		return 0; \
	}

#define POLL_FENTRY(call, number) POLL_FENTRY_AT(call, "__x64_sys_" #call, number)

POLL_FENTRY(epoll_wait, CALL_EPOLL_WAIT)
POLL_FENTRY(epoll_pwait, CALL_EPOLL_PWAIT)
POLL_FENTRY(epoll_pwait2, CALL_EPOLL_PWAIT2)
POLL_FENTRY(poll, CALL_POLL)
POLL_FENTRY(ppoll, CALL_PPOLL)
POLL_FENTRY(select, CALL_SELECT)
POLL_FENTRY(pselect6, CALL_PSELECT)
POLL_FENTRY(io_uring_enter, CALL_URING_ENTER)
/* The name that type information has for a call without arguments. */
POLL_FENTRY_AT(restart_syscall, "__do_sys_restart_syscall", CALL_RESTART)

SEC("fentry/__x64_sys_epoll_create1")
int BPF_PROG(poll_fentry_make)
{
	made_epoll(ctx);
	home_check();
	return 0;
}

SEC("perf_event")
int sample_clock(struct bpf_perf_event_data *ctx)
{
	cpu_sample(ctx);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(life_fork, struct task_struct *parent, struct task_struct *child)
{
	thread_forked(ctx, parent, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(life_exec, struct task_struct *t)
{
	thread_execed(t);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(life_exit, struct task_struct *t)
{
	thread_exited(t);
	return 0;
}

/* Run once at attach, once for every process that is added later, and once at the end. */
SEC("iter/task")
int seed_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;

	/* Read once: the compiler would load it again after the test, which the verifier refuses.
	 */
	barrier_var(t);
	if (t && !closing)
		thread_seed(t);
	else if (t && offcpu_mode)
		thread_close(t);
	return 0;
}

/* Read many times a second, for one process each. */
SEC("iter/task")
int list_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;

	barrier_var(t);
	if (t)
		snapshot_thread(ctx->meta->seq, t);
	return 0;
}
