/* late_lines.h: stacks that were named before the lines of all their code were known.
 *
 * Owns which frames of which stack still wait for target/lines.h, and the payload of
 * CHUNK_STACK_LINES, which says it of a stack once all of it is known.  Must not know processes or
 * interpreters.
 */
#ifndef STALLPROF_RUNTIME_LATE_LINES_H
#define STALLPROF_RUNTIME_LATE_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "runtime/native_lines.h"

/* A frame without its lines. */
struct late_frame {
	struct native_place place;
	uint32_t frame; /* as in CHUNK_STACK_LINES */
	uint32_t flags; /* what the functions inlined there share with it: FRAME_* */
	bool nameless;
};

struct late_lines;

/* lines is borrowed.  0 or -ENOMEM. */
int late_lines_new(struct native_lines *lines, struct late_lines **ret_late);
struct late_lines *late_lines_free(struct late_lines *l);
DEFINE_CLEANUP(struct late_lines *, late_lines_free)

/* One stack: begun, its frames whose state is LINES_LATER or LINES_LOST, and kept under its hash.
 * inlined: functions of it that are frames already; together with those to come they are at most
 * inlined_max. */
void late_lines_begin(struct late_lines *l);
void late_lines_add(struct late_lines *l, const struct late_frame *frame, enum lines_state state);
void late_lines_end(struct late_lines *l, uint64_t hash, size_t inlined, size_t inlined_max);

/* Hands out, as payloads of CHUNK_STACK_LINES, the stacks of which all is known that will be; with
 * `last` all that are left, as they are.  0 or what put returned. */
int late_lines_put(struct late_lines *l, bool last,
		   int (*put)(void *ctx, const struct str *payload), void *ctx);

#endif
