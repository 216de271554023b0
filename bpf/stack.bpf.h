/* SPDX-License-Identifier: GPL-2.0 */
/* stack.bpf.h: take the stack of the current thread, know it again by its hash, send its body once.
 *
 * A capture costs a few microseconds, so every loop has a budget: at most one per CAPTURE_COST on
 * average, with bursts of CAPTURE_BURST; deep stacks cost more.  What the budget refuses is
 * flagged, never dropped from the sums.  Knows nothing of stalls.
 *
 * Functions with loops are global (__weak): the verifier then checks them once by themselves, not
 * again on every path that leads to them.
 */
#ifndef STALLPROF_STACK_BPF_H
#define STALLPROF_STACK_BPF_H

#include "budget.bpf.h"
#include "unwind.bpf.h"

#define CAPTURE_COST  100000ULL /* ns: 10,000 captures a second, about 3 % of the thread */
#define CAPTURE_BURST 64
/* Frames that CAPTURE_COST includes, and what each further one costs.  An interpreter's takes 60 to
 * 97 ns, a native one 37 to 59: half of it. */
#define CAPTURE_FRAMES 32
#define CAPTURE_FRAME  3000ULL

static __always_inline bool capture_allowed(u64 *at, u64 now)
{
	return budget_allows(at, now, CAPTURE_COST, CAPTURE_BURST);
}

/* A capture that was allowed turned out to have that many more frames. */
static __always_inline void capture_charge(u64 *at, u32 frames)
{
	*at += frames * CAPTURE_FRAME;
}

/* That stack was captured. */
static __always_inline void capture_charge_deep(u64 *at, const struct event_stack *s)
{
	u32 frames = s->n_python + s->n_user / 2;

	if (frames > CAPTURE_FRAMES)
		capture_charge(at, frames - CAPTURE_FRAMES);
}

#define HASH_SEED 0xcbf29ce484222325ULL

/* One multiply a word; the shift brings high bits, where addresses differ little, down. */
static __always_inline u64 hash_word(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

struct eight {
	u64 words[8];
};

_Static_assert(STACK_KERNEL_MAX % 8 == 0 && STACK_USER_MAX % 8 == 0 &&
		       sizeof(struct interp_frame) == 16,
	       "stacks are hashed by eight words");

/* The first n of them.  A function of its own, which the verifier follows once and not for every
 * turn of the loops that call it. */
__weak u64 hash_eight(u64 hash, const struct eight *e, u32 n)
{
	for (u32 i = 0; e && i < 8 && i < n; i++)
		hash = hash_word(hash, e->words[i]);
	return hash;
}

__weak u64 stack_hash(struct event_stack *s)
{
	u64 hash = HASH_SEED;

	if (!s)
		return 0;
	for (u32 i = 0; i < STACK_KERNEL_MAX && i < s->n_kernel; i += 8)
		hash = hash_eight(hash, (void *)&s->kernel[i], s->n_kernel - i);
	for (u32 i = 0; i < STACK_USER_MAX && i < s->n_user; i += 8)
		hash = hash_eight(hash, (void *)&s->user[i], s->n_user - i);
	for (u32 i = 0; i < STACK_PYTHON_MAX && i < s->n_python; i += 4)
		hash = hash_eight(hash, (void *)&s->python[i], 2 * (s->n_python - i));
	hash = hash_word(hash, (u64)s->head.tgid << 32 | (u32)s->user_stop << 16 | s->flags);
	hash = hash_word(hash, s->generation);
	return hash ? hash : 1;
}

/* The kernel's part; a cut part fills its array. */
static __always_inline void stack_kernel(void *ctx, struct event_stack *s)
{
	long n = bpf_get_stack(ctx, s->kernel, sizeof(s->kernel), 0);

	s->n_kernel = n > 0 ? (u64)n / 8 : 0;
	if (n < 0)
		s->flags |= STACK_KERNEL_LOST;
	else if (s->n_kernel == STACK_KERNEL_MAX)
		s->flags |= STACK_KERNEL_CUT;
}

/* Marks what the kernel took for return addresses. */
__weak int stack_guessed(struct event_stack *s)
{
	if (!s)
		return 0;
	for (int i = 1; i < STACK_USER_MAX && i < s->n_user; i++)
		s->user[i] = USER_ADDRESS(s->user[i]) | USER_GUESSED;
	return 0;
}

/* The native part as the kernel walks it, by frame pointers. */
static __always_inline void stack_by_pointer(void *ctx, struct event_stack *s)
{
	long n = bpf_get_stack(ctx, s->user, sizeof(s->user), BPF_F_USER_STACK);

	s->n_user = n > 0 ? (u64)n / 8 : 0;
	if (s->n_user == STACK_USER_MAX)
		s->flags |= STACK_USER_CUT;
	stack_guessed(s);
}

/* The frames of the current thread's interpreter, if its process has a walk plan. */
__weak int stack_interpreter(struct unwind_walk *walk, struct event_stack *s)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct proc_conf *conf = proc_of(t);
	u16 n = 0, flags = 0;

	if (!s || !conf || !conf->plan.enabled)
		return 0;
	if (!walk) {
		s->flags |= STACK_PYTHON | STACK_PYTHON_LOST;
		return 0;
	}
	walk_python(&conf->plan, BPF_CORE_READ(t, thread.fsbase), &walk->interpreter, s->python, &n,
		    &flags);
	s->n_python = n;
	s->flags |= flags;
	return 0;
}

/* The native part.  Returns the memory of the walk, NULL if there was none. */
static __always_inline struct unwind_walk *stack_native(void *ctx, struct event_stack *s)
{
	struct unwind_walk *walk = unwind_claim();

	s->user_stop = walk ? UNWIND_STOP_KERNEL : UNWIND_STOP_BUSY;
	if (!walk || !unwind_user(walk, s))
		stack_by_pointer(ctx, s);
	if (!s->n_user)
		s->flags |= STACK_USER_LOST;
	return walk;
}

/* Fills `s` with the stack of the current thread `t`; returns its hash. */
static __noinline u64 stack_take(void *ctx, struct task_struct *t, struct event_stack *s, u64 now)
{
	struct unwind_walk *walk;

	if (!s)
		return 0;
	event_head_set(&s->head, EVENT_STACK, 0, t, now);
	s->flags = 0;
	s->generation = 0;
	s->sent = 0;
	s->n_python = 0;
	stack_kernel(ctx, s);
	walk = stack_native(ctx, s);
	stack_interpreter(walk, s);
	s->hash = stack_hash(s);
	if (walk) {
		unwind_snapshot(walk, s, hash_word(s->hash, now));
		unwind_release(walk);
	}
	return s->hash;
}

/* Sends the body unless it was sent before. */
__weak int stack_send(struct event_stack *s)
{
	u64 hash;
	u64 size;
	u8 one = 1;

	if (!s)
		return 0;
	hash = s->hash;
	if (!hash || s->sent || bpf_map_lookup_elem(&bodies, &hash))
		return 0;
	size = s->n_python;
	if (size > STACK_PYTHON_MAX)
		size = STACK_PYTHON_MAX;
	size = offsetof(struct event_stack, python) + size * sizeof(struct interp_frame);
	s->head.size = size;
	if (bpf_ringbuf_output(&events, s, size, 0)) {
		lose(LOST_STACKS);
		return 0;
	}
	/* One that user space goes on with is like no other: the table has better uses. */
	s->sent = (s->flags & STACK_USER_MORE) != 0;
	if (!s->sent && bpf_map_update_elem(&bodies, &hash, &one, BPF_ANY))
		lose(LOST_BODIES);
	return 0;
}

#endif
