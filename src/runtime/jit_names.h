/* jit_names.h: what the runtimes put into the names of a perf map: function, file, line.
 *
 * Owns one row for each spelling that is certain.  Pure.
 */
#ifndef STALLPROF_RUNTIME_JIT_NAMES_H
#define STALLPROF_RUNTIME_JIT_NAMES_H

#include "recording/chunk.h"

/* Sets fn, and file, line and FRAME_LIBRARY where the name says them.  Cuts the text, which the
 * frame points into from then on.  A name that fits no row is shown as it is. */
void jit_name(char *text, struct chunk_frame *f);

#endif
