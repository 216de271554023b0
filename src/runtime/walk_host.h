/* walk_host.h: the kernel side's frame walker, run from outside over a process's memory.
 *
 * Owns nothing but the join of bpf/walk_python.h and process_read.  The process runs meanwhile:
 * what comes back can be torn.
 */
#ifndef STALLPROF_RUNTIME_WALK_HOST_H
#define STALLPROF_RUNTIME_WALK_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/control.h"
#include "target/process.h"

/* out: room for STACK_PYTHON_MAX frames.  How many were copied; flags (may be NULL): enum
 * stack_flag. */
size_t walk_host(const struct process *p, const struct walk_plan *plan, uint64_t thread_pointer,
		 struct interp_frame *out, uint16_t *ret_flags);

#endif
