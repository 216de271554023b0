/* v8_names.h: what a function of V8 is called, and where it stands.
 *
 * Owns reading SharedFunctionInfo objects, their check against objects that were moved, and a
 * bounded cache of them.  Must not know frames or machine code.
 */
#ifndef STALLPROF_RUNTIME_V8_NAMES_H
#define STALLPROF_RUNTIME_V8_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "runtime/v8_heap.h"
#include "runtime/v8_scripts.h"

#define V8_NAME_MAX	512 /* characters; the rest is cut */
#define V8_LINES_CACHED 4096

struct v8_function {
	uint64_t shared; /* tagged */
	uint16_t cookie;
	bool moved;		  /* not the object that the cookie was taken of, or none at all */
	bool unread;		  /* the memory could not be read */
	bool builtin;		  /* V8's own, without a text */
	uint64_t words[3];	  /* of the object: name, script, code */
	char *fn;		  /* "" no name */
	struct v8_script *script; /* NULL: none */
};

struct v8_names;

/* h and scripts are borrowed.  0 or -ENOMEM. */
int v8_names_new(struct v8_heap *h, struct v8_scripts *scripts, struct v8_names **ret_names);
struct v8_names *v8_names_free(struct v8_names *n);
DEFINE_CLEANUP(struct v8_names *, v8_names_free)

/* The function of a frame; cookie 0: the walker could not read it.  0 or -ENOMEM.  Valid until
 * v8_names_trim. */
int v8_names_get(struct v8_names *n, uint64_t shared, uint16_t cookie,
		 const struct v8_function **ret_function);

/* Empties the cache, and that of scripts, when one has outgrown its bound. */
void v8_names_trim(struct v8_names *n);

/* The line at an offset into its bytecode, as the frame has it; 0: not known. */
uint32_t v8_names_line(struct v8_names *n, const struct v8_function *f, int32_t raw_offset);

/* The line of all of its code; 0: there are several, or none is known. */
uint32_t v8_names_only_line(struct v8_names *n, const struct v8_function *f);

/* The bytecode of a function: a tagged word.  0; -EPROTO: it has none. */
int v8_names_bytecode(struct v8_names *n, const struct v8_function *f, uint64_t *ret_bytecode);

/* The line of a character of its script; 0: not known. */
uint32_t v8_names_line_at(struct v8_names *n, const struct v8_function *f, int32_t at);

/* v8_position_find in a table of V8, a tagged word. */
bool v8_position_in(struct v8_heap *h, uint64_t table, int32_t offset, struct v8_position *ret);

#endif
