/* SPDX-License-Identifier: GPL-2.0 */
/* part.bpf.h: the parts of a busy period: which waits are shown as one, and what happens when there
 * are too many kinds of them.  Knows neither switches nor how a wait was captured.
 */
#ifndef STALLPROF_PART_BPF_H
#define STALLPROF_PART_BPF_H

#include "maps.bpf.h"

/* 0 for two waits that may be shown as one part, as far as the thread itself goes.  Asked times
 * differ from call to call and do not count.  Without branches, which the verifier would follow
 * each for every part. */
static __always_inline u64 part_unlike(const struct stall_part *a, const struct stall_part *b)
{
	return (a->stack ^ b->stack) | (a->target.ino ^ b->target.ino) |
	       (u32)(a->klass ^ b->klass) | (u32)(a->syscall ^ b->syscall) |
	       (u32)(a->flags ^ b->flags) | (u32)(a->target.kind ^ b->target.kind) |
	       (u32)(a->target.fd ^ b->target.fd) | (a->target.pid ^ b->target.pid);
}

static __always_inline u64 owner_unlike(const struct wait_owner *a, const struct wait_owner *b)
{
	return (u32)(a->role ^ b->role) | (a->tid ^ b->tid);
}

/* Who has a lock is why it was waited for.  Who writes into a pipe or ends is not: of those the
 * last one stays. */
static __always_inline bool part_owned(const struct stall_part *p)
{
	return p->klass == CLASS_GIL || p->klass == CLASS_LOCK;
}

/* Index of the smallest part.  The comparison goes through memory: in registers the verifier would
 * follow every order of lengths, 330,000 instructions instead of 3,000. */
static __always_inline u32 part_smallest(struct loop_state *l)
{
	l->smallest = 0;
	for (u32 i = 1; i < STALL_PARTS_MAX; i++)
		if (l->stall.parts[i].ns < l->stall.parts[l->smallest & (STALL_PARTS_MAX - 1)].ns)
			l->smallest = i;
	return l->smallest & (STALL_PARTS_MAX - 1);
}

/* Index of a part that differs from l->pending only in the stack of its owner, STALL_PARTS_MAX if
 * there is none: one without such a stack, else the last. */
__weak int part_near(struct loop_state *l)
{
	struct stall_part *p;

	if (!l)
		return STALL_PARTS_MAX;
	l->smallest = STALL_PARTS_MAX;
	for (u32 i = 0; i < STALL_PARTS_MAX; i++) {
		p = &l->stall.parts[i];
		if (part_unlike(p, &l->pending) | owner_unlike(&p->owner, &l->pending.owner))
			continue;
		l->smallest = i;
		if (!p->owner.stack)
			break;
	}
	return l->smallest;
}

/* One more wait of the part.  Slices of one wait for the GIL are one episode, counted where the
 * first of them went. */
static __always_inline void part_count(struct loop_state *l, struct stall_part *p, u64 ns)
{
	p->ns += ns;
	p->count++;
	if (ns > p->max)
		p->max = ns;
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
	struct stall_part *p;
	u64 owned;

	if (!l)
		return STALL_PARTS_MAX;
	owned = part_owned(&l->pending) ? ~0ULL : 0;
	for (u32 i = 0; i < STALL_PARTS_MAX; i++) {
		if (i >= l->stall.n_parts)
			break;
		p = &l->stall.parts[i];
		if (!(part_unlike(p, &l->pending) |
		      (owned & (owner_unlike(&p->owner, &l->pending.owner) |
				(p->owner.stack ^ l->pending.owner.stack)))))
			return i;
	}
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
