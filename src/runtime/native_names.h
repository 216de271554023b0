/* native_names.h: what to call a place in native code.
 *
 * Owns the symbol tables, the readable names and the numbers of the modules that a recording
 * speaks of.  Must not know stacks or interpreters.
 */
#ifndef STALLPROF_RUNTIME_NATIVE_NAMES_H
#define STALLPROF_RUNTIME_NATIVE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "recording/chunk.h"
#include "target/process.h"
#include "target/symbols.h"

/* What all processes of a host share. */
struct native_names;

int native_names_new(struct native_names **ret_names); /* 0 or -ENOMEM */
struct native_names *native_names_free(struct native_names *n);
DEFINE_CLEANUP(struct native_names *, native_names_free)

/* A new stack begins: names of code made at run time that were handed out before may go. */
void native_names_begin(struct native_names *n);

/* Sets fn, offset, and what names the frame later, for the address `inside` of mapping m: the
 * instruction that runs or calls.  `shown` is the address itself, one more for a return address.
 * fn stays "" where there is no symbol; otherwise it belongs to n.  Code in no file is looked up in
 * the process's perf map: then the module is "[jit]" and FRAME_JIT set. */
void native_names_find(struct native_names *n, const struct process *p, const struct mapping *m,
		       uint64_t inside, uint64_t shown, struct chunk_frame *f);

/* The process executes another program: code made by the one before has no name any more. */
void native_names_executed(struct native_names *n, const struct process *p);

/* Whether the process's perf map has a name for the place. */
bool native_names_made(struct native_names *n, const struct process *p, const struct mapping *m,
		       uint64_t inside);

/* Whether the place is one of the small functions that python -X perf makes, one for each of its
 * own. */
bool native_names_trampoline(struct native_names *n, const struct process *p,
			     const struct mapping *m, uint64_t inside);

/* The table of the file behind mapping m and the address in that file's own numbering; NULL: there
 * is none.  Belongs to n. */
const struct symbols *native_names_place(struct native_names *n, const struct process *p,
					 const struct mapping *m, uint64_t inside,
					 uint64_t *ret_address);
/* What to show for a linker's name: belongs to n, or is the name itself. */
const char *native_names_readable(struct native_names *n, const char *name);

/* Hands out the payloads of CHUNK_MODULE that were not handed out yet.  0 or what put returned. */
int native_names_modules(struct native_names *n, int (*put)(void *ctx, const struct str *payload),
			 void *ctx);

#endif
