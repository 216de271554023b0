/* loops.c: the loops that the kernel side found: confirm, report while a stall lasts, sum
 * up.
 *
 * The kernel side only knows that a thread came back to the same poll; judge.c decides what that
 * is.
 */
#include "capture/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "stallprof.skel.h"

int loops_open(struct capture *c)
{
	struct bpf_map *map = c->skel->maps.loops;
	long page = sysconf(_SC_PAGESIZE);
	void *p;

	c->n_loops = bpf_map__max_entries(map);
	c->slots = calloc(c->n_loops, sizeof(*c->slots));
	c->scratch = calloc(1, sizeof(*c->scratch));
	if (!c->slots || !c->scratch)
		return -ENOMEM;
	/* The kernel rounds an element up to 8 bytes and the whole up to pages. */
	c->loops_bytes = (sizeof(struct loop_state) * c->n_loops + page - 1) / page * page;
	p = mmap(NULL, c->loops_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (p == MAP_FAILED)
		return -errno;
	c->loops = p;
	return 0;
}

/* How long a thread that was there before us may stay away from any poll until we stop looking. */
#define SEEDED_WAIT (10 * NSEC_PER_SEC)

static void emit_kind(struct capture *c, const struct slot *s, const char *kind, uint32_t verdict)
{
	str_clear(&c->payload);
	chunk_put_u32(&c->payload, s->id);
	chunk_put_str(&c->payload, kind);
	chunk_put_u32(&c->payload, verdict);
	emit_payload(c, CHUNK_LOOP_KIND);
}

static void slot_clear(struct slot *s)
{
	sample_stop(s);
	str_release(&s->clipped);
	memset(s, 0, sizeof(*s));
}

static void emit_stall(struct capture *c, struct slot *s, const struct event_stall *e)
{
	struct event_stall *copy = c->scratch;

	if (e != copy)
		memcpy(copy, e, e->head.size);
	copy->loop = s->id;
	name_targets(c, copy);
	emit_event(c, &copy->head);
}

/* A wait that began before we came has the stack that was read from outside. */
static void clipped_complete(const struct slot *s, struct event_stall *e)
{
	for (int i = 0; i < e->n_parts; i++) {
		struct stall_part *p = &e->parts[i];

		if (!p->at && !p->stack && s->snapshot) {
			p->stack = s->snapshot;
			p->flags &= ~PART_NO_STACK;
			return;
		}
	}
}

static void clipped_deliver(struct capture *c, struct slot *s)
{
	if (s->clipped.len) {
		struct event_stall *e = (void *)s->clipped.text;

		clipped_complete(s, e);
		if (judge_stall(c, s, e))
			emit_stall(c, s, e);
	}
	str_release(&s->clipped);
}

void loop_announced(struct capture *c, const struct event_loop *e)
{
	struct watched *w = watched_find(c, e->head.tgid);
	struct event_loop copy = *e;
	const char *kind, *native;
	bool confirmed;
	struct slot *s;

	if (e->loop >= c->n_loops || !w)
		return;
	s = &c->slots[e->loop];
	if (c->loops_seen <= e->loop)
		c->loops_seen = e->loop + 1;
	if (!s->id)
		s->id = ++c->last_id;
	s->tid = e->head.tid;
	s->tgid = e->head.tgid;
	kind = stack_loop_kind(c, e->stack);
	native = stack_native_loop(c, e->stack);
	s->runtime_loop = kind;
	s->native_loop = native;
	s->native_told = native || stack_walked(c, e->stack);
	confirmed = judge_loop(c, w, e);
	copy.loop = s->id;
	emit_event(c, &copy.head);
	kind = kind ? kind : native ? native : judge_program(w);
	emit_kind(c, s, kind, confirmed ? 1 : 2);
	if (!confirmed) {
		c->loops[e->loop].verdict = VERDICT_REJECTED;
		slot_clear(s);
		return;
	}
	clipped_deliver(c, s);
}

/* A loop that was announced before its runtime could be asked shows in a later stack what it is. */
static void kind_learn(struct capture *c, struct slot *s, const struct event_stall *e)
{
	const char *kind = NULL, *native = NULL;

	if (!s->id || s->runtime_loop)
		return;
	for (int i = 0; i < e->n_parts && !kind; i++) {
		kind = stack_loop_kind(c, e->parts[i].stack);
		if (!native)
			native = stack_native_loop(c, e->parts[i].stack);
	}
	if (!kind && (!native || s->native_told))
		return;
	s->runtime_loop = kind;
	s->native_loop = native;
	s->native_told = true;
	emit_kind(c, s, kind ? kind : native, 1);
}

void loop_stalled(struct capture *c, const struct event_stall *event)
{
	struct event_stall *e = c->scratch;
	struct slot *s;

	if (event->loop >= c->n_loops || event->n_parts > STALL_PARTS_MAX ||
	    event->head.size > sizeof(*e))
		return;
	memcpy(e, event, event->head.size);
	s = &c->slots[e->loop];
	if (e->flags & STALL_CLIPPED)
		clipped_complete(s, e);
	kind_learn(c, s, e);
	if (!s->id) {
		str_clear(&s->clipped);
		str_add_mem(&s->clipped, e, e->head.size);
	} else if (judge_stall(c, s, e)) {
		emit_stall(c, s, e);
	}
}

/* At the threshold, then at every doubling of a second. */
static uint64_t report_after(uint64_t length)
{
	uint64_t next = NSEC_PER_SEC;

	while (next <= length)
		next *= 2;
	return next;
}

static void loop_scan(struct capture *c, uint32_t i, uint64_t now)
{
	struct loop_state *l = &c->loops[i];
	struct slot *s = &c->slots[i];
	uint64_t start = l->stall.start, length = now - start;

	if (!start || now < start || length < l->stall.threshold || l->flags & LOOP_IN_POLL)
		return;
	if (s->reported != start) {
		s->reported = start;
		s->next_report = 0;
	}
	if (length < s->next_report || !ongoing_copy(c, i, now))
		return;
	if (!judge_shown(c, s, c->scratch))
		return;
	emit_stall(c, s, c->scratch);
	s->next_report = report_after(length);
}

/* A thread that was there when we came and has not been back at any poll since: it is a loop if
 * what it does shows one. */
static void seeded_scan(struct capture *c, uint32_t i, uint64_t now)
{
	struct loop_state *l = &c->loops[i];
	struct slot *s = &c->slots[i];
	uint64_t start = l->stall.start, length = now - start;
	struct event_loop e;

	if (!(l->flags & LOOP_SEEDED) || !start || now < start || s->given_up)
		return;
	if (l->stats.head.tid == l->stats.head.tgid)
		sample_scan(c, i, now);
	if (length < l->stall.threshold)
		return;
	if (length > SEEDED_WAIT + 4 * l->stall.threshold) {
		s->given_up = true;
		sample_stop(s);
		return;
	}
	if (!ongoing_copy(c, i, now) || !judge_seeded(c, c->scratch))
		return;
	e = (struct event_loop){ .head = l->stats.head, .loop = i, .fd = -1, .syscall = -1 };
	e.head.kind = EVENT_LOOP;
	e.head.size = sizeof(e);
	memcpy(e.comm, l->stats.comm, sizeof(e.comm));
	e.stack = s->snapshot;
	for (int part = 0; part < c->scratch->n_parts && !stack_loop_kind(c, e.stack); part++)
		e.stack = c->scratch->parts[part].stack;
	loop_announced(c, &e);
}

static void loop_sum(struct capture *c, uint32_t i, uint64_t now)
{
	struct event_loop_stats stats = c->loops[i].stats;
	const struct loop_state *l = &c->loops[i];

	stats.loop = c->slots[i].id;
	if (!(l->flags & LOOP_EXITED)) {
		if (l->flags & LOOP_IN_POLL && now > l->poll_since)
			stats.poll_ns += now - l->poll_since;
		else if (l->stall.start && now > l->stall.start)
			stats.busy_ns += now - l->stall.start;
		stats.last = now;
	}
	judge_correct(&c->slots[i], &stats);
	stats.head.kind = EVENT_LOOP_STATS;
	stats.head.size = sizeof(stats);
	stats.head.ts = now;
	emit_event(c, &stats.head);
}

/* How many elements can be in use.  Looking at all of them costs a page of address translation
 * each, 80 times a second: 0.4 % of a core that the target may need. */
static uint32_t loops_used(const struct capture *c)
{
	uint32_t high = c->skel->bss->loops_high;

	high = high > c->loops_seen ? high : c->loops_seen;
	return high < c->n_loops ? high : c->n_loops;
}

bool loop_polling(const struct capture *c, uint32_t *i, uint32_t tgid, uint32_t *ret_tid)
{
	for (uint32_t n = loops_used(c); *i < n; ++*i) {
		const struct loop_state *l = &c->loops[*i];

		if (!l->used || !c->slots[*i].id || !(l->flags & LOOP_IN_POLL) ||
		    l->stats.head.tgid != tgid)
			continue;
		*ret_tid = l->stats.head.tid;
		return true;
	}
	return false;
}

uint64_t loop_last_poll(const struct capture *c, uint32_t tid)
{
	for (uint32_t i = 0, n = loops_used(c); i < n; i++)
		if (c->loops[i].used && c->loops[i].stats.head.tid == tid)
			return c->loops[i].stats.last;
	return 0;
}

void loops_scan(struct capture *c, uint64_t now)
{
	for (uint32_t i = 0, n = loops_used(c); i < n; i++) {
		struct loop_state *l = &c->loops[i];

		if (!l->used)
			continue;
		if (l->flags & LOOP_EXITED) {
			/* What it sent before it ended is still to be told as this loop's. */
			if (drain_take(c) < 0)
				continue;
			if (c->slots[i].id)
				loop_sum(c, i, now);
			loop_over(c, l->stats.head.tgid, l->stats.head.tid, l->stats.last);
			slot_clear(&c->slots[i]);
			/* `used` last: from then on the kernel side may take it. */
			memset((char *)l + sizeof(l->used), 0, sizeof(*l) - sizeof(l->used));
			__sync_synchronize();
			l->used = 0;
		} else if (c->slots[i].id) {
			sample_scan(c, i, now);
			depth_scan(c, i, now);
			loop_scan(c, i, now);
		} else {
			seeded_scan(c, i, now);
		}
	}
}

void loops_finish(struct capture *c, uint64_t now)
{
	for (uint32_t i = 0, n = loops_used(c); i < n; i++) {
		struct loop_state *l = &c->loops[i];

		if (!l->used || !c->slots[i].id)
			continue;
		c->slots[i].next_report = 0;
		if (!(l->flags & LOOP_EXITED))
			loop_scan(c, i, now);
		loop_sum(c, i, now);
	}
}

void loops_close(struct capture *c)
{
	for (uint32_t i = 0; c->slots && i < c->n_loops; i++)
		slot_clear(&c->slots[i]);
	free(c->slots);
	free(c->scratch);
	if (c->loops)
		munmap(c->loops, c->loops_bytes);
}
