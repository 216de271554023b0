/* v8_code.h: lines of the machine code that V8 makes.
 *
 * Owns finding the code object that holds an address, without help of the program, and which of
 * its tables says the line.  Must not know frames.
 */
#ifndef STALLPROF_RUNTIME_V8_CODE_H
#define STALLPROF_RUNTIME_V8_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/v8_names.h"

/* The line at an address of f's code; returns: it is a return address, not the instruction that
 * runs.  0: not known, or what runs there was inlined. */
uint32_t v8_code_line(struct v8_heap *h, struct v8_names *n, const struct v8_function *f,
		      uint64_t addr, bool returns);

#endif
