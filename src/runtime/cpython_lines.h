/* cpython_lines.h: from a byte offset in CPython code to a source line.
 *
 * Owns the three encodings of CPython's line tables.  Pure, and bounded by the table given: the
 * bytes come from the target's memory.  Must not know how they were read.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_LINES_H
#define STALLPROF_RUNTIME_CPYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

enum cpython_line_format {
	CPYTHON_LNOTAB = 1, /* 3.8, 3.9: co_lnotab, pairs (u8 address step, s8 line step) */
	CPYTHON_LINETABLE =
		2, /* 3.10: co_linetable, pairs (u8 length, s8 line step, -128: no line) */
	CPYTHON_LOCATIONS = 3, /* 3.11 on: location table, variable length entries */
};

/* The line of the instruction at byte offset off (>= 0) of code that begins at line first.
 * 0: the table says that there is none, or does not reach that far. */
uint32_t cpython_line(enum cpython_line_format format, const uint8_t *table, size_t len,
		      uint32_t first, uint32_t off);

#endif
