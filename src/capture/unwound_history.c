/* unwound_history.c: see unwound_history.h. */
#include "capture/unwound_history.h"

#include <string.h>

#define TOUCHED_MAX  64
#define USED_MAX     4096
#define CHANGES_MAX  256
#define CHANGES_KEPT 10000000000ULL /* ns: no stack stays in the ring for so long */

void history_release(struct history *h)
{
	vec_release(&h->touched);
	vec_release(&h->used);
	vec_release(&h->changes);
	h->forgotten = 0;
}

static void extend(struct touched *t, uint64_t start, uint64_t end, uint64_t ts)
{
	t->start = start < t->start ? start : t->start;
	t->end = end > t->end ? end : t->end;
	t->first = ts < t->first ? ts : t->first;
	t->last = ts > t->last ? ts : t->last;
}

/* Without room the last one grows: more is looked at than need be. */
void history_touch(struct history *h, uint64_t start, uint64_t end, uint64_t ts)
{
	for (size_t i = 0; i < h->touched.count; i++) {
		struct touched *t = &h->touched.items[i];

		if (start <= t->end && t->start <= end) {
			extend(t, start, end, ts);
			return;
		}
	}
	if (h->touched.count < TOUCHED_MAX &&
	    vec_add(&h->touched, (struct touched){ start, end, ts, ts }) == 0)
		return;
	if (h->touched.count)
		extend(&h->touched.items[h->touched.count - 1], start, end, ts);
	else
		h->forgotten = ts;
}

bool history_touched(const struct history *h, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < h->touched.count; i++)
		if (h->touched.items[i].start < end && start < h->touched.items[i].end)
			return true;
	return false;
}

/* When it happened, if it was told, else some time from `before` to `now`. */
static void change_add(struct history *h, uint64_t start, uint64_t end, uint64_t before,
		       uint64_t now)
{
	struct change c = { .start = start, .end = end, .from = UINT64_MAX, .to = 0 };

	for (size_t i = 0; i < h->touched.count; i++) {
		const struct touched *t = &h->touched.items[i];

		if (t->start >= end || start >= t->end)
			continue;
		c.from = t->first < c.from ? t->first : c.from;
		c.to = t->last > c.to ? t->last : c.to;
	}
	if (c.from > c.to) {
		c.from = before;
		c.to = now;
	}
	if (h->changes.count >= CHANGES_MAX) {
		h->forgotten = h->changes.items[0].to;
		h->changes.count--;
		memmove(h->changes.items, h->changes.items + 1,
			h->changes.count * sizeof(*h->changes.items));
	}
	if (vec_add(&h->changes, c) < 0)
		h->forgotten = now;
}

/* More than one thing was mapped there, and only the last of them is known. */
static bool missed_some(const struct history *h, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < h->touched.count; i++) {
		const struct touched *t = &h->touched.items[i];

		if (t->start < end && start < t->end && t->first < t->last)
			return true;
	}
	return false;
}

bool history_use(struct history *h, uint64_t start, uint64_t end, uint64_t offset,
		 const struct file_identity *identity, uint64_t before, uint64_t now)
{
	struct used mine = { start, end, start - offset, *identity };
	bool other = missed_some(h, start, end), again = false, known = false;

	for (size_t i = 0; i < h->used.count; i++) {
		const struct used *u = &h->used.items[i];
		bool same = u->origin == mine.origin && file_identity_same(&u->identity, identity);

		if (u->start >= end || start >= u->end)
			continue;
		other |= !same;
		again |= history_touched(h, start, end);
		known |= same && u->start <= start && end <= u->end;
	}
	/* One that has used so many cannot be remembered: it counts as one that uses them again. */
	if (!known && (h->used.count >= USED_MAX || vec_add(&h->used, mine) < 0))
		other = true;
	/* The same file once more: what was there in between is not known. */
	if (other || again)
		change_add(h, start, end, before, now);
	return other;
}

uint64_t history_first(const struct history *h)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < h->touched.count; i++)
		if (h->touched.items[i].first < first)
			first = h->touched.items[i].first;
	return first;
}

/* What was mapped after the mappings were read is still to be looked at. */
void history_settle(struct history *h, uint64_t now)
{
	size_t kept = 0, old = 0;

	for (size_t i = 0; i < h->touched.count; i++)
		if (h->touched.items[i].last >= now)
			h->touched.items[kept++] = h->touched.items[i];
	h->touched.count = kept;
	while (old < h->changes.count && h->changes.items[old].published &&
	       now > h->changes.items[old].published + CHANGES_KEPT)
		old++;
	h->changes.count -= old;
	if (old)
		memmove(h->changes.items, h->changes.items + old,
			h->changes.count * sizeof(*h->changes.items));
}

void history_published(struct history *h, uint64_t now)
{
	for (size_t i = 0; i < h->changes.count; i++)
		if (!h->changes.items[i].published)
			h->changes.items[i].published = now;
}

/* Whether the code at that address was replaced after the stack was taken; *ret_walked: or before
 * it, but the kernel side did not know. */
static bool replaced(const struct history *h, uint64_t addr, uint64_t ts, bool *ret_walked)
{
	bool after = ts < h->forgotten;

	*ret_walked = false;
	for (size_t i = 0; i < h->changes.count; i++) {
		const struct change *c = &h->changes.items[i];

		if (addr < c->start || addr >= c->end)
			continue;
		after |= ts < c->to;
		*ret_walked |= ts >= c->from && (!c->published || ts < c->published);
	}
	return after;
}

bool history_sift(const struct history *h, struct event_stack *s)
{
	bool same = true;

	for (uint16_t i = 0; i < s->n_user && i < STACK_USER_MAX; i++) {
		uint64_t word = s->user[i];
		bool exact = i == 0 || word & USER_EXACT, walked;

		if (replaced(h, USER_ADDRESS(word) - !exact, s->head.ts, &walked)) {
			s->user[i] = word & (USER_EXACT | USER_GUESSED);
			same = false;
		}
		if (walked && i + 1 < s->n_user) {
			s->n_user = i + 1;
			s->user_stop = UNWIND_STOP_MAPPING;
			return false;
		}
	}
	return same;
}
