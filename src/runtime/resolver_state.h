/* resolver_state.h: the state of a resolver, shared by the files that implement it and nobody else.
 */
#ifndef STALLPROF_RUNTIME_RESOLVER_STATE_H
#define STALLPROF_RUNTIME_RESOLVER_STATE_H

#include "runtime/late_lines.h"
#include "runtime/native_lines.h"
#include "runtime/native_names.h"
#include "runtime/resolver.h"
#include "target/ksyms.h"

_Static_assert(RESOLVER_LATE_MAX == LINES_WORKERS_MAX, "all workers can be polled");

struct resolver_host {
	struct ksyms *ksyms; /* NULL: not readable */
	struct native_names *names;
	struct native_lines *lines;
	struct chunk_frame frames[RESOLVER_FRAMES_MAX];
	struct late_lines *late;
};

struct resolver {
	struct resolver_host *host;
	struct process *p;
	const struct runtime *runtime; /* NULL: none recognised */
	struct runtime_session *session;
	struct runtime_facts facts;
	bool retry;
	const char *loop_kind;
	const char *native_loop;
	uint16_t flags;	      /* enum stack_flag of the stack that is resolved now */
	uint16_t user_stop;   /* enum unwind_stop, likewise */
	const char *user_end; /* as in CHUNK_STACK_NAMES, likewise */
	size_t inlined;	      /* frames among those below that the compiler inlined */
	size_t count;
	struct chunk_frame *frames; /* the host's: of one stack at a time */
};

/* Fills r->frames from the stack, all in their order, and adds to r->flags what was left out.
 * 0, -ENOMEM. */
int resolver_frames(struct resolver *r, const struct event_stack *stack);

#endif
