/* native_lines.h: which source line a place in native code is, and what was inlined there.
 *
 * Owns the way from a stack's addresses to the questions of target/lines.h and back to frames, and
 * which inlined functions are not the user's.  Must not know stacks or interpreters.
 */
#ifndef STALLPROF_RUNTIME_NATIVE_LINES_H
#define STALLPROF_RUNTIME_NATIVE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "recording/chunk.h"
#include "runtime/native_names.h"
#include "target/lines.h"
#include "target/process.h"

#define NATIVE_LINES_MAX 64 /* frames of one place */

/* Code that came with the compiler or a package and was made part of the user's function: the
 * module is the user's, the source is not. */
bool native_lines_installed(const char *source);

/* The same by the name of the function, where its file is not known or was none. */
bool native_lines_standard(const char *fn);

struct native_lines;

/* names is borrowed.  0 or -ENOMEM. */
int native_lines_new(struct native_names *names, struct native_lines **ret_lines);
struct native_lines *native_lines_free(struct native_lines *l);
DEFINE_CLEANUP(struct native_lines *, native_lines_free)

/* Where code lies: a file, and an address in its own numbering. */
struct native_place {
	const struct symbols *symbols; /* NULL: in no file */
	uint64_t address;
};

/* Begins a stack.  Asks for all its places at once, those of the instructions that run or call.
 * Hurried, or while other answers are overdue, it waits for none. */
void native_lines_begin(struct native_lines *l, const struct process *p, const uint64_t *insides,
			size_t count, bool hurried);

/* The place of an address in mapping m. */
struct native_place native_lines_place(struct native_lines *l, const struct process *p,
				       const struct mapping *m, uint64_t inside);

/* What is known of a place.  Its frames, of LINES_KNOWN, innermost first, the concrete function
 * last: fn, file and line of each, and flags: of all FRAME_LIBRARY.  Texts belong to l until a
 * stack begins while nothing is kept. */
enum lines_state native_lines_find(struct native_lines *l, const struct native_place *place,
				   struct chunk_frame ret_frames[NATIVE_LINES_MAX],
				   size_t *ret_count);

/* While it is kept, what was answered stays. */
void native_lines_keep(struct native_lines *l, bool keep);
/* The answers that come later: target/lines.h. */
struct lines *native_lines_source(struct native_lines *l);

#endif
