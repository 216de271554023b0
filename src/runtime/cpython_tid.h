/* cpython_tid.h: which thread of the kernel a thread of Python is.
 *
 * Owns the question to threading, whose Thread objects keep the number that the kernel gave them,
 * as their own pid namespace has it; and to glibc where threading cannot tell.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_TID_H
#define STALLPROF_RUNTIME_CPYTHON_TID_H

#include "runtime/cpython_dict.h"
#include "target/process.h"

/* The thread as the observer's /proc numbers it; 0: not known, or it is gone. */
uint32_t cpython_tid(struct cpython_reader *rd, const struct process *p, uint64_t interp,
		     uint64_t thread_pointer);

#endif
