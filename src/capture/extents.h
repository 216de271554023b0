/* extents.h: which runs of a numbered room are free.
 *
 * Owns a sorted list of free runs; first fit.  Must not know what lies there.
 */
#ifndef STALLPROF_CAPTURE_EXTENTS_H
#define STALLPROF_CAPTURE_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct extent {
	uint32_t first, n;
};

struct extents {
	VEC(struct extent) free; /* ascending, no two of them touch */
	uint32_t total;		 /* free in all */
};

/* All zero has no room; this gives it 0 to n - 1.  0 or -ENOMEM. */
int extents_init(struct extents *e, uint32_t n);
void extents_release(struct extents *e);
/* Finds and takes a run of n > 0.  False: there is none. */
bool extents_take(struct extents *e, uint32_t n, uint32_t *ret_first);
/* Gives a run back that was taken.  0; -ENOMEM: it is lost, and nothing else. */
int extents_give(struct extents *e, uint32_t first, uint32_t n);

#endif
