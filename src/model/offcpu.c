/* offcpu.c: the rows of --off-cpu, which the kernel side has already added up. */
#include "model/state.h"

#include <string.h>

#include "model/apportion.h"

int offcpu_feed(struct model *m, const struct event_offcpu *e)
{
	bool by_stack = e->key.by == OFFCPU_BY_STACK, by_thread = e->key.by == OFFCPU_BY_THREAD;
	struct offcpu_row row = {
		.by = e->key.by,
		.overflow = e->key.overflow != 0,
		.tid = by_thread ? e->key.tid : 0,
		.comm = "",
		.klass = e->key.klass,
		.syscall = model_syscall(m, e->key.syscall),
		.target = target_none,
		.stack = by_stack ? stack_find(m, e->key.stack) : -1,
		.count = e->value.count,
		.sum_ns = e->value.ns,
		.max_ns = e->value.max,
	};
	int r;

	if (m->offcpu.count >= m->items_max) {
		m->lost_items++;
		return 0;
	}
	if (!model_take_ns(m, e->value.ns)) {
		m->bad_events++;
		return 0;
	}
	memcpy(row.hist, e->value.hist, sizeof(row.hist));
	r = proc_find(m, e->key.tgid, &row.proc);
	if (r == 0 && by_stack)
		r = target_make(m, e->key.tgid, &e->target, &row.target);
	if (r == 0 && by_thread)
		row.comm = intern_printable(&m->texts, e->comm, sizeof(e->comm));
	if (r < 0 || !row.syscall || !row.comm)
		return -ENOMEM;
	row.tip = tip_text(m, row.klass, row.syscall, &row.target);
	return row.tip ? vec_add(&m->offcpu, row) : -ENOMEM;
}

static int by_kind_and_time(const void *a, const void *b)
{
	const struct offcpu_row *x = a, *y = b;

	if (x->by != y->by)
		return x->by < y->by ? -1 : 1;
	if (x->sum_ns != y->sum_ns)
		return x->sum_ns > y->sum_ns ? -1 : 1;
	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->tip, y->tip);
}

/* The rows must be of one kind: each kind is the whole time once more. */
static int round_rows(struct offcpu_row *rows, size_t n)
{
	_cleanup_free_ uint64_t *ns = calloc(n + 1, sizeof(*ns)), *us = calloc(n + 1, sizeof(*us));
	int r;

	if (!ns || !us)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ns[i] = rows[i].sum_ns;
	r = round_to_us(ns, n, us);
	for (size_t i = 0; r == 0 && i < n; i++)
		rows[i].us = us[i];
	return r;
}

int offcpu_seal(struct model *m)
{
	struct offcpu_row *rows = m->offcpu.items;
	size_t n = m->offcpu.count, to;
	int r = 0;

	if (n)
		qsort(rows, n, sizeof(*rows), by_kind_and_time);
	for (size_t from = 0; from < n && r == 0; from = to) {
		for (to = from; to < n && rows[to].by == rows[from].by; to++)
			;
		r = round_rows(rows + from, to - from);
	}
	return r;
}
