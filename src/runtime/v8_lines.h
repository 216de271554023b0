/* v8_lines.h: from a place in V8's code to a line of a source text.
 *
 * Owns the decoding of three tables: source positions by offset of code, bytecode offsets by offset
 * of the baseline compiler's machine code, and line ends of a text.  Pure; the bytes are hostile.
 */
#ifndef STALLPROF_RUNTIME_V8_LINES_H
#define STALLPROF_RUNTIME_V8_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "runtime/v8_layout.h"

/* One row of a table of source positions. */
struct v8_position {
	int32_t code;	 /* offset of the code from which on it holds */
	int32_t at;	 /* character of the script's text, from 0 */
	int32_t inlined; /* index of the inlined function it is in, -1: none */
};

/* The last row at or before that offset.  False: there is none, or the table is damaged. */
bool v8_position_find(const uint8_t *table, size_t len, int32_t offset, struct v8_position *ret);

/* The first and the last character of all rows.  False: there are none, one has no place, or the
 * table is damaged. */
bool v8_position_range(const uint8_t *table, size_t len, int32_t *ret_first, int32_t *ret_last);

/* The place and the function of a position as V8 packs it; p->code stays. */
void v8_position_unpack(uint64_t raw, struct v8_position *p);

/* The offset of the bytecode that the baseline compiler's machine code at pc (an offset into it)
 * stands for, or -1.  table: its bytecode offset table. */
int32_t v8_baseline_offset(const struct v8_layout *l, const uint8_t *table, size_t len,
			   const uint8_t *bytecodes, size_t n_bytecodes, uint64_t pc);

/* Ends of the lines of a text: the place of each line's terminator. */
struct v8_line_ends {
	VEC(uint32_t) ends;
	uint32_t at;   /* characters seen */
	bool after_cr; /* the last one was a carriage return */
};

/* Takes the next characters; width as for v8_string_each.  0 or -ENOMEM. */
int v8_line_ends_put(struct v8_line_ends *e, const uint8_t *chars, unsigned int width,
		     size_t count);
/* The text is complete. */
int v8_line_ends_finish(struct v8_line_ends *e);
void v8_line_ends_release(struct v8_line_ends *e);

/* The line, from 1, of a character; 0: beyond the text. */
uint32_t v8_line_ends_find(const struct v8_line_ends *e, int32_t at);

#endif
