/* lines_answer.h: question and answer between lines_worker.c and the worker that reads DWARF.
 *
 * Owns the layout and the check of what comes back: the worker parsed a hostile file and may be
 * the hostile file's by then.  Must not know DWARF or processes.
 */
#ifndef STALLPROF_TARGET_LINES_ANSWER_H
#define STALLPROF_TARGET_LINES_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define LINES_BATCH_MAX	 64	    /* addresses of one question */
#define LINES_DEPTH_MAX	 64	    /* functions of one chain; deeper ones are not told */
#define LINES_TEXT_MAX	 1023	    /* bytes of a name or a path; longer ones are left out */
#define LINES_ANSWER_MAX (1u << 20) /* bytes; what does not fit is not told */

/* One function of a chain. */
struct line_place {
	const char *fn;	  /* linkage name, else the plain one; "" not known */
	const char *file; /* "" not known */
	uint32_t line;	  /* 0: not known */
};

/* The innermost first, the concrete function last; none: nothing known. */
struct line_chain {
	size_t count;
	struct line_place places[LINES_DEPTH_MAX];
};

/* Virtual addresses in the file's own numbering. */
struct lines_question {
	uint32_t count;
	uint32_t reserved;
	uint64_t addresses[LINES_BATCH_MAX];
};

struct lines_answer_head {
	int32_t status; /* negative errno: the file has no lines at all */
	uint32_t len;	/* bytes that follow */
};

/* Appends a chain; one that is too deep, or does not fit any more, as an empty one.
 * 0 or -ENOMEM. */
int lines_answer_put(struct str *s, const struct line_chain *chain);

/* Where the next chain begins in an answer, and where the answer ends. */
struct lines_cursor {
	const char *at, *end;
};

/* Takes one chain, whose texts stay where they are, in the answer.
 * 0, or -EIO: it makes no sense. */
int lines_answer_get(struct lines_cursor *c, struct line_chain *ret_chain);

#endif
