/* cpython_threads.h: the name of a thread, the pool that it serves and whether it waits for work.
 *
 * Owns a roster per interpreter (cpython_roster.h), read again now and then, and the few reads that
 * a look at one thread takes.  Must not know thread pointers' way to thread states.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_THREADS_H
#define STALLPROF_RUNTIME_CPYTHON_THREADS_H

#include <stdint.h>

#include "runtime/cpython_roster.h"

#define CPYTHON_ROSTER_NS 1000000000ull /* a name or pool that changed is seen after this */
#define CPYTHON_SEARCH_NS 100000000ull	/* an unknown thread is searched at most this often */
#define CPYTHON_DEPTH_NS  2000000ull	/* a pool's queue is read once for workers asked together */

struct cpython_threads {
	struct cpython_reader *rd; /* borrowed */
	struct cpython_roster rosters[4];
	struct {
		uint64_t queue, at;
		uint32_t depth;
	} depths[16];
};

void cpython_threads_release(struct cpython_threads *t);

/* The thread whose state that is.  pointer: its thread pointer; now: ns, monotonic.  0, also for a
 * thread without name; -ENODATA: what it does changed while it was read; errors of reading. */
int cpython_thread_now(struct cpython_threads *t, uint64_t interp, uint64_t state, uint64_t pointer,
		       uint64_t now, struct runtime_thread *ret_thread);

#endif
