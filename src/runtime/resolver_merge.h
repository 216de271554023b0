/* resolver_merge.h: in which order the native and the interpreter's frames of one stack stand.
 *
 * Owns the rule by which a run of interpreter frames takes the place of the native frame that runs
 * it.  Pure: knows no names, no addresses and no process.
 */
#ifndef STALLPROF_RUNTIME_RESOLVER_MERGE_H
#define STALLPROF_RUNTIME_RESOLVER_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

#define MERGE_MAX (STACK_USER_MAX + STACK_PYTHON_MAX)

/* What a native frame is to the interpreter. */
enum merge_kind {
	MERGE_FOREIGN = 0,  /* says something that no interpreter frame says */
	MERGE_EVAL = 1,	    /* runs interpreter frames */
	MERGE_OWN = 2,	    /* the interpreter's, otherwise */
	MERGE_PLUMBING = 3, /* an extension that only hands calls on */
	MERGE_STARTUP = 4,  /* where any thread begins */
	MERGE_SWITCH = 5,   /* begins a stack of interpreter frames of its own: a greenlet */
};

struct merge_input {
	const uint8_t *native; /* enum merge_kind, innermost first */
	size_t n_native;
	const struct interp_frame *interp; /* innermost first */
	size_t n_interp;
	bool guessed;	/* the native frames are not certain: they give no order */
	bool rooted;	/* they reach the outermost one */
	bool truncated; /* interpreter frames are missing at the outer end */
};

struct merge_item {
	bool interp;
	uint16_t index; /* into native or interp */
};

struct merge_found {
	bool merged; /* false: the interpreter's frames stand as one block, because the two do not
			fit together */
	bool rooted; /* the native frames are all there: those of the thread, or of the greenlet */
};

/* Writes what is shown, innermost first, and returns how many. */
size_t merge_frames(const struct merge_input *in, struct merge_item ret_items[MERGE_MAX],
		    struct merge_found *ret_found);

/* The same where each interpreter frame's tag is the index of the native frame that it names: it
 * stands right above that. */
size_t merge_placed(const struct merge_input *in, struct merge_item ret_items[MERGE_MAX]);

#endif
