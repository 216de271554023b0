/* drain.c: take events from the ring buffer and hand them on as chunks.
 *
 * Lengths are checked although they come from our own programs: the ring is shared memory, and a
 * recording must stay readable whatever happens.
 */
#include "capture/internal.h"

#include <errno.h>
#include <string.h>

#include "stallprof.skel.h"

static void on_stack(struct capture *c, const struct event_head *head)
{
	struct event_stack s;

	if (head->size < offsetof(struct event_stack, python) || head->size > sizeof(s))
		return;
	memset(&s, 0, sizeof(s));
	memcpy(&s, head, head->size);
	name_stack(c, &s);
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
		watched_refresh(c, w);
		emit_note(c, e->head.tgid, "process %u executed %s", e->head.tgid, w->process->exe);
	} else if (e->what == LIFE_FORK && c->conf.flags & PROC_FOLLOW) {
		if (watched_add(c, e->other, &why) == 0)
			emit_note(c, e->other, "process %u is a child of %u, followed", e->other,
				  e->head.tgid);
		else
			watched_never(c, e->other);
	}
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct capture *c = ctx;
	const struct event_head *head = data;

	if (size < sizeof(*head) || head->size > size)
		return 0;
	if (head->kind == EVENT_STACK)
		on_stack(c, head);
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
	if (!c->sink_error && ((c->stop && *c->stop) || now_ns() >= c->busy_until))
		return -EINTR;
	return c->sink_error;
}

int drain_open(struct capture *c, struct str *why)
{
	c->ring = ring_buffer__new(bpf_map__fd(c->skel->maps.events), on_event, c, NULL);
	if (c->ring)
		return 0;
	str_printf(why, "cannot map the ring buffer: %s", strerror(errno));
	return -errno;
}
