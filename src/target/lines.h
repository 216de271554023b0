/* lines.h: source lines of native code, and the functions that the compiler inlined there.
 *
 * Owns who is asked (a worker per file, few of them alive), what was answered (a cache), and how
 * long naming a stack may wait for it: a stall must be told soon, and debug information of a large
 * program takes long to open.  What is not answered in time has no line in this stack, and may have
 * one in the next: the worker goes on.  Must not know stacks or processes.
 */
#ifndef STALLPROF_TARGET_LINES_H
#define STALLPROF_TARGET_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "target/lines_answer.h"
#include "target/symbols.h"

#define LINES_STACK_MS 50 /* waited for all files of one stack */
#define LINES_OPEN_MS  20 /* waited in addition for a file that was never asked before */

struct lines;

int lines_new(struct lines **ret_lines); /* 0 or -ENOMEM */
struct lines *lines_free(struct lines *l);
DEFINE_CLEANUP(struct lines *, lines_free)

/* Now and then, not between lines_begin and the last lines_find of a stack: takes answers that came
 * late, and leave of workers that had nothing to do for long. */
void lines_reap(struct lines *l);

/* Begins a stack: the time to wait starts anew; with 0 only what workers have found meanwhile is
 * taken, and the rest is asked for.  Chains found before are no longer valid. */
void lines_begin(struct lines *l, unsigned int wait_ms);

/* Fetches what is not known yet about addresses in the file's own numbering.  s: the file, known by
 * its pointer, which stays valid as long as l.  Its worker reads the files that s keeps open. */
void lines_fetch(struct lines *l, const struct symbols *s, const uint64_t *addresses, size_t count);

/* What is known: places innermost first, the last one of the concrete function; NULL: nothing.
 * Belongs to l until lines_begin. */
const struct line_place *lines_find(const struct lines *l, const struct symbols *s,
				    uint64_t address, size_t *ret_count);

#endif
