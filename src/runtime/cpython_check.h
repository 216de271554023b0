/* cpython_check.h: whether a live process is the CPython that its offsets describe.
 *
 * Owns the self-check and what falls out of it: the thread-state slot and the GIL addresses.
 * Must not know names or files.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_CHECK_H
#define STALLPROF_RUNTIME_CPYTHON_CHECK_H

#include <stddef.h>

#include "bpf/control.h"
#include "runtime/cpython_find.h"
#include "runtime/cpython_offsets.h"
#include "target/process.h"

/* Reads the process several times, at most some 50 ms in all, because it runs meanwhile.
 * 0 and the whole plan; -EPROTO: does not fit; -EAGAIN: not initialised yet; -ESRCH, -EPERM,
 * -EFAULT of reading; -ENOMEM.  why (one clause) is filled on failure; on success with what will
 * not be seen all the same, else "". */
int cpython_check(struct process *p, const struct cpython_offsets *o,
		  const struct cpython_place *place, struct walk_plan *ret_plan, char *why,
		  size_t why_room);

/* The GILs alone, of a process that was checked: interpreters come and go.  why: as on success
 * above.  0; 1: one of its interpreters is only being made, ask again; errors as above. */
int cpython_check_gils(struct process *p, const struct cpython_offsets *o, uint64_t runtime,
		       uint64_t ret_gil[4], char *why, size_t why_room);

#endif
