/* SPDX-License-Identifier: GPL-2.0 */
/* part.bpf.h: the parts of a busy period: which waits are shown as one, and what happens when there
 * are too many kinds of them.  Knows neither switches nor how a wait was captured.
 */
#ifndef STALLPROF_PART_BPF_H
#define STALLPROF_PART_BPF_H

#include "maps.bpf.h"

/* Who has a lock is why it was waited for.  Who writes into a pipe or ends is not: of those the
 * last one stays. */
static __always_inline bool part_owned(const struct stall_part *p)
{
	return p->klass == CLASS_GIL || p->klass == CLASS_LOCK;
}

enum part_likeness {
	PART_OTHER = 0,
	PART_NEAR = 1, /* all but the stack of the owner */
	PART_SAME = 2,
};

/* How like is l->pending to that part?  Asked times differ from call to call and do not count.  A
 * function of its own, without branches: inlined, the verifier would follow all of them for every
 * part. */
__weak int part_like(struct loop_state *l, u32 at)
{
	struct stall_part *a, *b;
	u64 unlike;

	if (!l)
		return PART_OTHER;
	a = &l->pending;
	b = &l->stall.parts[at & (STALL_PARTS_MAX - 1)];
	unlike = (a->stack ^ b->stack) | (a->target.ino ^ b->target.ino) |
		 (u32)(a->klass ^ b->klass) | (u32)(a->syscall ^ b->syscall) |
		 (u32)(a->flags ^ b->flags) | (u32)(a->target.kind ^ b->target.kind) |
		 (u32)(a->target.fd ^ b->target.fd) | (a->target.pid ^ b->target.pid);
	if (unlike)
		return PART_OTHER;
	if (!part_owned(a))
		return PART_SAME;
	if ((u32)(a->owner.role ^ b->owner.role) | (a->owner.tid ^ b->owner.tid))
		return PART_OTHER;
	return a->owner.stack == b->owner.stack ? PART_SAME : PART_NEAR;
}

/* Keeps in l->smallest the smaller of that part and this.  The comparison goes through memory and a
 * function of its own: else the verifier would follow every order of lengths, 330,000 instructions
 * instead of 500. */
__weak int part_compare(struct loop_state *l, u32 at)
{
	const struct stall_part *parts;

	if (!l)
		return 0;
	parts = l->stall.parts;
	if (parts[at & (STALL_PARTS_MAX - 1)].ns < parts[l->smallest & (STALL_PARTS_MAX - 1)].ns)
		l->smallest = at;
	return 0;
}

/* Index of the smallest part. */
static __always_inline u32 part_smallest(struct loop_state *l)
{
	l->smallest = 0;
	for (u32 i = 1; i < STALL_PARTS_MAX; i++)
		part_compare(l, i);
	return l->smallest & (STALL_PARTS_MAX - 1);
}

/* Index of a part that differs from l->pending only in the stack of its owner, STALL_PARTS_MAX if
 * there is none: one without such a stack, else the smallest. */
__weak int part_near(struct loop_state *l)
{
	volatile u32 *best;
	u32 i;

	if (!l)
		return STALL_PARTS_MAX;
	best = &l->smallest;
	*best = STALL_PARTS_MAX;
	for (i = 0; i < STALL_PARTS_MAX; i++) {
		if (part_like(l, i) != PART_NEAR)
			continue;
		if (!l->stall.parts[i].owner.stack)
			return i;
		if (*best == STALL_PARTS_MAX ||
		    l->stall.parts[i].ns < l->stall.parts[*best & (STALL_PARTS_MAX - 1)].ns)
			*best = i;
	}
	return *best;
}

/* One more wait of the part.  Slices of one wait for the GIL are one episode, counted where the
 * first of them went. */
static __always_inline void part_count(struct loop_state *l, struct stall_part *p, u64 ns)
{
	p->ns += ns;
	p->count++;
	if (ns > p->max) {
		p->max = ns;
		/* of sleeps that grow, as those of a locked SQLite, the first says nothing */
		p->target.value = l->pending.target.value;
	}
	if (p->klass != CLASS_GIL || !l->gil_counted)
		p->episodes++;
	if (p->klass == CLASS_GIL)
		l->gil_counted = 1;
}

static __always_inline void part_drop(struct loop_state *l, u8 class, u64 ns)
{
	l->stall.dropped++;
	if (class < CLASS_COUNT)
		l->stall.dropped_ns[class] += ns;
}

/* Index of the part that l->pending is one more wait of, STALL_PARTS_MAX if there is none. */
__weak int part_find(struct loop_state *l)
{
	if (!l)
		return STALL_PARTS_MAX;
	for (u32 i = 0; i < STALL_PARTS_MAX && i < l->stall.n_parts; i++)
		if (part_like(l, i) == PART_SAME)
			return i;
	return STALL_PARTS_MAX;
}

/* The same; the next best when all parts are taken.  A part that two owners' stacks fell into has
 * none. */
static __always_inline u32 part_choose(struct loop_state *l)
{
	u32 at = part_find(l);

	if (at < STALL_PARTS_MAX) {
		if (!part_owned(&l->pending) && l->pending.owner.role)
			l->stall.parts[at].owner = l->pending.owner;
		return at;
	}
	if (l->stall.n_parts < STALL_PARTS_MAX || !part_owned(&l->pending))
		return STALL_PARTS_MAX;
	at = part_near(l);
	if (at < STALL_PARTS_MAX)
		l->stall.parts[at].owner.stack = 0;
	return at;
}

/* Index of a part to write l->pending into, STALL_PARTS_MAX if every one is larger. */
static __always_inline u32 part_take(struct loop_state *l, u64 ns)
{
	struct stall_part *p;
	u32 at = l->stall.n_parts;

	if (at < STALL_PARTS_MAX) {
		l->stall.n_parts = at + 1;
		return at;
	}
	at = part_smallest(l);
	p = &l->stall.parts[at];
	if (ns <= p->ns) {
		part_drop(l, l->pending.klass, ns);
		return STALL_PARTS_MAX;
	}
	part_drop(l, p->klass, p->ns);
	return at;
}

/* Adds l->pending, of length ns, to the parts of the period; returns its index, -1 if it was
 * dropped.  When all parts are taken the smallest makes room, and its time stays in the class. */
__weak int part_add(struct loop_state *l, u64 ns)
{
	struct stall_part *p;
	u32 at;

	if (!l)
		return -1;
	at = part_choose(l);
	if (at >= STALL_PARTS_MAX) {
		at = part_take(l, ns);
		if (at >= STALL_PARTS_MAX)
			return -1;
		p = &l->stall.parts[at];
		__builtin_memcpy(p, &l->pending, sizeof(*p));
		p->ns = 0;
		p->max = 0;
		p->count = 0;
		p->episodes = 0;
	}
	part_count(l, &l->stall.parts[at], ns);
	return at;
}

#endif
