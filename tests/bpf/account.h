/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* account.h: what test_account.c puts into account.bpf.c and gets back.
 *
 * One struct for all doors: each reads the few members it needs.  Knows the types that both sides
 * share.
 */
#ifndef TESTS_BPF_ACCOUNT_H
#define TESTS_BPF_ACCOUNT_H

#include "bpf/control.h"

struct door {
	__u64 now;
	__u64 ns;
	__s64 orig_ax;
	__u64 out;
	__u64 out2;
	__u64 tokens_at;
	__u64 id; /* of a poll: file or call depth */
	__u32 state;
	__u32 preempt;
	__u32 klass;
	__u32 kind; /* enum home_kind */
	__s32 fd;
	__s32 syscall;
	__u64 stack;
	struct wait_target target;
};

#endif
