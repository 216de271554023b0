/* clock.h: the time that events are stamped with.
 *
 * Low-level: may use the C library only.
 */
#ifndef STALLPROF_BASE_CLOCK_H
#define STALLPROF_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

#endif
