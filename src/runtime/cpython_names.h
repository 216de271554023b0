/* cpython_names.h: what a CPython code object is called, and where it stands.
 *
 * Owns reading code objects and strings out of the target, their check against address reuse, and
 * a bounded cache by (address, tag).  Must not know threads, frames or how a process was
 * recognised.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_NAMES_H
#define STALLPROF_RUNTIME_CPYTHON_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "bpf/event.h"
#include "runtime/cpython_offsets.h"
#include "target/process.h"

#define CPYTHON_NAME_MAX  1024	       /* characters of a name or path; the rest is cut */
#define CPYTHON_LINES_MAX (256u << 10) /* bytes of a line table; larger: first line only */

struct cpython_code {
	uint64_t addr;
	uint32_t tag;
	bool stale;  /* not the object that the tag was taken of, or none at all */
	bool unread; /* the memory could not be read */
	bool library;
	bool internal;	/* a frame that the interpreter puts between others, hidden from programs */
	bool coroutine; /* or an asynchronous generator */
	uint32_t first_line;
	uint32_t n_lines;
	uint8_t *lines; /* the line table; owned by the cache, as are the strings */
	char *fn;
	char *file;
};

struct cpython_names;

/* code_type: address of PyCode_Type in the process; text_type: of PyUnicode_Type; bytes_type: of
 * PyBytes_Type.  p and o are borrowed. */
int cpython_names_new(struct process *p, const struct cpython_offsets *o, uint64_t code_type,
		      uint64_t text_type, uint64_t bytes_type, struct cpython_names **ret_names);
struct cpython_names *cpython_names_free(struct cpython_names *n);
DEFINE_CLEANUP(struct cpython_names *, cpython_names_free)

/* The code object of a frame; tag 0 means that the walker could not read it.  0 or -ENOMEM.
 * Valid until cpython_names_trim. */
int cpython_names_get(struct cpython_names *n, uint64_t code, uint32_t tag,
		      const struct cpython_code **ret_code);

/* The tag of a code object, as the walker takes it: see enum walk_tag.  object: its first
 * o->code_lines + 8 bytes.  0 or the error of a read. */
int cpython_names_tag(const struct cpython_names *n, const uint8_t *object, uint32_t *ret_tag);

/* Empties the cache when it has outgrown its bound. */
void cpython_names_trim(struct cpython_names *n);

/* The source line for a byte offset in that code, -1 for the first line; 0: not known. */
uint32_t cpython_names_line(const struct cpython_names *n, const struct cpython_code *code,
			    int32_t off);

#endif
