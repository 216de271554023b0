/* events.c: raw events out of chunks, checked before anyone looks at them.
 *
 * Payloads are copied to aligned memory; a fixed-size event may be longer than known (a later minor
 * version appended something) but never shorter.  What fails a check is counted and skipped.
 */
#include "model/state.h"

#include <string.h>

static int bad_event(struct model *m)
{
	m->bad_events++;
	return 0;
}

static void saw_time(struct model *m, uint64_t ts)
{
	if (ts > m->last_ts)
		m->last_ts = ts;
}

static int feed_stack(struct model *m, const void *payload, uint32_t size)
{
	const size_t fixed = offsetof(struct event_stack, python);
	struct event_stack e;

	if (size < fixed || size > sizeof(e))
		return bad_event(m);
	memset(&e, 0, sizeof(e));
	memcpy(&e, payload, size);
	if (e.hash == 0 || e.n_kernel > STACK_KERNEL_MAX || e.n_user > STACK_USER_MAX ||
	    e.n_python > STACK_PYTHON_MAX || size != fixed + e.n_python * sizeof(e.python[0]))
		return bad_event(m);
	saw_time(m, e.head.ts);
	return stacks_feed_raw(m, &e);
}

static bool part_ok(const struct stall_part *p)
{
	return p->klass < CLASS_COUNT && p->target.kind < TARGET_COUNT &&
	       p->owner.role <= OWNER_FREE;
}

/* The sum of the classes may be short of the length; then nobody knows about the rest. */
static bool complete_classes(struct event_stall *e)
{
	uint64_t left = e->ns;

	for (int i = 0; i < CLASS_COUNT; i++) {
		if (e->class_ns[i] > left)
			return false;
		left -= e->class_ns[i];
	}
	e->class_ns[CLASS_UNEXPLAINED] += left;
	return true;
}

static int feed_stall(struct model *m, const void *payload, uint32_t size)
{
	const size_t fixed = offsetof(struct event_stall, parts);
	struct event_stall e;

	if (size < fixed || size > sizeof(e))
		return bad_event(m);
	memset(&e, 0, sizeof(e));
	memcpy(&e, payload, size);
	if (e.n_parts > STALL_PARTS_MAX || size != fixed + e.n_parts * sizeof(e.parts[0]) ||
	    e.ns == 0 || e.ns > MODEL_TOTAL_MAX || e.start > UINT64_MAX - e.ns ||
	    !complete_classes(&e))
		return bad_event(m);
	for (int i = 0; i < e.n_parts; i++)
		if (!part_ok(&e.parts[i]))
			return bad_event(m);
	saw_time(m, e.start + e.ns);
	return stalls_feed(m, &e);
}

static int feed_loop(struct model *m, const void *payload, uint32_t size)
{
	struct event_loop e;

	if (size < sizeof(e))
		return bad_event(m);
	memcpy(&e, payload, sizeof(e));
	saw_time(m, e.head.ts);
	return loops_feed(m, &e);
}

static int feed_stats(struct model *m, const void *payload, uint32_t size)
{
	struct event_loop_stats e;

	if (size < sizeof(e))
		return bad_event(m);
	memcpy(&e, payload, sizeof(e));
	saw_time(m, e.last);
	return loops_feed_stats(m, &e);
}

static int feed_offcpu(struct model *m, const void *payload, uint32_t size)
{
	struct event_offcpu e;

	if (size < sizeof(e))
		return bad_event(m);
	memcpy(&e, payload, sizeof(e));
	if (e.key.klass >= CLASS_COUNT || e.target.kind >= TARGET_COUNT ||
	    e.key.by < OFFCPU_BY_STACK || e.key.by > OFFCPU_BY_THREAD)
		return bad_event(m);
	saw_time(m, e.head.ts);
	return offcpu_feed(m, &e);
}

/* What these mean for the user comes in words, or summed; here they only move the end of the
 * observation. */
static int feed_moment(struct model *m, const void *payload, uint32_t size, size_t least)
{
	struct event_head head;

	if (size < least)
		return bad_event(m);
	memcpy(&head, payload, sizeof(head));
	saw_time(m, head.ts);
	return 0;
}

static int feed_life(struct model *m, const void *payload, uint32_t size)
{
	return feed_moment(m, payload, size, sizeof(struct event_life));
}

static int feed_thread(struct model *m, const void *payload, uint32_t size)
{
	return feed_moment(m, payload, size, sizeof(struct event_thread));
}

static int feed_made(struct model *m, const void *payload, uint32_t size)
{
	return feed_moment(m, payload, size, sizeof(struct event_made));
}

int events_feed(struct model *m, const struct chunk *chunk)
{
	static int (*const feeds[])(struct model *, const void *, uint32_t) = {
		[EVENT_STACK] = feed_stack,	 [EVENT_STALL] = feed_stall,
		[EVENT_LOOP] = feed_loop,	 [EVENT_LIFE] = feed_life,
		[EVENT_LOOP_STATS] = feed_stats, [EVENT_OFFCPU] = feed_offcpu,
		[EVENT_THREAD] = feed_thread,	 [EVENT_MADE] = feed_made,
	};
	struct event_head head;

	if (chunk->len < sizeof(head))
		return bad_event(m);
	memcpy(&head, chunk->payload, sizeof(head));
	if (head.size != chunk->len)
		return bad_event(m);
	if (head.kind >= sizeof(feeds) / sizeof(feeds[0]) || !feeds[head.kind])
		return 0; /* of a later minor version */
	return feeds[head.kind](m, chunk->payload, chunk->len);
}
