/* cpython_find.h: which file of a process is its CPython, and which version it is.
 *
 * Owns the search among the mapped files and the symbols that attach needs.  Must not know offsets.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_FIND_H
#define STALLPROF_RUNTIME_CPYTHON_FIND_H

#include <stdint.h>

#include "runtime/runtime.h"
#include "target/process.h"

/* All addresses are the process's. */
struct cpython_place {
	uint64_t runtime;    /* _PyRuntime */
	uint64_t code_type;  /* PyCode_Type */
	uint64_t text_type;  /* PyUnicode_Type */
	uint64_t bytes_type; /* PyBytes_Type */
	uint64_t getter;     /* PyGILState_GetThisThreadState; 0: not exported */
	uint64_t text_start; /* executable mappings of the file, first to last */
	uint64_t text_end;
	/* _PyEval_EvalFrameDefault, and what the compiler moved out of it; end 0: not known */
	struct runtime_code eval[2];
	uint32_t minor; /* 0: not known */
	int32_t micro;	/* -1: not known, before 3.11 */
};

/* 0; -ENOENT: no CPython in it; -EPROTO: one older than 3.7; -EACCES and so on: a file that must be
 * it could not be read. */
int cpython_find(struct process *p, struct cpython_place *ret_place);

/* "3.9" of "libpython3.9.so.1.0" or "python3.9" gives 9; 0: the name does not tell. */
uint32_t cpython_minor_of_name(const char *name);

#endif
