/* native_loop.h: which event loop written in native code runs in a stack.
 *
 * Owns the table of their functions.  Must not know interpreters, whose loops runtime.h tells.
 */
#ifndef STALLPROF_RUNTIME_NATIVE_LOOP_H
#define STALLPROF_RUNTIME_NATIVE_LOOP_H

#include <stddef.h>

#include "recording/chunk.h"

/* "libuv", "nginx" and so on as the contract spells them, of the outermost loop in the frames;
 * NULL: none that is known by name. */
const char *native_loop_kind(const struct chunk_frame *frames, size_t count);

#endif
