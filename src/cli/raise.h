/* raise.h: shows a recording as if its threshold had been higher.
 *
 * A sink before the model: takes out stalls that are too short and what they added to the
 * statistics of their loop.  A lower threshold is refused: shorter stalls are not in the file.
 */
#ifndef STALLPROF_CLI_RAISE_H
#define STALLPROF_CLI_RAISE_H

#include "recording/chunk.h"

struct raise_loop {
	uint32_t loop;
	uint64_t count, ns; /* of the stalls taken out */
};

struct raise {
	struct chunk_sink sink; /* put chunks here */
	struct chunk_sink *to;
	uint64_t threshold_ns;
	uint64_t recorded_ns; /* threshold of the recording, 0 until known */
	struct {
		struct raise_loop *items;
		size_t count, room;
	} loops;
	struct str copy; /* of a chunk that had to be changed */
};

/* `to` stays the caller's; `r` must not move.  threshold_ns 0: everything passes. */
void raise_init(struct raise *r, struct chunk_sink *to, uint64_t threshold_ns);
void raise_release(struct raise *r);

/* put gives -ERANGE when the recording's own threshold is higher than asked for. */

#endif
