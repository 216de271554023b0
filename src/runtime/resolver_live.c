/* resolver_live.c: what a live process is at, beyond the stacks that the kernel side took.
 *
 * Passes the questions on to the process's runtime; see resolver.h and runtime.h.
 */
#include "runtime/resolver_state.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "runtime/walk_host.h"

int resolver_loop_now(struct resolver *r, uint64_t thread_pointer, struct runtime_loop *ret_loop)
{
	if (!r->session || !r->runtime->loop_now)
		return -ENOTSUP;
	return r->runtime->loop_now(r->session, thread_pointer, ret_loop);
}

int resolver_thread_now(struct resolver *r, uint64_t thread_pointer,
			struct runtime_thread *ret_thread)
{
	if (!r->session || !r->runtime->thread_now)
		return -ENOTSUP;
	return r->runtime->thread_now(r->session, thread_pointer, ret_thread);
}

bool resolver_has_tasks(const struct resolver *r)
{
	return r->runtime && r->runtime->tasks;
}

int resolver_tasks(struct resolver *r, int (*put)(void *ctx, const struct str *payload), void *ctx)
{
	if (!r->session || !r->runtime->tasks)
		return -ENOTSUP;
	return r->runtime->tasks(r->session, put, ctx);
}

size_t resolver_walk(struct resolver *r, uint64_t thread_pointer, struct event_stack *ret_stack)
{
	struct event_stack *s = ret_stack;

	memset(s, 0, offsetof(struct event_stack, python));
	if (!r->session)
		return 0;
	s->n_python = walk_host(r->p, &r->facts.plan, thread_pointer, s->python, &s->flags);
	s->hash = hash_bytes(HASH_START, s->python, s->n_python * sizeof(s->python[0]));
	return s->n_python;
}
