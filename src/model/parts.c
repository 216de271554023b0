/* parts.c: the raw parts of a stall, fitted to its classes.
 *
 * The class sums of the kernel side are exact; its parts are measured (waits with their own stack),
 * weights (short waits and cpu samples, chosen by chance) or missing.  Here they become parts that
 * sum per class to the nanosecond: measured ones stay, weights share what is left, and what nobody
 * can tell becomes one part without a stack.
 */
#include "model/state.h"

#include "model/apportion.h"

/* The parts of one class on their way; index into the stall's parts. */
struct class_parts {
	size_t n;
	size_t at[STALL_PARTS_MAX];
	uint64_t weight[STALL_PARTS_MAX];
	uint64_t ns[STALL_PARTS_MAX];
};

static void pick(struct class_parts *c, const struct event_stall *e, enum stall_class klass,
		 uint8_t weight_flag, bool weights)
{
	c->n = 0;
	for (size_t i = 0; i < e->n_parts; i++) {
		const struct stall_part *p = &e->parts[i];

		if (p->klass != klass || !!(p->flags & weight_flag) != weights)
			continue;
		c->at[c->n] = i;
		/* Each sample stands for the same time, whatever period was asked for. */
		c->weight[c->n] = weights && weight_flag == PART_SAMPLED ? p->count : p->ns;
		c->n++;
	}
}

static int share(struct class_parts *c, uint64_t total, struct part *parts, uint64_t *left)
{
	int r = apportion(c->weight, c->n, total, c->ns);

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		parts[c->at[i]].dur_ns = c->ns[i];
		*left -= c->ns[i];
	}
	return r;
}

/* Fits the parts of one class; what no part accounts for is in ret_left. */
static int fit_class(const struct event_stall *e, enum stall_class klass, struct part *parts,
		     uint64_t *ret_left)
{
	uint64_t left = e->class_ns[klass], measured = 0, weights_ns;
	struct class_parts c;
	uint8_t flag = PART_SHORT;
	int r;

	for (size_t i = 0; i < e->n_parts; i++)
		if (e->parts[i].klass == klass && (e->parts[i].flags & PART_SAMPLED))
			flag = PART_SAMPLED;
	pick(&c, e, klass, flag, false);
	for (size_t i = 0; i < c.n && measured <= left; i++)
		measured = c.weight[i] > left ? UINT64_MAX : measured + c.weight[i];
	/* More than the class has: the run-queue share of a wait was taken out of it later. */
	r = share(&c, measured > left ? left : measured, parts, &left);
	if (r < 0)
		return r;
	weights_ns = left;
	if (flag == PART_SHORT) /* long waits that found no free part are not short ones */
		weights_ns -= e->dropped_ns[klass] < left ? e->dropped_ns[klass] : left;
	pick(&c, e, klass, flag, true);
	r = share(&c, weights_ns, parts, &left);
	*ret_left = left;
	return r;
}

static int part_from_raw(struct model *m, const struct event_stall *e, const struct stall_part *raw,
			 struct part *ret)
{
	struct part p = {
		.at_ns = raw->at < e->ns ? raw->at : e->ns,
		.count = raw->count ? raw->count : 1,
		.klass = raw->klass,
		.syscall = model_syscall(m, raw->syscall),
		.stack = stack_find(m, raw->stack),
		.flags = raw->flags,
	};
	int r = target_make(m, e->head.tgid, &raw->target, &p.target);

	p.episodes = raw->episodes ? raw->episodes : p.count;
	r = r < 0 ? r : owner_make(m, e->head.tgid, &raw->owner, &p.owner);
	if (r == 0 && p.klass == CLASS_LOCK && p.stack >= 0)
		r = lock_into_target(m, &m->stacks.items[p.stack], &p.target);
	if (r == 0 && p.klass == CLASS_SYSCALL && p.stack >= 0)
		r = child_into_target(m, e->head.tgid, &m->stacks.items[p.stack], &raw->owner,
				      &p.target);
	if (r < 0 || !p.syscall)
		return -ENOMEM;
	*ret = p;
	return 0;
}

static struct part part_unknown(const struct event_stall *e, enum stall_class klass, uint64_t ns)
{
	struct part p = { .dur_ns = ns, .count = 1, .klass = klass, .syscall = "", .stack = -1 };
	bool only = e->dropped_ns[klass] > 0;

	p.target = target_none;
	p.owner = (struct owner){ .name = "", .stack = -1 };
	for (int i = 0; i < CLASS_COUNT; i++)
		if (i != (int)klass && e->dropped_ns[i])
			only = false;
	/* The kernel side counts dropped waits over all classes together. */
	if (only && e->dropped)
		p.count = e->dropped;
	p.episodes = p.count;
	return p;
}

static int by_time(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	if (x->klass != y->klass)
		return x->klass < y->klass ? -1 : 1;
	if (x->dur_ns != y->dur_ns)
		return x->dur_ns > y->dur_ns ? -1 : 1;
	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	return (x->owner.tid > y->owner.tid) - (x->owner.tid < y->owner.tid);
}

/* Stalls are kept until the end, and few have a part of each class. */
static void fit_parts(struct stall *s)
{
	struct part *smaller = s->n_parts ? realloc(s->parts, s->n_parts * sizeof(*smaller)) : NULL;

	if (smaller)
		s->parts = smaller;
}

int parts_make(struct model *m, const struct event_stall *e, struct stall *s)
{
	uint64_t left;
	size_t n = 0;
	int r = 0;

	s->parts = calloc(e->n_parts + CLASS_COUNT, sizeof(*s->parts));
	if (!s->parts)
		return -ENOMEM;
	for (int i = 0; i < e->n_parts && r == 0; i++)
		r = part_from_raw(m, e, &e->parts[i], &s->parts[i]);
	s->n_parts = e->n_parts;
	for (int klass = 0; klass < CLASS_COUNT && r == 0; klass++) {
		r = fit_class(e, klass, s->parts, &left);
		if (r == 0 && left)
			s->parts[s->n_parts++] = part_unknown(e, klass, left);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n_parts; i++)
		if (s->parts[i].dur_ns)
			s->parts[n++] = s->parts[i];
	s->n_parts = n;
	if (n)
		qsort(s->parts, n, sizeof(*s->parts), by_time);
	fit_parts(s);
	return 0;
}
