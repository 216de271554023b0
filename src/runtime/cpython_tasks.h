/* cpython_tasks.h: every unfinished asyncio task of a process, one list for each loop.
 *
 * Owns finding the tasks and the loops they belong to, who holds the locks that they wait for, and
 * the limits: TASKS_MAX tasks and CPYTHON_TASKS_NS, said in the list where they cut it.  What one
 * task awaits is in cpython_task.h.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_TASKS_H
#define STALLPROF_RUNTIME_CPYTHON_TASKS_H

#include "runtime/cpython_loop.h"
#include "runtime/cpython_names.h"
#include "target/process.h"

#define CPYTHON_TASKS_NS 1000000000ull

struct cpython_tasks_opts {
	struct cpython_loops *loops; /* borrowed, as are all */
	struct cpython_names *names;
	const struct process *p; /* for the numbers of its threads; NULL: not known */
	uint32_t tgid;
	uint64_t runtime; /* address of _PyRuntime */
};

/* Calls put with the payload of one CHUNK_TASKS for each loop that runs or that has tasks; what put
 * returns ends it.  0, also when there is no loop; -ENODATA: it changed too fast to be read, three
 * times; -ESRCH; -ENOMEM. */
int cpython_tasks(const struct cpython_tasks_opts *o,
		  int (*put)(void *ctx, const struct str *payload), void *ctx);

#endif
