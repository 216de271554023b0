/* cpython_roster.h: the threads of one interpreter as its program knows them: names and pools.
 *
 * Owns one pass over threading._active and the thread list, which says all that changes seldom.
 * Must not know what a thread does now.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_ROSTER_H
#define STALLPROF_RUNTIME_CPYTHON_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "runtime/cpython_dict.h"
#include "runtime/runtime.h"

#define ROSTER_THREADS_MAX 4096

enum cpython_job {
	JOB_NONE,
	JOB_EXECUTOR, /* concurrent.futures.ThreadPoolExecutor */
	JOB_POOL,     /* multiprocessing.pool.ThreadPool */
	JOB_ANYIO,    /* anyio.to_thread's */
};

struct cpython_member {
	uint64_t pointer; /* its thread pointer, which is Thread.ident */
	uint64_t id;	  /* of its thread state: another one there is another thread */
	enum cpython_job job;
	uint64_t pool;	    /* executor, or what else its workers share; 0: none */
	uint64_t queue;	    /* of its jobs; 0: not known */
	uint64_t wait_code; /* of the function that it waits for a job in; 0: not known */
	uint64_t wait_self; /* first local of that function then; 0: any */
	uint32_t max;
	char name[RUNTIME_NAME_MAX];
	char pool_name[RUNTIME_NAME_MAX];
};

/* What the imported modules say of threads; searched again when others are imported. */
struct cpython_modules {
	uint64_t used, keys;  /* of the dict of modules when it was searched */
	bool complete;	      /* none was found that still lacks what it is searched for */
	uint64_t threading;   /* its dict; 0: not imported */
	uint64_t worker;      /* code of concurrent.futures.thread._worker; 0: not known */
	uint64_t pool_worker; /* of multiprocessing.pool.worker */
	uint64_t queue_get;   /* of queue.Queue.get */
};

struct cpython_roster {
	uint64_t interp;
	uint64_t at; /* ns, when it was read last; 0: never */
	struct cpython_modules modules;
	VEC(struct cpython_member) members; /* by pointer, ascending */
};

/* Reads it anew; the old one stays on failure.  0; -ENOENT: threading is not imported; errors of
 * reading. */
int cpython_roster_read(struct cpython_reader *rd, struct cpython_roster *roster, uint64_t interp,
			uint64_t now);
void cpython_roster_release(struct cpython_roster *roster);

/* NULL: not in it. */
const struct cpython_member *cpython_roster_find(const struct cpython_roster *roster,
						 uint64_t pointer);

#endif
