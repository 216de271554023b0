/* native_lines.h: which source line a place in native code is, and what was inlined there.
 *
 * Owns the way from a stack's addresses to the questions of target/lines.h and back to frames, and
 * which inlined functions are not the user's.  Must not know stacks or interpreters.
 */
#ifndef STALLPROF_RUNTIME_NATIVE_LINES_H
#define STALLPROF_RUNTIME_NATIVE_LINES_H

#include <stdbool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "recording/chunk.h"
#include "runtime/native_names.h"
#include "target/process.h"

#define NATIVE_LINES_MAX 64 /* frames of one place */

/* Code that came with the compiler or a package and was made part of the user's function: the
 * module is the user's, the source is not. */
bool native_lines_installed(const char *source);

/* The same by the name of the function, where its source is not known or was none. */
bool native_lines_standard(const char *fn);

struct native_lines;

/* names is borrowed.  0 or -ENOMEM. */
int native_lines_new(struct native_names *names, struct native_lines **ret_lines);
struct native_lines *native_lines_free(struct native_lines *l);
DEFINE_CLEANUP(struct native_lines *, native_lines_free)

/* Now and then; see lines_reap. */
void native_lines_reap(struct native_lines *l);

/* Begins a stack: hurried, it takes what is there and leaves the rest to later ones.  Asks for all
 * its places at once, those of the instructions that run or call. */
void native_lines_begin(struct native_lines *l, const struct process *p, const uint64_t *insides,
			size_t count, bool hurried);

/* The frames of a place in mapping m, innermost first, the concrete function last: fn, file and
 * line of each, and flags: of all FRAME_LIBRARY.  0: nothing is known, or not yet.  Texts belong to
 * l until the next stack begins. */
size_t native_lines_find(struct native_lines *l, const struct process *p, const struct mapping *m,
			 uint64_t inside, struct chunk_frame ret_frames[NATIVE_LINES_MAX]);

#endif
