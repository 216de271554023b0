/* lines.h: source lines of native code, and the functions that the compiler inlined there.
 *
 * Owns who is asked (a worker per file, few of them alive), what was answered (a cache), what still
 * waits for an answer, and how long naming a stack may be held up by it: a stall must be told soon,
 * and debug information of a large program takes long to open.  Must not know stacks or processes.
 */
#ifndef STALLPROF_TARGET_LINES_H
#define STALLPROF_TARGET_LINES_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "target/lines_answer.h"
#include "target/symbols.h"

#define LINES_STACK_MS	  20 /* waited for all files of one stack */
#define LINES_WORKERS_MAX 6  /* alive; each holds the debug information of its file in memory */

/* What is known of an address. */
enum lines_state {
	LINES_NONE = 0,	 /* nothing, and that will not change */
	LINES_KNOWN = 1, /* its places */
	LINES_LATER = 2, /* it was asked for and is not answered */
	LINES_LOST = 3,	 /* there may be lines, but the workers took too long, or died, or too much
			    was asked of them */
};

struct lines;

int lines_new(struct lines **ret_lines); /* 0 or -ENOMEM */
struct lines *lines_free(struct lines *l);
DEFINE_CLEANUP(struct lines *, lines_free)

/* Now and then: takes leave of workers that had nothing to do for long. */
void lines_reap(struct lines *l);

/* Begins a stack: the time to wait starts anew; with 0 nothing is waited for. */
void lines_begin(struct lines *l, unsigned int wait_ms);
/* Lets go of all that was answered, where that has become much and nothing waits.  Places found
 * before are no longer valid. */
void lines_trim(struct lines *l);

/* Asks for what was not asked for yet about addresses in the file's own numbering, and waits as
 * long as this stack may.  s: the file, known by its pointer, which stays valid as long as l.  Its
 * worker reads the files that s keeps open. */
void lines_fetch(struct lines *l, const struct symbols *s, const uint64_t *addresses, size_t count);

/* How many addresses are not answered. */
size_t lines_waiting(const struct lines *l);
/* How many were, or will not be, so far. */
uint64_t lines_settled(const struct lines *l);
/* What to poll for their answers, and how many these are: then call lines_collect.  It must be
 * called now and then while something waits, because it ends what takes too long, too. */
size_t lines_polled(const struct lines *l, struct pollfd ret[LINES_WORKERS_MAX]);
/* Takes the answers that are there, and asks on. */
void lines_collect(struct lines *l);
/* The same until nothing waits, or until that time (now_ns). */
void lines_wait(struct lines *l, uint64_t until);

/* Places are set where the state is LINES_KNOWN: innermost first, the last one of the concrete
 * function.  They belong to l until lines_trim. */
enum lines_state lines_find(const struct lines *l, const struct symbols *s, uint64_t address,
			    const struct line_place **ret_places, size_t *ret_count);

#endif
