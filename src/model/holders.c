/* holders.c: which threads a stall waited for.
 *
 * Sums, per thread, the waits in which it was seen to hold the GIL, or after which it was seen to
 * release the lock, of memory or of a file.  What nobody was seen to hold stays with nobody, so
 * that the shares need not reach the whole.
 */
#include "model/state.h"

#include <string.h>

/* Threads that make a convoy, at least. */
#define CONVOY_THREADS 3

/* A file that this kernel locks by itself: on others' the answer of a server ends the wait. */
static bool is_file_lock(const struct model *m, const struct part *p)
{
	static const char *const waits[] = { "locks_lock_inode_wait", "flock_lock_inode_wait",
					     "do_lock_file_wait", "fcntl_setlk" };
	const struct stack *stack = p->stack < 0 ? NULL : &m->stacks.items[p->stack];

	if (!stack || (strcmp(p->syscall, "flock") != 0 && strcmp(p->syscall, "fcntl") != 0))
		return false;
	for (size_t i = 0; i < stack->n_frames; i++) {
		const char *fn = stack->frames[i].fn;

		if (strcmp(fn, "__schedule") == 0 || strcmp(fn, "schedule") == 0)
			continue;
		for (size_t k = 0; k < sizeof(waits) / sizeof(waits[0]); k++)
			if (strcmp(fn, waits[k]) == 0)
				return true;
		return false;
	}
	return false;
}

/* Who let go of a futex in another process says nothing about locks of this one. */
static bool is_holder(const struct model *m, const struct part *p)
{
	const struct owner *o = &p->owner;

	if (o->tid == 0)
		return false;
	if (p->klass == CLASS_GIL)
		return o->role == OWNER_HOLDER;
	if (o->role != OWNER_WAKER)
		return false;
	return p->klass == CLASS_LOCK ? !o->pid : p->klass == CLASS_SYSCALL && is_file_lock(m, p);
}

static bool same_holder(const struct holder *h, const struct part *p)
{
	return h->klass == p->klass && h->owner.tid == p->owner.tid;
}

/* The stack under which that thread was seen for longest; -1: none was taken. */
static int heaviest_stack(const struct model *m, const struct stall *s, const struct holder *h)
{
	uint64_t best_ns = 0;
	int best = -1;

	for (size_t i = 0; i < s->n_parts; i++) {
		const struct part *p = &s->parts[i];
		uint64_t ns = 0;

		if (!is_holder(m, p) || !same_holder(h, p) || p->owner.stack < 0)
			continue;
		for (size_t k = i; k < s->n_parts; k++)
			if (is_holder(m, &s->parts[k]) && same_holder(h, &s->parts[k]) &&
			    s->parts[k].owner.stack == p->owner.stack)
				ns += s->parts[k].dur_ns;
		if (ns > best_ns) {
			best_ns = ns;
			best = p->owner.stack;
		}
	}
	return best;
}

static void sum_holders(const struct model *m, struct stall *s)
{
	size_t k;

	for (size_t i = 0; i < s->n_parts; i++) {
		const struct part *p = &s->parts[i];

		if (!is_holder(m, p))
			continue;
		for (k = 0; k < s->n_holders && !same_holder(&s->holders[k], p); k++)
			;
		if (k == s->n_holders) {
			s->holders[k] = (struct holder){ .owner = p->owner, .klass = p->klass };
			s->n_holders++;
		}
		s->holders[k].ns += p->dur_ns;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	if (x->klass != y->klass)
		return x->klass < y->klass ? -1 : 1;
	return (x->owner.tid > y->owner.tid) - (x->owner.tid < y->owner.tid);
}

/* Three threads that pass the GIL around: no single one is to blame, none had it for half of the
 * wait that a holder was seen in.  Where most of the wait has none, nobody can tell. */
static bool is_convoy(const struct stall *s)
{
	uint64_t gil = s->ns[CLASS_GIL], most = 0, seen = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->n_holders; i++) {
		const struct holder *h = &s->holders[i];

		if (h->klass != CLASS_GIL)
			continue;
		n++;
		seen += h->ns;
		most = h->ns > most ? h->ns : most;
	}
	return s->why.klass == CLASS_GIL && n >= CONVOY_THREADS && most < seen - most &&
	       seen >= gil - seen;
}

void holders_place(const struct model *m, struct stall *s)
{
	for (size_t i = 0; i < s->n_holders; i++) {
		struct holder *h = &s->holders[i];

		if (h->owner.stack < 0)
			continue;
		h->at = user_frame(&m->stacks.items[h->owner.stack]);
		h->leaf = script_leaf(&m->stacks.items[h->owner.stack]);
	}
}

int holders_make(struct model *m, struct stall *s)
{
	s->holders = calloc(s->n_parts + 1, sizeof(*s->holders));
	if (!s->holders)
		return -ENOMEM;
	sum_holders(m, s);
	for (size_t i = 0; i < s->n_holders; i++) {
		struct holder *h = &s->holders[i];

		h->share = (double)h->ns / s->ns[h->klass];
		h->owner.stack = heaviest_stack(m, s, h);
	}
	holders_place(m, s);
	if (s->n_holders)
		qsort(s->holders, s->n_holders, sizeof(*s->holders), by_time);
	s->convoy = is_convoy(s);
	return 0;
}

static void name_owner(const struct model *m, const struct stall *s, struct owner *o)
{
	uint32_t pid = o->pid ? o->pid : m->procs.items[s->proc].pid;
	const char *name = o->tid ? thread_name(m, pid, o->tid) : "";

	if (*name)
		o->name = name;
}

void holders_seal(const struct model *m, struct stall *s)
{
	for (size_t i = 0; i < s->n_parts; i++)
		name_owner(m, s, &s->parts[i].owner);
	for (size_t i = 0; i < s->n_holders; i++)
		name_owner(m, s, &s->holders[i].owner);
}
