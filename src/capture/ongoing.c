/* ongoing.c: the open period of a loop, read out of memory that its thread changes meanwhile.
 *
 * Also looks at a thread that was blocked before we came: the kernel side had no chance to take its
 * stack, and will have none while it sleeps.
 */
#include "capture/internal.h"

#include <string.h>

#include "runtime/walk_host.h"

/* Instruction pointer of a blocked thread: the last word of /proc/PID/task/TID/syscall. */
static uint64_t blocked_ip(const struct event_head *thread)
{
	cleanup(str_releasep) struct str text = { 0 };
	char path[64];
	const char *last;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/syscall", thread->tgid, thread->tid);
	if (file_read(path, 512, &text) < 0)
		return 0;
	last = strrchr(str_text(&text), ' ');
	return last ? strtoull(last, NULL, 16) : 0;
}

/* The stack of a thread that is blocked, read from outside: native leaf and interpreter frames.
 * The caller checks that it slept all the while. */
static void snapshot_take(struct capture *c, const struct loop_state *l, struct event_stack *ret)
{
	struct watched *w = watched_find(c, l->stats.head.tgid);
	const uint32_t tgid = l->stats.head.tgid;
	uint16_t flags = 0;

	memset(ret, 0, sizeof(*ret));
	ret->head = l->stats.head;
	ret->head.kind = EVENT_STACK;
	ret->user[0] = blocked_ip(&ret->head);
	ret->n_user = ret->user[0] ? 1 : 0;
	if (w && !w->gone_at && resolver_plan(w->resolver)->enabled)
		ret->n_python = walk_host(w->process, resolver_plan(w->resolver), l->thread_pointer,
					  ret->python, &flags);
	ret->flags = flags | STACK_KERNEL_LOST;
	ret->hash = hash_bytes(hash_bytes(HASH_START, ret->user, sizeof(ret->user[0])), ret->python,
			       ret->n_python * sizeof(ret->python[0]));
	/* Processes made by fork have the same addresses. */
	ret->hash = hash_bytes(ret->hash, &tgid, sizeof(tgid)) | 1;
}

/* The stack of the GIL's holder, whose body the kernel side keeps until the wait is over. */
static void name_holder(struct capture *c, const struct event_head *thread,
			const struct wait_owner *owner, const struct gil_holder *holder)
{
	struct event_stack stack;

	if (owner->role != OWNER_HOLDER || !owner->stack || holder->n_frames > HOLDER_FRAMES_MAX)
		return;
	memset(&stack, 0, offsetof(struct event_stack, python));
	stack.head = *thread;
	stack.head.kind = EVENT_STACK;
	stack.head.tid = owner->tid;
	stack.hash = owner->stack;
	stack.n_python = (uint16_t)holder->n_frames;
	stack.flags = (uint16_t)holder->flags;
	memcpy(stack.python, holder->frames, holder->n_frames * sizeof(holder->frames[0]));
	name_stack(c, &stack);
}

/* The wait going on as one more part; `counted`: it goes on one that is in a part already. */
static void ongoing_part(struct event_stall *e, const struct stall_part *pending, bool counted,
			 uint64_t at, uint64_t ns)
{
	struct stall_part *p;

	if (pending->klass >= CLASS_COUNT)
		return;
	e->class_ns[pending->klass] += ns;
	if (e->n_parts >= STALL_PARTS_MAX) {
		e->dropped++;
		e->dropped_ns[pending->klass] += ns;
		return;
	}
	p = &e->parts[e->n_parts++];
	*p = *pending;
	p->at = at;
	p->ns = p->max = ns;
	p->count = 1;
	p->episodes = counted ? 0 : 1;
	p->flags = (p->flags & PART_NO_STACK) | PART_OPEN;
}

/* Copies the open period of a loop out of memory that its thread changes.  False when it moved on
 * meanwhile. */
bool ongoing_copy(struct capture *c, uint32_t loop, uint64_t now)
{
	volatile const struct loop_state *l = &c->loops[loop];
	struct event_stall *e = c->scratch;
	struct stall_part pending;
	struct event_stack stack;
	struct gil_holder holder;
	uint64_t start = l->stall.start, since = l->off_since, off = 0;

	memcpy(e, (const void *)&l->stall, sizeof(*e));
	memcpy(&pending, (const void *)&l->pending, sizeof(pending));
	memcpy(&stack, (const void *)&l->stack, sizeof(stack));
	memcpy(&holder, (const void *)&l->holder, sizeof(holder));
	if (since && !pending.stack && e->flags & STALL_CLIPPED && !e->n_parts) {
		snapshot_take(c, (const void *)l, &stack);
		pending.stack = c->slots[loop].snapshot = stack.hash;
	}
	__sync_synchronize();
	if (l->stall.start != start || l->off_since != since || !start ||
	    e->n_parts > STALL_PARTS_MAX)
		return false;
	if (since && now > since) {
		if (pending.stack == stack.hash && stack.n_python <= STACK_PYTHON_MAX) {
			unwind_rehash(c, &stack);
			pending.stack = stack.hash;
			name_stack(c, &stack);
		}
		name_holder(c, &e->head, &pending.owner, &holder);
		ongoing_part(e, &pending, pending.klass == CLASS_GIL && l->gil_counted,
			     since - start, now - since);
	}
	for (int i = CLASS_RUNQUEUE; i < CLASS_COUNT; i++)
		off += e->class_ns[i];
	e->ns = now - start;
	if (off > e->ns)
		return false;
	e->class_ns[CLASS_CPU] = e->ns - off;
	e->flags |= STALL_ONGOING;
	e->head.kind = EVENT_STALL;
	e->head.ts = now;
	e->head.tgid = l->stats.head.tgid;
	e->head.tid = l->stats.head.tid;
	e->head.size = offsetof(struct event_stall, parts) + e->n_parts * sizeof(e->parts[0]);
	return true;
}
