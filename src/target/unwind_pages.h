/* unwind_pages.h: packs rows into pages of words, in the layout of bpf/unwind.h.
 *
 * Owns what a row becomes (a word, or a word and an escape), the row at the beginning of each page,
 * and what holds of a page that would be too long.  Must not know where rows come from.
 */
#ifndef STALLPROF_TARGET_UNWIND_PAGES_H
#define STALLPROF_TARGET_UNWIND_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "bpf/unwind.h"

#define UNWIND_TABLE_WORDS_MAX (16u << 20) /* of one file: 128 MiB */
#define UNWIND_VADDR_MAX       (1ull << 47)
#define UNWIND_ESCAPE_WORDS    (sizeof(struct unwind_escape) / sizeof(uint64_t))

/* All zero is empty. */
struct unwind_pages {
	VEC(struct unwind_page) pages; /* finished ones; `first` counts words of this table */
	VEC(uint64_t) words;
	uint32_t first_page;
	/* The page being filled: its rows are the last words, an escape's place is its number. */
	bool begun;
	uint32_t page;
	size_t first_word;
	VEC(struct unwind_escape) escapes;
	struct unwind_escape last;
};

/* Adds a row; addresses strictly ascending and below UNWIND_VADDR_MAX.  cfa is any kind but
 * UNWIND_ESCAPE.  0, -EFBIG (more than UNWIND_TABLE_WORDS_MAX or UNWIND_PAGES_MAX), -ENOMEM. */
int unwind_pages_add(struct unwind_pages *p, uint64_t vaddr, const struct unwind_escape *rule);
/* After the last row. */
int unwind_pages_finish(struct unwind_pages *p);
void unwind_pages_release(struct unwind_pages *p);

static inline void unwind_pages_releasep(struct unwind_pages *p)
{
	unwind_pages_release(p);
}

#endif
