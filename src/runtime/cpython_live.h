/* cpython_live.h: one attached CPython, asked from outside what it is at.
 *
 * Owns the reader of its objects, what the process states of their layout, and the way from a
 * thread pointer to the thread's state.  What the answers mean is in cpython_loop.h and
 * cpython_threads.h.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_LIVE_H
#define STALLPROF_RUNTIME_CPYTHON_LIVE_H

#include <stdint.h>

#include "base/cleanup.h"
#include "bpf/control.h"
#include "runtime/cpython_loop.h"
#include "runtime/cpython_threads.h"
#include "target/process.h"

struct cpython_live {
	struct process *p;		 /* borrowed */
	const struct cpython_offsets *o; /* borrowed */
	struct walk_plan plan;
	uint64_t runtime; /* address of _PyRuntime */
	struct cpython_layout layout;
	struct cpython_reader reader;
	struct cpython_loops loops;
	struct cpython_threads threads;
	uint64_t searched; /* for .AsyncioDebug; ns, 0: never */
};

/* runtime: address of _PyRuntime in p.  The plan is copied, the rest borrowed until close.
 * 0; -EPROTO: no layout for that version; errors of reading; -ENOMEM. */
int cpython_live_open(struct process *p, const struct cpython_offsets *o,
		      const struct walk_plan *plan, uint64_t runtime,
		      struct cpython_live **ret_live);
struct cpython_live *cpython_live_close(struct cpython_live *live);
DEFINE_CLEANUP(struct cpython_live *, cpython_live_close)

/* Begins a question: what was read before is forgotten. The state of a thread and its interpreter.
 * -ENODATA: it runs no Python. */
int cpython_live_begin(struct cpython_live *live, uint64_t thread_pointer, uint64_t *ret_state,
		       uint64_t *ret_interp);

/* Finds what asyncio's C module says of its layout, once it is loaded: comes before every question
 * about loops and tasks. */
void cpython_live_prepare(struct cpython_live *live);

/* As runtime.h says. */
int cpython_live_loop(struct cpython_live *live, uint64_t thread_pointer,
		      struct runtime_loop *ret_loop);
int cpython_live_thread(struct cpython_live *live, uint64_t thread_pointer,
			struct runtime_thread *ret_thread);

#endif
