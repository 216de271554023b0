/* lines_index.h: which unit, and which function of it, holds an address; part of lines_dwarf.h.
 *
 * Owns the ranges of all units, taken from the units themselves because .debug_aranges may be
 * missing (clang writes none) or not cover all of them, and the functions of each unit that was
 * asked for.
 */
#ifndef STALLPROF_TARGET_LINES_INDEX_H
#define STALLPROF_TARGET_LINES_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "base/vec.h"

struct lines_range {
	uint64_t low, high;
	uint64_t item; /* index of a unit; offset of a function */
};

struct lines_ranges {
	struct lines_range *items;
	size_t count, room;
};

struct lines_unit {
	Dwarf_Off die;
	bool listed, listed_deep;
	struct lines_ranges functions;
	uint64_t dropped_end; /* functions that the linker dropped lie in [0, dropped_end) */
};

struct lines_index {
	Dwarf *dwarf;
	uint64_t lowest; /* no code lies below */
	struct lines_ranges ranges;
	VEC(struct lines_unit) units;
};

/* 0, -ENODATA, -ENOMEM. */
int lines_index_init(struct lines_index *x, Dwarf *dwarf, uint64_t lowest);
void lines_index_release(struct lines_index *x);

/* The unit that holds the address, and the function of it; false: none is known.  Without function
 * nothing is inlined there: see lines_index.c. */
bool lines_index_find(struct lines_index *x, uint64_t address, Dwarf_Die *ret_unit,
		      Dwarf_Die *ret_function, bool *ret_has_function);

#endif
