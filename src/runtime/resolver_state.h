/* resolver_state.h: the state of a resolver, shared by the files that implement it and nobody else.
 */
#ifndef STALLPROF_RUNTIME_RESOLVER_STATE_H
#define STALLPROF_RUNTIME_RESOLVER_STATE_H

#include "runtime/resolver.h"

struct resolver {
	struct resolver_host *host;
	struct process *p;
	const struct runtime *runtime; /* NULL: none recognised */
	struct runtime_session *session;
	struct runtime_facts facts;
	bool retry;
	const char *loop_kind;
	size_t count;
	struct chunk_frame frames[RESOLVER_FRAMES_MAX];
};

#endif
