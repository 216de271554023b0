/* restack.h: one named stack of a recording, with more said about its nameless frames.
 *
 * Owns the payload of CHUNK_STACK_NAMES on its way from a file to the model: what is said becomes
 * the frame's, functions inlined there become frames above it, and all else stays as it is.  The
 * payload comes from a file: every length is checked.  Must not know where names come from.
 */
#ifndef STALLPROF_CLI_RESTACK_H
#define STALLPROF_CLI_RESTACK_H

#include <stddef.h>

#include "recording/chunk.h"

#define RESTACK_FRAMES_MAX 64 /* that one frame may become */

/* Says what is known of a place in a module: frames innermost first, the concrete function last;
 * of each fn, file, line and flags count, and fn "" of the last one means that it stays nameless.
 * 0 or what ends the whole. */
typedef int restack_namer(void *ctx, uint32_t module, uint64_t address,
			  struct chunk_frame ret_frames[RESTACK_FRAMES_MAX], size_t *ret_count);

/* Appends the new payload, or nothing where it stays as it is or makes no sense.  0, -ENOMEM, what
 * the namer returned. */
int restack(const struct chunk *chunk, restack_namer *namer, void *ctx, struct str *ret_payload);

#endif
