/* lines_worker.h: the worker of the sandbox that reads the debug information of one file.
 *
 * Owns its life: it is started by the first question, keeps the file open for the next ones, gives
 * its memory back when nothing was asked for a second, ends by itself after some more, makes room
 * for another when it has worked for long, and is killed when a question takes too long.
 * A question is asked and its answer fetched in two steps, so that whoever asks decides how long to
 * wait and may come back for the answer later.  Must not know whose file it is.
 */
#ifndef STALLPROF_TARGET_LINES_WORKER_H
#define STALLPROF_TARGET_LINES_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/lines_answer.h"

#define LINES_DEADLINE_MS 5000 /* of one question, with the opening of the file */
#define LINES_REST_S	  1    /* without a question: then its memory is given back */
#define LINES_IDLE_S	  5    /* then it ends; a new one costs little more than it gave back */
#define LINES_CPU_MS	  2000 /* used, then another takes its place; the sandbox kills at 10 s */
#define LINES_DEATHS_MAX  3

/* All zero: not started. */
struct lines_worker {
	pid_t pid; /* 0: not running */
	int to, from;
	bool busy;     /* a question was asked and is not answered */
	bool answered; /* at least one since it was started: the file is open */
	bool barren;   /* there are no lines in the file; nothing more to ask */
	unsigned int deaths;
	uint64_t deadline; /* of that question, now_ns */
	struct lines_question question;
	struct str answer; /* the bytes of it that came so far */
};

/* Asks for at most LINES_BATCH_MAX addresses.  The files stay the caller's; alt: -1, none.
 * 0; -EBUSY: an earlier question is not answered; -ENODATA: the file has no lines; -EAGAIN: the
 * worker could not be started, or died too often; -EIO: it died. */
int lines_worker_ask(struct lines_worker *w, int file, int alt, const uint64_t *addresses,
		     size_t count);

typedef int lines_take(void *arg, uint64_t address, const struct line_chain *chain);

/* Waits for the answer until that time (now_ns; one that is past: only looks) and hands out each
 * address of the question with its chain, whose texts are gone when this returns.
 * 0; -EBUSY: not yet; -ENODATA; -ETIMEDOUT: it was killed past its deadline; -EIO: it died or told
 * nonsense, and was ended; what `take` returned. */
int lines_worker_wait(struct lines_worker *w, uint64_t until, lines_take *take, void *arg);

/* Takes leave of one that has ended by itself. */
void lines_worker_reap(struct lines_worker *w);

/* Ends it; may be asked again.  A question that is not answered is forgotten. */
void lines_worker_stop(struct lines_worker *w);

#endif
