/* capture.h: from a running kernel to chunks.
 *
 * Owns everything that talks to the kernel: finds what it allows, loads, attaches, drains, and
 * counts what was lost.  Facts go into a sink, in the vocabulary of recording/chunk.h; what they
 * mean is not known here.  Prints nothing.
 */
#ifndef STALLPROF_CAPTURE_CAPTURE_H
#define STALLPROF_CAPTURE_CAPTURE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "recording/chunk.h"

struct capture_opts {
	const pid_t *pids;
	size_t n_pids;
	const pid_t *tids; /* designated loops */
	size_t n_tids;
	const char *comm_glob;		   /* -n, NULL */
	uint64_t threshold_ns;		   /* 0: default 100 ms */
	uint64_t wait_min_ns, wait_max_ns; /* --off-cpu -m -M; 0: none */
	bool offcpu, follow;
	const char *hooks;    /* "poll=tracepoint,stack=switch", NULL */
	char *const *command; /* -- COMMAND, NULL */
};

struct capture;

/* Loads, attaches; on failure negative errno and one sentence with the cure in ret_why (owned by
 * caller). */
int capture_open(const struct capture_opts *opts, struct chunk_sink *sink, struct capture **ret,
		 struct str *ret_why);
/* Drains until `deadline` (CLOCK_MONOTONIC ns, 0: none), until *stop becomes non-zero or every
 * target is gone. 0, 1 = all targets gone, negative errno. */
int capture_run(struct capture *c, uint64_t deadline_ns, const volatile sig_atomic_t *stop);
/* The time given is over: notes that the command is not. */
void capture_over(struct capture *c);
/* Reads the rest, writes the loop statistics, losses and CHUNK_END into the sink.  0, negative
 * errno of the sink.  Only close may follow. */
int capture_finish(struct capture *c);
/* Detaches and frees; NULL is nothing.  The kernel takes up to two seconds over it. */
void capture_close(struct capture *c);

/* Gives up, for the whole program and for good, every capability that a running capture does not
 * need.  0 or negative errno. */
int capture_drop_privileges(void);

/* What this kernel (and process, if pid > 0) allows: calls fn for each need: rungs that work, the
 * one chosen, why others do not, the cure. 0 if stalls can be captured. */
typedef void (*capture_check_fn)(void *ctx, const char *need, const char *rung, bool works,
				 bool chosen, const char *why, const char *cure);
int capture_check(pid_t pid, const char *hooks, capture_check_fn fn, void *ctx);

#endif
