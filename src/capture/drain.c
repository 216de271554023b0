/* drain.c: take events from the ring buffer and hand them on as chunks.
 *
 * In two steps, because names can take long (a table or debug information is read for the first
 * time) while code objects live as long as a call: everything is taken out of the ring as soon as
 * we look, and what a runtime knows of the frames is read at once; the events are then handled in
 * their order.
 *
 * Lengths are checked although they come from our own programs: the ring is shared memory, and a
 * recording must stay readable whatever happens.
 */
#include "capture/internal.h"

#include <errno.h>
#include <string.h>

#include "stallprof.skel.h"

static void on_stack(struct capture *c, const struct event_head *head,
		     void (*name)(struct capture *c, struct event_stack *stack))
{
	struct event_stack s;

	if (head->size < offsetof(struct event_stack, python) || head->size > sizeof(s))
		return;
	memset(&s, 0, sizeof(s));
	memcpy(&s, head, head->size);
	name(c, &s);
}

static void on_snapshot(struct capture *c, const struct event_head *head)
{
	if (head->size == sizeof(struct event_snapshot))
		unwind_snapshot(c, (const struct event_snapshot *)head);
}

static void on_life(struct capture *c, const struct event_life *e)
{
	struct watched *w = watched_find(c, e->head.tgid);
	cleanup(str_releasep) struct str why = { 0 };

	if (!w) {
		if (e->what == LIFE_EXIT && e->other)
			watched_never(c, e->head.tgid);
		return;
	}
	if (e->what == LIFE_EXIT && e->other) {
		watched_gone(c, w, e);
	} else if (e->what == LIFE_EXEC) {
		watched_executed(c, w, e->head.ts);
		emit_note(c, e->head.tgid, "process %u executed %s", e->head.tgid, w->process->exe);
	} else if (e->what == LIFE_FORK && c->conf.flags & PROC_FOLLOW) {
		if (watched_add(c, e->other, &why) == 0)
			emit_note(c, e->other, "process %u is a child of %u, followed", e->other,
				  e->head.tgid);
		else
			watched_never(c, e->other);
	}
}

static void handle(struct capture *c, const struct event_head *head)
{
	const void *data = head;

	if (head->kind == EVENT_STACK)
		on_stack(c, head, name_stack);
	else if (head->kind == EVENT_SNAPSHOT)
		on_snapshot(c, head);
	else if (head->kind == EVENT_STALL && head->size >= offsetof(struct event_stall, parts))
		loop_stalled(c, data);
	else if (head->kind == EVENT_LOOP && head->size == sizeof(struct event_loop))
		loop_announced(c, data);
	else if (head->kind == EVENT_LIFE && head->size == sizeof(struct event_life))
		on_life(c, data);
	else if (head->kind == EVENT_THREAD && head->size == sizeof(struct event_thread))
		thread_made(c, data);
	else if (head->kind == EVENT_MADE && head->size == sizeof(struct event_made))
		epoll_made(c, data);
}

/* Out of the ring: copied to the backlog, names of its frames read. */
static int on_event(void *ctx, void *data, size_t size)
{
	struct capture *c = ctx;
	const struct event_head *head = data;
	struct event_head *copy;

	if (size < sizeof(*head) || head->size > size)
		return 0;
	copy = backlog_add(&c->backlog, head->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, head->size);
	if (copy->kind == EVENT_STACK)
		on_stack(c, copy, name_stack_early);
	return backlog_full(&c->backlog) ? -EAGAIN : 0;
}

int drain_pull(struct capture *c)
{
	int r = backlog_full(&c->backlog) ? 0 : ring_buffer__consume(c->ring);

	return r < 0 && r != -EAGAIN ? r : 0;
}

int drain_take(struct capture *c)
{
	int r = drain_pull(c);

	while (r == 0 && !backlog_empty(&c->backlog)) {
		/* It stays where it is until the next one is asked for. */
		handle(c, backlog_next(&c->backlog));
		if (c->sink_error)
			return c->sink_error;
		if ((c->stop && *c->stop) || now_ns() >= c->busy_until)
			return -EINTR;
		r = drain_pull(c);
	}
	return r;
}

int drain_open(struct capture *c, struct str *why)
{
	c->ring = ring_buffer__new(bpf_map__fd(c->skel->maps.events), on_event, c, NULL);
	if (c->ring)
		return 0;
	str_printf(why, "cannot map the ring buffer: %s", strerror(errno));
	return -errno;
}
