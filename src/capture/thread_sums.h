/* thread_sums.h: what the threads of one process were seen at, added up; pools of them likewise.
 *
 * Pure: fed with moments, gives the payloads of CHUNK_THREADS and CHUNK_POOL.  A moment weighs the
 * time since the one before, whatever lies between.  Must not know where moments come from.
 */
#ifndef STALLPROF_CAPTURE_THREAD_SUMS_H
#define STALLPROF_CAPTURE_THREAD_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/intern.h"
#include "bpf/event.h"
#include "recording/chunk.h"

#define THREAD_ROWS_MAX	   1024
#define THREAD_POOLS_MAX   64
#define THREAD_WORKERS_MAX 256 /* of one pool */
#define THREAD_GROUP_MAX   96

/* One thread at one moment.  Texts belong to the caller. */
struct thread_sample {
	uint32_t tid;
	const char *group;
	uint64_t pool; /* 0: none; then the next five are of no use */
	const char *pool_name, *pool_kind;
	uint32_t pool_max, queued;
	bool known; /* whether it is idle; else it counts as neither */
	bool idle;  /* a worker without work, or a loop in its poll */
	uint8_t klass;
	int32_t syscall;
	uint64_t stack;
	const struct wait_target *target;
};

struct thread_row_sum;
struct pool_sum;

/* All zero is empty. */
struct thread_sums {
	uint64_t last;	 /* moment */
	uint64_t moment; /* number of it */
	struct thread_row_sum *rows;
	struct pool_sum *pools;
	struct intern texts;
	uint64_t lost; /* samples that found no row, pool or worker: the tables were full */
};

/* Adds one moment; `now` must not go back. */
void thread_sums_add(struct thread_sums *s, uint64_t now, const struct thread_sample *samples,
		     size_t n);

/* Hands over all rows and pools that changed since the last time, cumulative.  0 or what the sink
 * or memory says. */
int thread_sums_tell(struct thread_sums *s, uint32_t tgid, struct chunk_sink *sink);

void thread_sums_release(struct thread_sums *s);

/* The name that threads made alike share: without the number at its end, and without that of
 * "Thread-7 (work)". */
void thread_group(const char *name, char ret_group[THREAD_GROUP_MAX]);

#endif
