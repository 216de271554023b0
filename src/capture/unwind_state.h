/* unwind_state.h: what unwind.c and unwind_stack.c share.
 *
 * Owns the unwinder's state of one capture.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_STATE_H
#define STALLPROF_CAPTURE_UNWIND_STATE_H

#include "capture/internal.h"
#include "capture/mmap_events.h"
#include "capture/unwind.h"
#include "capture/unwind_finish.h"
#include "capture/unwind_maps.h"
#include "capture/unwound.h"

#define UNWIND_SLICE_URGENT (100 * NSEC_PER_MSEC) /* of building what every stack goes through */

struct unwind {
	struct unwind_maps *maps;
	struct unwind_space *space;
	struct unwind_tables *tables;
	struct mmap_events *events; /* NULL: mappings are read anew when code is met in none */
	struct snapshots *snapshots;
	struct unwind_proc entry; /* too big for the stack */
	uint64_t wakes_at, reap_at;
	bool deaf;	   /* to mappings on some processors */
	uint64_t unplaced; /* mappings that found no room */
	bool built;	   /* something, since entries were published */
	bool told_room, told_mappings, told_placed;
};

/* Follows what the watched processes have mapped since. */
void unwind_read_events(struct capture *c);
void unwind_refresh(struct capture *c, struct watched *w);
/* Hands what is known of the process to the kernel side; it is in c->unwind->entry then. */
void unwind_publish(struct capture *c, struct watched *w);
/* Builds files of these ranks for so long, and publishes what waits for them.  True: there may be
 * more. */
bool unwind_build(struct capture *c, unsigned int last, uint64_t ns);

#endif
