/* cpython_loop.h: what the asyncio or uvloop loop of one thread is at.
 *
 * Owns finding the running loop of each version, its depths, how many tasks are unfinished and
 * which one runs.  The process runs meanwhile: a number that cannot be had is UINT64_MAX, never a
 * guess.  Must not know thread pointers or await chains.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_LOOP_H
#define STALLPROF_RUNTIME_CPYTHON_LOOP_H

#include <stdint.h>

#include "runtime/cpython_dict.h"
#include "runtime/runtime.h"

#define CPYTHON_INTERPS_MAX  4
#define CPYTHON_COUNT_MAX_NS 1000000 /* spent on counting tasks */

/* Where an interpreter's asyncio keeps its tasks; 0: not found, or none in that version. */
struct cpython_asyncio {
	uint64_t interp;
	uint64_t current;   /* dict {loop: task}, to 3.13 */
	uint64_t scheduled; /* set of weak references */
	uint64_t eager;	    /* set of tasks, from 3.12 */
};

struct cpython_loops {
	struct cpython_reader *rd; /* borrowed */
	int32_t pid;		   /* as the process itself knows it; 0: do not check */
	uint64_t (*clock)(void);   /* ns, monotonic */
	struct cpython_asyncio known[CPYTHON_INTERPS_MAX];
	/* Where uvloop's loop object has its deque and its set of timers; 0: not known yet. */
	uint32_t uvloop_ready, uvloop_timers;
};

/* The running loop of a thread state; *ret_loop 0: none.  0, -ENODATA: this build does not say,
 * and the errors of reading. */
int cpython_running_loop(struct cpython_reader *rd, uint64_t state, int32_t pid,
			 uint64_t *ret_loop);
/* "asyncio", "uvloop" or NULL: another one, with attributes unknown. */
const char *cpython_loop_kind(struct cpython_reader *rd, uint64_t loop);

/* The asyncio of an interpreter, found once.  -ENOENT: not imported. */
int cpython_asyncio_find(struct cpython_loops *loops, uint64_t interp,
			 struct cpython_asyncio *ret_asyncio);

/* Depths of a loop; UINT64_MAX where they cannot be had. */
struct cpython_depths {
	uint64_t ready;
	uint64_t scheduled;
	uint64_t executor; /* the default one, an object; 0: none */
};
void cpython_loop_depths(struct cpython_loops *loops, uint64_t loop,
			 struct cpython_depths *ret_depths);

/* Name of a task, "Task-7" where it is a number; and qualified name of a coroutine.  "" where it
 * has none.  Errors of reading. */
int cpython_task_name(struct cpython_reader *rd, uint64_t task, char *buf, size_t room);
int cpython_task_coro(struct cpython_reader *rd, uint64_t task, uint64_t *ret_coro);
int cpython_coro_name(struct cpython_reader *rd, uint64_t coro, char *buf, size_t room);

/* All of it.  0 (loop 0: none runs), -ENODATA, errors of reading. */
int cpython_loop_now(struct cpython_loops *loops, uint64_t interp, uint64_t state,
		     struct runtime_loop *ret_loop);

#endif
