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

#define V8_PLACES_MAX 16 /* functions inlined into one another; more are not looked at */

/* A place in a script. */
struct v8_place {
	uint64_t shared; /* the function that it is in, as a tagged word; 0: the frame's own */
	int32_t at;	 /* character of its script */
};

/* Where an address of f's code is: the innermost function that was inlined there first, f itself
 * last.  returns: it is a return address, not the instruction that runs.  How many; 0: not known.
 */
size_t v8_code_places(struct v8_heap *h, struct v8_names *n, const struct v8_function *f,
		      uint64_t addr, bool returns, struct v8_place ret_places[V8_PLACES_MAX]);

#endif
