/* unwound_history.h: which code an address of one process stood for, and since when.
 *
 * Owns the ranges that files were mapped at and the moments when one took the place of another.
 * Must not know processes or tables.
 */
#ifndef STALLPROF_CAPTURE_UNWOUND_HISTORY_H
#define STALLPROF_CAPTURE_UNWOUND_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "bpf/event.h"
#include "target/mapped_file.h"

/* Something was mapped there, not looked at yet. */
struct touched {
	uint64_t start, end;
	uint64_t first, last; /* when */
};

/* A file is or was mapped there. */
struct used {
	uint64_t start, end;
	uint64_t origin; /* where its first byte would be */
	struct file_identity identity;
};

/* Another file took its place, not before `from` and not after `to`; the kernel side was told at
 * `published`, 0: not yet. */
struct change {
	uint64_t start, end;
	uint64_t from, to, published;
};

/* All zero is empty. */
struct history {
	VEC(struct touched) touched;
	VEC(struct used) used;
	VEC(struct change) changes; /* oldest first */
	uint64_t forgotten;	    /* changes up to then are not known any more */
};

void history_release(struct history *h);

void history_touch(struct history *h, uint64_t start, uint64_t end, uint64_t ts);
bool history_touched(const struct history *h, uint64_t start, uint64_t end);
/* When the first of what was not looked at yet was mapped; UINT64_MAX: there is none. */
uint64_t history_first(const struct history *h);
/* A mapping that was not there at `before`, or was touched since, is there at `now`.  True: other
 * code was there once. */
bool history_use(struct history *h, uint64_t start, uint64_t end, uint64_t offset,
		 const struct file_identity *identity, uint64_t before, uint64_t now);
/* The mappings of `now` were looked at. */
void history_settle(struct history *h, uint64_t now);
void history_published(struct history *h, uint64_t now);

/* See unwound_sift. */
bool history_sift(const struct history *h, struct event_stack *s);

#endif
