/* session.h: one capture from start to end.
 *
 * Owns the signals that end it, its duration and the regular tick.  Must not know what becomes of
 * the chunks.
 */
#ifndef STALLPROF_CLI_SESSION_H
#define STALLPROF_CLI_SESSION_H

#include "capture/capture.h"

struct session {
	const struct capture_opts *request;
	uint64_t duration_ns; /* 0: until a signal or the end of the targets */
	struct chunk_sink *sink;
	void (*tick)(void *ctx,
		     uint64_t now_ns); /* at least once a second; now is CLOCK_MONOTONIC */
	void *ctx;
	struct capture *capture; /* of session_run, until session_end */
};

/* Runs until the duration is over, the targets are gone, or SIGINT, SIGTERM or SIGHUP; a second
 * one of these ends the program at once.  0; negative errno with one sentence in ret_why, and
 * *ret_began says whether anything was captured before. */
int session_run(struct session *s, bool *ret_began, struct str *ret_why);
/* Detaches; the last thing before the program ends.  NULL capture is nothing. */
void session_end(struct session *s);

#endif
