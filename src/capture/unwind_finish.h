/* unwind_finish.h: stacks that the kernel side could not walk to their end, walked on.
 *
 * Owns the copies of stack memory that it sent, from their arrival to the body that they belong to:
 * a few, in memory only, cleared when they were used or nobody came for them.  Must not know
 * libbpf.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_FINISH_H
#define STALLPROF_CAPTURE_UNWIND_FINISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "bpf/unwind.h"
#include "capture/unwind_guess.h"
#include "capture/unwind_space.h"

struct snapshots;

int snapshots_new(struct snapshots **ret_snapshots); /* 0 or -ENOMEM */
struct snapshots *snapshots_free(struct snapshots *s);
DEFINE_CLEANUP(struct snapshots *, snapshots_free)

/* Keeps a copy of what is needed of it; the oldest goes where there are too many. */
void snapshots_keep(struct snapshots *s, const struct event_snapshot *e, uint64_t now);
/* Clears those that nobody has come for. */
void snapshots_reap(struct snapshots *s, uint64_t now);

bool snapshots_has(const struct snapshots *s, const struct event_stack *body);

struct snapshot; /* a claimed one */

/* The one that belongs to the body, or NULL.  To be released. */
struct snapshot *snapshots_claim(struct snapshots *s, const struct event_stack *body);
struct snapshot *snapshot_release(struct snapshot *s); /* clears it */
DEFINE_CLEANUP(struct snapshot *, snapshot_release)

/* The instruction whose code was not known. */
uint64_t snapshot_code(const struct snapshot *s);
/* How many addresses of the body were found without a guess: the last is that of the copy's frame.
 */
unsigned int snapshot_at(const struct snapshot *s);

/* Goes on as far as the entry's tables and the copied bytes lead: adds to body->user, sets
 * user_stop.  At first the body must have snapshot_at() addresses.  Can be called again with more
 * tables while the stop is UNWIND_STOP_MAPPING. */
void snapshot_walk(struct snapshot *s, const struct unwind_space *space,
		   const struct unwind_proc *e, struct event_stack *body);

/* What the entry's tables say of the code at an address. */
enum unwind_code unwind_code_at(const struct unwind_space *space, const struct unwind_proc *e,
				uint64_t addr);

#endif
