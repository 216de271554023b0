/* backlog.h: events that were taken out of the ring and wait to be handled, in their order.
 *
 * Owns their memory, in blocks, so that an event stays where it is until the next one is asked for,
 * whatever comes meanwhile.  Copies of stacks are among them: memory is cleared before it goes.
 * Must not know what events are.
 */
#ifndef STALLPROF_CAPTURE_BACKLOG_H
#define STALLPROF_CAPTURE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#define BACKLOG_MAX	  (8u << 20)   /* bytes; four times the ring */
#define BACKLOG_EVENT_MAX (128u << 10) /* of one event; the longest is 17 KiB */

struct backlog_block;

/* All zero is an empty one. */
struct backlog {
	struct backlog_block *first, *last;
	size_t at;	/* in the first block: of the event handed out last */
	size_t present; /* its length; 0: none is out */
	size_t held;	/* bytes waiting */
};

/* Room for one more event, aligned to 8 bytes; the caller fills it before the next call of any of
 * these.  NULL: no memory, or it is longer than BACKLOG_EVENT_MAX. */
void *backlog_add(struct backlog *b, size_t len);
/* The oldest event, which is then no longer in the backlog; valid until the next call.  NULL: there
 * is none. */
const void *backlog_next(struct backlog *b);
bool backlog_empty(const struct backlog *b);
bool backlog_full(const struct backlog *b); /* no more should be added now */
void backlog_release(struct backlog *b);

#endif
