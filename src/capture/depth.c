/* depth.c: what a loop's runtime itself says: how long its queues are, and which task runs in a
 * period that may become a stall.
 */
#include "capture/internal.h"

#include <string.h>

#define DEPTH_PAUSE NSEC_PER_SEC
#define TASK_TRIES  32 /* in one period: it may change whenever it is read */

static bool ask(struct capture *c, uint32_t i, struct runtime_loop *ret_loop)
{
	const struct loop_state *l = &c->loops[i];
	struct watched *w = watched_find(c, c->slots[i].tgid);

	memset(ret_loop, 0, sizeof(*ret_loop));
	if (!w || w->gone_at)
		return false;
	return resolver_loop_now(w->resolver, l->thread_pointer, ret_loop) == 0 && ret_loop->loop;
}

static void emit_depth(struct capture *c, uint32_t i, uint64_t now)
{
	struct runtime_loop loop;

	if (!ask(c, i, &loop))
		return;
	str_clear(&c->payload);
	chunk_put_u64(&c->payload, now);
	chunk_put_u32(&c->payload, c->slots[i].id);
	chunk_put_u64(&c->payload, loop.ready);
	chunk_put_u64(&c->payload, loop.scheduled);
	chunk_put_u64(&c->payload, loop.tasks);
	emit_payload(c, CHUNK_DEPTH);
}

/* The answer counts only if the period is the same before and after. */
static bool emit_task(struct capture *c, uint32_t i, uint64_t start)
{
	volatile const struct loop_state *l = &c->loops[i];
	struct runtime_loop loop;

	if (!ask(c, i, &loop))
		return false;
	__sync_synchronize();
	if (l->stall.start != start || l->flags & LOOP_IN_POLL || (!loop.task[0] && !loop.coro[0]))
		return false;
	loop.task[RUNTIME_NAME_MAX - 1] = loop.coro[RUNTIME_NAME_MAX - 1] = '\0';
	str_clear(&c->payload);
	chunk_put_u32(&c->payload, c->slots[i].id);
	chunk_put_u64(&c->payload, start);
	chunk_put_str(&c->payload, loop.task);
	chunk_put_str(&c->payload, loop.coro);
	emit_payload(c, CHUNK_TASK);
	return true;
}

void depth_scan(struct capture *c, uint32_t i, uint64_t now)
{
	volatile const struct loop_state *l = &c->loops[i];
	struct slot *s = &c->slots[i];
	uint64_t start;

	if (now >= s->depth_at) {
		s->depth_at = now + DEPTH_PAUSE;
		emit_depth(c, i, now);
	}
	start = l->stall.start;
	if (!start || l->flags & LOOP_IN_POLL || now < start + l->stall.threshold / 2)
		return;
	if (s->task_of != start) {
		s->task_of = start;
		s->task_tries = TASK_TRIES;
		s->task_at = 0;
	}
	if (!s->task_tries || now < s->task_at)
		return;
	s->task_tries--;
	/* A period may run one task after the other, of the same coroutine too: the model names one
	 * only if all answers are the same. */
	if (emit_task(c, i, start))
		s->task_at = now + (now - start) / 4;
}
