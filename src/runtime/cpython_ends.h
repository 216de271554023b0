/* cpython_ends.h: what stands at the end of an await chain.
 *
 * Owns what is special to asyncio's own objects and functions: futures, gather, locks, queues,
 * groups of tasks.  For cpython_task.c, which knows the frames.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_ENDS_H
#define STALLPROF_RUNTIME_CPYTHON_ENDS_H

#include "runtime/cpython_task.h"

/* A string of the list; NULL: out of memory. */
const char *cpython_task_text(struct cpython_tasks_reader *tr, const char *text);
/* A code object with names; -EPROTO: it is none. */
int cpython_task_code(struct cpython_tasks_reader *tr, uint64_t code,
		      const struct cpython_code **ret);

/* Sets the state of a suspended task and adds to its awaits what follows the frames.  0, -ENOMEM,
 * errors of reading. */
int cpython_task_end(struct cpython_tasks_reader *tr, uint64_t task,
		     const struct await_chain *chain, struct task_data *t);

#endif
