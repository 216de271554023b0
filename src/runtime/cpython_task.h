/* cpython_task.h: one asyncio task of another process, as it goes into a task list.
 *
 * Owns what a task awaits: frames with their names, futures, other tasks, locks; and the proof that
 * what was read belongs together: everything is read twice and must be the same, because the loop
 * runs on meanwhile and its objects are used again.  Must not know how tasks are found.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_TASK_H
#define STALLPROF_RUNTIME_CPYTHON_TASK_H

#include "base/intern.h"
#include "runtime/cpython_await.h"
#include "runtime/cpython_loop.h"
#include "runtime/cpython_names.h"
#include "runtime/task_list.h"

#define TASK_EDGES_MAX 65536	    /* other tasks that one awaits */
#define TASK_READS_MAX (1ull << 18) /* of one look, some 0.3 s; one task of most has a few */

struct cpython_tasks_reader {
	struct cpython_reader *rd;
	struct cpython_names *names;
	struct intern texts; /* all strings of the list */
	size_t text_bytes;   /* of all strings, each time it is named */
};

/* Fills everything but awaited_by; *ret_loop: the loop that it belongs to.  0; 1: it is finished;
 * -EAGAIN: it changed while it was read; -EPROTO and errors of reading: it is none, or gone;
 * -ENOMEM.  Strings belong to tr->texts; the caller releases ret->awaits on success. */
int cpython_task_read(struct cpython_tasks_reader *tr, uint64_t task, struct task_data *ret,
		      uint64_t *ret_loop);

#endif
