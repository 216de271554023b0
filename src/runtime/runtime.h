/* runtime.h: language runtimes, as a table of operations with one row each.
 *
 * Owns what every runtime must offer: recognise a process, fill the walk plan that the kernel side
 * follows, name the frames that it copied.  A new runtime is one file and one row in runtimes.def.
 * Must not know events other than a frame, nor libbpf, nor output.
 */
#ifndef STALLPROF_RUNTIME_RUNTIME_H
#define STALLPROF_RUNTIME_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/control.h"
#include "recording/chunk.h"
#include "target/process.h"

#define RUNTIME_VERSION_MAX 32
#define RUNTIME_WHY_MAX	    160

/* What attach found out. */
struct runtime_facts {
	struct walk_plan plan;		   /* enabled is 1 on success */
	char version[RUNTIME_VERSION_MAX]; /* "3.11.2" */
	char why[RUNTIME_WHY_MAX]; /* on failure: one clause for the user, "..." without final stop
				    */
	uint64_t text_start; /* mapped addresses of the interpreter's ELF file: native frames in it
				are */
	uint64_t text_end;   /* the interpreter's own */
};

struct runtime_session; /* one attached process; each runtime has its own */

struct runtime {
	const char *name; /* as in CHUNK_PROC: "python" */

	/* 1: the process has this runtime mapped, 0: not; negative errno. */
	int (*detect)(struct process *p);

	/* Finds the structures and checks them against the live process.  p is borrowed until
	 * close. 0; -EPROTO: an unknown or patched build, facts->why says what did not fit;
	 * -EAGAIN: not initialised yet, try again later; -ESRCH; -ENOMEM.  facts->why is filled on
	 * every failure. */
	int (*attach)(struct process *p, struct runtime_facts *facts,
		      struct runtime_session **ret_session);

	/* A new stack begins: strings handed out before may go. */
	void (*begin)(struct runtime_session *s);

	/* Names one frame.  Strings belong to the session, until its next `begin`.  0 (always with
	 * something to show: "<unknown>" when the process is gone) or -ENOMEM. */
	int (*name_frame)(struct runtime_session *s, const struct interp_frame *frame,
			  struct chunk_frame *ret_frame);

	struct runtime_session *(*close)(struct runtime_session *s);
};

#define RUNTIME(id) extern const struct runtime runtime_##id;
#include "runtime/runtimes.def"
#undef RUNTIME

/* All rows, NULL at the end. */
extern const struct runtime *const runtimes[];

/* The first runtime that recognises the process, or NULL. */
const struct runtime *runtime_detect(struct process *p);

/* What kind of loop polls in this stack, given innermost first: "asyncio", "uvloop" or NULL. */
const char *runtime_loop_kind(struct process *p, const struct chunk_frame *frames, size_t count);

#endif
