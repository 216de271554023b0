/* eh_frame.h: the rows of a .eh_frame section, in the order of their addresses.
 *
 * Owns the records of the section (CIE, FDE), their order, what holds where they overlap and where
 * they leave gaps.  Pure: on bytes in memory, which may be anything.  Must not know files.
 */
#ifndef STALLPROF_TARGET_EH_FRAME_H
#define STALLPROF_TARGET_EH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/eh_cfa.h"

#define EH_CIES_MAX    (1u << 20)
#define EH_FDES_MAX    (4u << 20) /* Chromium, the largest program around, has under 1 M */
#define EH_PADDING_MAX 15	  /* bytes between functions that are no gap but alignment */

/* Code that is there: FDEs of other addresses speak of functions that the linker dropped. */
struct eh_range {
	uint64_t start, end;
};

struct eh_frame {
	const uint8_t *bytes;
	size_t len;
	uint64_t vaddr; /* of the first byte */
	bool unending;	/* the section's size is not known: a terminator ends it */
	const struct eh_range *ranges;
	size_t n_ranges;
};

/* Gives all rows, strictly ascending, none equal to the one before.  Beside the kinds of eh_cfa_row
 * there is UNWIND_NONE (all else zero), which begins a gap; the last row is one.
 * Of FDEs that overlap, the one that begins last holds, up to its end (as in libgcc's unwinder); of
 * those that begin together, the first in the section.
 * 0, -EFBIG (too many records), -ENOMEM, or what fn returned. */
int eh_frame_rows(const struct eh_frame *f, eh_cfa_row *fn, void *arg);

/* Where .eh_frame is, by .eh_frame_hdr, whose first byte is at vaddr; false: it does not say. */
bool eh_frame_hdr_target(const uint8_t *bytes, size_t len, uint64_t vaddr, uint64_t *ret_vaddr);

#endif
