/* cpython_slot.h: where CPython's threads keep the pointer to their thread state.
 *
 * Up to 3.14 that is a pthread key (autoTSSkey), from 3.15 on a thread-local variable
 * (_Py_tss_gilstate).  Both are a word at a constant distance from the thread pointer, told by the
 * key, by the interpreter's own code, or found by looking at threads whose state is known.
 * Owns that distance.  Must not know frames, names or GILs.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_SLOT_H
#define STALLPROF_RUNTIME_CPYTHON_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/process.h"

/* A thread as its interpreter lists it. */
struct cpython_thread {
	uint64_t state;
	uint64_t pointer; /* thread pointer; 0: not confirmed by the thread's own control block */
};

struct cpython_threads {
	const struct cpython_thread *items;
	size_t count;
};

/* Whether that thread has that state: one for each interpreter that it runs. */
bool cpython_threads_has(const struct cpython_threads *t, uint64_t pointer, uint64_t state);

#define CPYTHON_KEY_MAX 32

/* glibc, x86-64: where pthread_getspecific(key) looks, for key < CPYTHON_KEY_MAX. */
int64_t cpython_slot_of_key(uint32_t key);

/* The distance that the code of PyGILState_GetThisThreadState uses, if it is that of a program
 * whose thread-local variables are at fixed places: "mov %fs:imm32,%rax". */
bool cpython_slot_of_code(const uint8_t *code, size_t len, int64_t *ret_slot);

/* A search that may take several looks: a second word (_Py_tss_tstate) is equal while its thread
 * holds the GIL. */
#define CPYTHON_SLOTS_MAX 64
struct cpython_slots {
	size_t count;
	int64_t at[CPYTHON_SLOTS_MAX]; /* all that fitted so far, ascending */
};

enum cpython_where {
	CPYTHON_IN_TLS,	 /* below the thread pointer */
	CPYTHON_IN_KEYS, /* where pthread_getspecific looks */
};

/* Looks there: collects on an empty s, else keeps what still fits every thread.  How many are left.
 */
size_t cpython_slots_look(struct cpython_slots *s, const struct process *p,
			  const struct cpython_threads *threads, enum cpython_where where);

#endif
