/* cpython_count.h: how many tasks of one loop are not finished.
 *
 * Owns the count, which is exact or not given at all.  For cpython_loop.c.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_COUNT_H
#define STALLPROF_RUNTIME_CPYTHON_COUNT_H

#include "runtime/cpython_loop.h"

/* UINT64_MAX: it took too long, changed too much, or has tasks that are not of the C module. */
uint64_t cpython_count_tasks(struct cpython_loops *loops, const struct cpython_asyncio *asyncio,
			     uint64_t state, uint64_t loop);

#endif
