/* SPDX-License-Identifier: GPL-2.0 */
/* empty.bpf.c: programs that do nothing, on the hooks that stallprof uses.
 *
 * What they cost is the floor that no program on that hook can go below.  Knows nothing of
 * stallprof.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/sched_switch")
int BPF_PROG(empty_switch)
{
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_epoll_wait")
int empty_enter(void *ctx)
{
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_epoll_wait")
int empty_exit(void *ctx)
{
	return 0;
}
