/* talk.h: what is said on standard error while a program is watched.
 *
 * Owns stall lines as they end, the count of the suppressed ones, and the status line, which only a
 * terminal gets.  Must not know where stalls come from.
 */
#ifndef STALLPROF_CLI_TALK_H
#define STALLPROF_CLI_TALK_H

#include "cli/suppress.h"

struct talk {
	bool quiet;
	bool verbose;
	bool terminal;
	bool counts;	     /* the status line tells the number of stalls */
	uint64_t started_ns; /* CLOCK_MONOTONIC; 0 until the first tick */
	uint64_t n_stalls;   /* ended ones */
	struct suppress suppress;
};

void talk_init(struct talk *t, bool quiet, bool verbose);
void talk_release(struct talk *t);

void talk_stall(struct talk *t, const struct profile *p, const struct stall *s);

/* Once in a while: status line, and what was held back for long enough. */
void talk_tick(struct talk *t, uint64_t now_ns);

/* An empty result gets its reason: for outputs in which nothing looks like a failure. */
void talk_nothing(const struct profile *p);

/* At the end: takes the status line away, tells what was held back. */
void talk_end(struct talk *t);

#endif
