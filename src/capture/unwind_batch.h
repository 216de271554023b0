/* unwind_batch.h: which files one worker compiles.
 *
 * Owns how files are dealt out to workers: a worker costs more than the table of a small library,
 * but one that a file has taken over can lie about the others.  So only files of one owner on one
 * file system go together.  Must not know where the tables go.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_BATCH_H
#define STALLPROF_CAPTURE_UNWIND_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/unwind_worker.h"

#define UNWIND_BATCHES_MAX 4	      /* workers at the same time */
#define UNWIND_BATCH_BYTES (8u << 20) /* of files; a bigger one goes alone */

struct unwind_batch {
	size_t n;
	int fds[UNWIND_WORKER_FILES];
	void *items[UNWIND_WORKER_FILES]; /* the caller's */
	struct unwind_worker worker;
	/* of all */
	dev_t dev;
	uid_t owner;
	uint64_t bytes;
};

struct unwind_batches {
	size_t n, max; /* at most UNWIND_BATCHES_MAX */
	struct unwind_batch items[UNWIND_BATCHES_MAX];
};

/* Finds a place for the file.  False: there is none left for it. */
bool unwind_batches_add(struct unwind_batches *b, int fd, void *item);

#endif
