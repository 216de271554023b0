/* cpython_task_locks.h: the locks of a task list: who waits for each, and who holds it.
 *
 * asyncio's locks do not know who holds them.  A coroutine inside `async with` does: its value
 * stack keeps the lock's __aexit__ for later.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_TASK_LOCKS_H
#define STALLPROF_RUNTIME_CPYTHON_TASK_LOCKS_H

#include "runtime/cpython_task.h"

/* Fills list->locks out of the tasks' awaits, and owners as far as they can be told before `until`
 * (ns, of the clock): a lock with two of them has none that is named.  0, -ESRCH, -ENOMEM. */
int cpython_task_locks(struct cpython_tasks_reader *tr, struct task_list_data *list,
		       uint64_t (*clock)(void), uint64_t until);

#endif
