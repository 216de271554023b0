/* made_sums.h: the threads and event loops that one process makes, counted by who makes them.
 *
 * Pure: fed with events and counts, gives the payloads of CHUNK_THREAD_MADE and CHUNK_CHURN.  Only
 * what is made while it is watched counts.
 */
#ifndef STALLPROF_CAPTURE_MADE_SUMS_H
#define STALLPROF_CAPTURE_MADE_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "bpf/control.h"
#include "recording/chunk.h"

#define MADE_STACKS_MAX 128 /* what comes from others is of stack 0 */
#define MADE_OPEN_MAX	256 /* threads whose last loop is not known to be gone */

struct made_stack {
	uint64_t stack, count;
	uint64_t names; /* of its frames; 0: not known */
};

struct made_stacks {
	struct made_stack *items; /* as in VEC(); stack 0 is not among them */
	size_t count, room;
	uint64_t sum;	/* of them */
	uint64_t total; /* as the kernel side counts; the rest came from unknown stacks */
	uint64_t told;	/* total, at the last time */
};

/* The epoll file that a thread made last. */
struct made_open {
	uint32_t tid;
	bool unsure; /* the thread has another one as well: which of them is polled is not known */
	uint64_t at;
	uint64_t number;
};

/* All zero is empty. */
struct made_by {
	struct made_stacks threads;
	struct made_stacks epolls;
	VEC(struct made_open) open;
	bool counted;
	uint64_t before; /* epoll files open when it was first watched */
	uint64_t alive, alive_max;
	uint64_t lifetimes, lifetime_sum_ns, lifetime_max_ns;
};

/* names: what stacks with the same frames share, as each that was finished from a copy is another;
 * 0: not known. */
void made_thread(struct made_by *m, const struct event_thread *e, uint64_t names);

/* A loop lives from its epoll file to its last poll before the thread makes another, ends, or the
 * process has no epoll file left.  Where the thread had two, or one between was not
 * told, or no poll was seen, no lifetime is counted: there are fewer lifetimes than loops. */
void made_epoll(struct made_by *m, const struct event_made *e, uint64_t names);
/* The thread does not poll again; last_poll 0: it never did. */
void made_epoll_over(struct made_by *m, uint32_t tid, uint64_t last_poll);

/* What the kernel side has counted. */
void made_total(struct made_by *m, const struct made_sums *sums);
/* So many epoll files are open; the first time is the start of watching.  Those that were there
 * then are taken to be open still. */
void made_epolls_open(struct made_by *m, uint64_t count);
/* Another program: the files of the one before are closed. */
void made_execed(struct made_by *m);

/* Hands over what changed, cumulative.  0 or what the sink or memory says. */
int made_tell(struct made_by *m, uint32_t tgid, struct chunk_sink *sink);

void made_release(struct made_by *m);

#endif
