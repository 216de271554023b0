/* sandbox_service.h: a worker of the sandbox that answers many short questions.
 *
 * Owns its life and the deadline of each question: one that is not answered in time ends it, and it
 * is started anew for the next.  After some of these it stays away, so that hostile questions cost
 * a bounded time.  Must not know what is asked.
 */
#ifndef STALLPROF_TARGET_SANDBOX_SERVICE_H
#define STALLPROF_TARGET_SANDBOX_SERVICE_H

#include <stddef.h>

#include "base/cleanup.h"

#define SERVICE_TEXT_ROOM   1024 /* bytes of a question or an answer, with NUL */
#define SERVICE_DEADLINE_MS 250
#define SERVICE_DEATHS_MAX  8

/* Runs in the worker: room is SERVICE_TEXT_ROOM.  0 or negative errno. */
typedef int sandbox_answer(const char *question, char *ret_answer, size_t room);

struct sandbox_service;

/* Starts nothing yet.  0 or -ENOMEM. */
int sandbox_service_new(sandbox_answer *answer, struct sandbox_service **ret_service);
struct sandbox_service *sandbox_service_free(struct sandbox_service *s);
DEFINE_CLEANUP(struct sandbox_service *, sandbox_service_free)

/* The answer is text, NUL-terminated, and as hostile as the question.  The worker's own error;
 * -E2BIG the question is too long; -ETIMEDOUT; -EIO it died; -EAGAIN it could not be started, or
 * has died too often. */
int sandbox_service_ask(struct sandbox_service *s, const char *question,
			char ret_answer[SERVICE_TEXT_ROOM]);

#endif
