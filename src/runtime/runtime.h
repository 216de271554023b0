/* runtime.h: language runtimes, as a table of operations with one row each.
 *
 * Owns what every runtime must offer: recognise a process, fill the walk plan that the kernel side
 * follows, name the frames that it copied.  A new runtime is one file and one row in runtimes.def.
 * Must not know events other than a frame, nor libbpf, nor output.
 */
#ifndef STALLPROF_RUNTIME_RUNTIME_H
#define STALLPROF_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/control.h"
#include "recording/chunk.h"
#include "target/process.h"

#define RUNTIME_VERSION_MAX 32
#define RUNTIME_WHY_MAX	    160

/* Addresses of code in the process. */
struct runtime_code {
	uint64_t start;
	uint64_t end; /* first address behind it */
};

/* What attach found out. */
struct runtime_facts {
	struct walk_plan plan; /* one of the two is enabled on success */
	struct jit_plan jit;
	char version[RUNTIME_VERSION_MAX]; /* "3.11.2" */
	/* one clause for the user without final stop; on failure the reason, on success what will
	 * not be seen all the same, "" where nothing is missing */
	char why[RUNTIME_WHY_MAX];
	uint64_t text_start; /* mapped addresses of the interpreter's ELF file: native frames in it
				are */
	uint64_t text_end;   /* the interpreter's own */
	/* The code of the interpreter's loop, one native frame of which stands for a run of its
	 * frames, up to an entry frame: the function and what the compiler split off it.  end 0:
	 * not known. */
	struct runtime_code eval[2];
	/* Beginnings of the names of extensions' files, NULL at the end; static storage, or NULL.
	 * Plumbing only hands calls on; a switch begins a list of interpreter frames of its own. */
	const char *const *plumbing;
	const char *const *switches;
	/* The runtime's frames are native ones and say themselves where they stand: each one's tag
	 * is an index into event_stack.user, ascending; several of one index are functions inlined
	 * into one another, innermost first.  name_frame -ENOENT: it stays a native frame. */
	bool placed;
};

struct runtime_session; /* one attached process; each runtime has its own */

#define RUNTIME_NAME_MAX 96

/* What the loop of one thread is at, read from outside while it may change. */
struct runtime_loop {
	uint64_t loop;	    /* address of the loop object; 0: no loop runs on this thread */
	uint64_t ready;	    /* callbacks that wait to be called; UINT64_MAX: not known, all three */
	uint64_t scheduled; /* timers that are not cancelled */
	uint64_t tasks;	    /* not finished */
	char task[RUNTIME_NAME_MAX]; /* running now; "" none, or it has no name */
	char coro[RUNTIME_NAME_MAX]; /* qualified name of its coroutine; "" */
};

/* What one thread is to its program. */
struct runtime_thread {
	char name[RUNTIME_NAME_MAX]; /* as the program named it; "" not known */
	char pool_name[RUNTIME_NAME_MAX];
	const char *pool_kind; /* "ThreadPoolExecutor"; "" where it serves no pool */
	uint64_t pool;	       /* tells pools apart; 0: none */
	bool idle;	       /* a worker without work */
	uint32_t pool_max;     /* size allowed; 0: not known */
	uint32_t queued;       /* jobs waiting in the pool now */
};

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

	/* A new stack begins, borrowed until the next one: strings handed out before may go.  NULL:
	 * the frames to come are of no stack. */
	void (*begin)(struct runtime_session *s, const struct event_stack *stack);

	/* Names one frame; must not read the process's mappings anew, which other frames of the
	 * stack point into.  Strings belong to the session, until its next `begin`.  0 (always with
	 * something to show: "<unknown>" when the process is gone); -ENOENT: it is the
	 * interpreter's own and hidden from programs, leave it out; -ENODATA: the same, and the
	 * native frame in whose place it stands, too; -ENOMEM. */
	int (*name_frame)(struct runtime_session *s, const struct interp_frame *frame,
			  struct chunk_frame *ret_frame);

	/* The function into which the compiler put the one that was named last, in the same frame;
	 * may be NULL.  0; -ENOENT: none; -ENOMEM. */
	int (*name_outer)(struct runtime_session *s, struct chunk_frame *ret_frame);

	/* The three below read the live process; NULL where the runtime has no such thing.  0;
	 * -ENODATA: nothing there, or it changed while it was read; -ESRCH, -ENOMEM.
	 * thread_pointer names the thread as struct loop_state does. */
	int (*loop_now)(struct runtime_session *s, uint64_t thread_pointer,
			struct runtime_loop *ret_loop);
	int (*thread_now)(struct runtime_session *s, uint64_t thread_pointer,
			  struct runtime_thread *ret_thread);
	/* Every task of every loop: calls put with the payload of one CHUNK_TASKS for each loop;
	 * what put returns ends it. */
	int (*tasks)(struct runtime_session *s, int (*put)(void *ctx, const struct str *payload),
		     void *ctx);

	/* Brings facts->plan and facts->why up to date; true when they say something else now. NULL
	 * where what attach found stays as it is. */
	bool (*renew)(struct runtime_session *s, struct runtime_facts *facts);

	struct runtime_session *(*close)(struct runtime_session *s);
};

#define RUNTIME(id) extern const struct runtime runtime_##id;
#include "runtime/runtimes.def"
#undef RUNTIME

/* All rows, NULL at the end. */
extern const struct runtime *const runtimes[];

/* The first runtime that recognises the process, or NULL. */
const struct runtime *runtime_detect(struct process *p);

/* What kind of loop polls in this stack, given innermost first: "asyncio", "uvloop" or NULL.  May
 * read the process's mappings anew. */
const char *runtime_loop_kind(struct process *p, const struct chunk_frame *frames, size_t count);

#endif
