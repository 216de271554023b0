/* cpython_task_set.h: the addresses of an interpreter's tasks, and of its threads.
 *
 * Owns the containers in which asyncio keeps tasks: a set of weak references, a set, lists through
 * the tasks themselves.  They change while they are read; whether an address is a task, and of
 * which loop, is for others to find out.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_TASK_SET_H
#define STALLPROF_RUNTIME_CPYTHON_TASK_SET_H

#include "base/vec.h"
#include "runtime/cpython_loop.h"

#define TASK_REFS_MAX \
	(1u << 17) /* finished ones stay among them as long as somebody knows them \
		    */
#define TASK_THREADS_MAX 4096
#define TASK_INTERPS_MAX 64

struct task_thread {
	uint64_t state;
	uint64_t interp;
	uint64_t pointer; /* thread pointer */
	uint64_t loop;	  /* that runs on it; 0: none */
};

struct task_threads {
	struct task_thread *items;
	size_t count;
	size_t room;
};

/* All threads of all interpreters.  runtime: address of _PyRuntime.  0; -EAGAIN: the list changed
 * meanwhile; errors of reading. */
int cpython_task_threads(struct cpython_loops *loops, uint64_t runtime,
			 struct task_threads *ret_threads);

struct task_refs {
	uint64_t *items; /* sorted, each once */
	size_t count;
	size_t room;
	uint64_t left_out; /* over TASK_REFS_MAX, or the time was up */
};

/* Adds those of one interpreter, whose threads are among `threads`.  until: ns, of the clock of
 * loops.  0, also where asyncio is not imported; -EAGAIN: a container was replaced meanwhile, what
 * was found so far is there; errors of reading. */
int cpython_task_refs(struct cpython_loops *loops, uint64_t interp,
		      const struct task_threads *threads, uint64_t until, struct task_refs *refs);
void cpython_task_refs_sort(struct task_refs *refs);

#endif
