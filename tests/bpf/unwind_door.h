/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* unwind_door.h: what test_unwind.c tells unwind.bpf.c and gets back. */
#ifndef TESTS_BPF_UNWIND_DOOR_H
#define TESTS_BPF_UNWIND_DOOR_H

#include "bpf/event.h"

enum unwind_slot {
	UNWIND_SLOT_DOOR = 0,	/* stacks taken at the caller's wish */
	UNWIND_SLOT_SWITCH = 1, /* and where it left the CPU */
	UNWIND_SLOTS = 2,
};

struct unwind_door {
	__u32 tgid; /* 0: none is watched */
	__u32 child;
	__s64 call;    /* system call */
	__u32 spoiled; /* out: entries that should not have been */
	__u32 pad;
	__u64 ns; /* out: how long the last walk took */
};

#endif
