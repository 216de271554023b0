/* walk_stack.h: what walk.bpf.c keeps per thread and test_walk.c reads. */
#ifndef STALLPROF_TESTS_WALK_STACK_H
#define STALLPROF_TESTS_WALK_STACK_H

#include "bpf/event.h"

struct walk_stack {
	__u32 n;
	__u32 flags; /* enum stack_flag */
	struct interp_frame frames[STACK_PYTHON_MAX];
};

#endif
