/* unwind_worker.h: the tables of several files, compiled by one worker of the sandbox.
 *
 * Owns what the worker is asked and answers.  A file that takes the worker over can lie about those
 * behind it: who asks puts only such files together whose owner could have changed them all.
 */
#ifndef STALLPROF_TARGET_UNWIND_WORKER_H
#define STALLPROF_TARGET_UNWIND_WORKER_H

#include <stddef.h>

#include "target/sandbox.h"
#include "target/unwind_table.h"

#define UNWIND_WORKER_FILES (SANDBOX_FILES_MAX + 1)

struct unwind_worker {
	struct sandbox_task task;
	size_t n;
};

/* From 1 to UNWIND_WORKER_FILES open files, in order; what is begun must be finished.  0 or the
 * error of making a worker. */
int unwind_worker_begin(const int *fds, size_t n, struct unwind_worker *ret_worker);
/* For each file 0 and its table, or what unwind_table_build_safely says; -EAGAIN: the worker did
 * not come to it, because of the one that has another error. */
void unwind_worker_finish(struct unwind_worker *w, int *ret_results,
			  struct unwind_table **ret_tables);
/* What n files got by what the worker wrote before it ended, with that error. */
void unwind_worker_parse(const struct str *answers, int error, size_t n, int *ret_results,
			 struct unwind_table **ret_tables);

#endif
