/* tally.c: sums over many stalls: the rows of the summary and the samples of the flame graph.
 *
 * Samples are added up as stalls come, so that a stall over the limit is in every sum; rows too, of
 * such a stall, and of others when the profile is sealed, because lines of code may come later than
 * the stall.  Kept per loop until sealing, because a loop may turn out to be none.
 */
#include "model/state.h"

#include <string.h>

#include "model/apportion.h"

static void add_to_row(struct row_node *node, const struct stall *s, const struct stall_rec *kept)
{
	struct row *row = &node->row;

	row->count++;
	row->sum_ns += s->dur_ns;
	if (s->dur_ns > row->max_ns) {
		row->max_ns = s->dur_ns;
		row->why = s->why;
		row->at = s->at;
		row->leaf = s->leaf;
	}
	if (kept && (!node->longest || s->dur_ns > node->longest->s.dur_ns))
		node->longest = kept;
}

/* Native code that ran was at another line in each stall, and its function says as much; where it
 * waited, the line tells two calls apart. */
static uint32_t line_of_row(const struct stall *s)
{
	if (!s->at || (s->at->kind == FRAME_NATIVE &&
		       (s->why.klass == CLASS_CPU || s->why.klass == CLASS_RUNQUEUE)))
		return 0;
	return s->at->line;
}

int tally_row(struct model *m, const struct stall *s, const struct stall_rec *kept)
{
	struct row_node *node, probe;

	memset(&probe, 0, sizeof(probe)); /* padding too: the key is compared as bytes */
	probe.key.loop = s->loop;
	probe.key.fn = intern_text(&m->texts, s->at ? s->at->fn : "");
	probe.key.file = intern_text(&m->texts, s->at ? s->at->file : "");
	probe.key.line = line_of_row(s);
	probe.key.target = intern_text(&m->texts, s->why.target.group);
	strcpy(probe.key.key, s->key);
	if (!probe.key.fn || !probe.key.file || !probe.key.target)
		return -ENOMEM;
	map_find(m->row_nodes, &probe.key, node);
	if (!node) {
		node = arena_alloc(&m->texts.arena, sizeof(*node));
		if (!node)
			return -ENOMEM;
		memcpy(&node->key, &probe.key, sizeof(node->key));
		node->row.key = intern_text(&m->texts, s->key);
		if (!node->row.key || map_add(m->row_nodes, key, node) < 0)
			return -ENOMEM;
	}
	add_to_row(node, s, kept);
	return 0;
}

static int tally_part(struct model *m, int loop, const struct part *p)
{
	struct sample_node *node, probe;

	memset(&probe, 0, sizeof(probe));
	probe.key.loop = loop;
	probe.key.stack = p->stack;
	probe.key.klass = p->klass;
	probe.key.tip = tip_text(m, p->klass, p->syscall, &p->target);
	if (!probe.key.tip)
		return -ENOMEM;
	map_find(m->sample_nodes, &probe.key, node);
	if (!node) {
		node = arena_alloc(&m->texts.arena, sizeof(*node));
		if (!node)
			return -ENOMEM;
		memcpy(&node->key, &probe.key, sizeof(node->key));
		if (map_add(m->sample_nodes, key, node) < 0)
			return -ENOMEM;
	}
	node->ns += p->dur_ns;
	return 0;
}

int tally_parts(struct model *m, const struct stall *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_parts; i++)
		r = tally_part(m, s->loop, &s->parts[i]);
	return r;
}

static int by_place(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	if (x->klass != y->klass)
		return x->klass < y->klass ? -1 : 1;
	return strcmp(x->tip, y->tip);
}

static int by_weight(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return by_place(a, b);
}

static int round_samples(struct model *m)
{
	size_t n = m->samples.count;
	_cleanup_free_ uint64_t *ns = calloc(n + 1, sizeof(*ns)), *us = calloc(n + 1, sizeof(*us));
	int r;

	if (!ns || !us)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ns[i] = m->samples.items[i].ns;
	r = round_to_us(ns, n, us);
	for (size_t i = 0; r == 0 && i < n; i++)
		m->samples.items[i].us = us[i];
	return r;
}

int tally_seal_samples(struct model *m)
{
	struct sample_node *node;
	struct sample *s;
	size_t n = 0;

	for (node = m->sample_nodes; node; node = node->hh.next) {
		struct sample fresh = { .stack = node->key.stack,
					.klass = node->key.klass,
					.tip = node->key.tip,
					.ns = node->ns };

		if (!loop_is_shown(m, node->key.loop))
			continue;
		fresh.proc = m->loops.items[node->key.loop].proc;
		if (vec_add(&m->samples, fresh) < 0)
			return -ENOMEM;
	}
	if (m->samples.count == 0)
		return 0;
	s = m->samples.items;
	qsort(s, m->samples.count, sizeof(*s), by_place);
	for (size_t i = 1; i < m->samples.count; i++) {
		if (by_place(&s[n], &s[i]) == 0)
			s[n].ns += s[i].ns;
		else
			s[++n] = s[i];
	}
	m->samples.count = n + 1;
	qsort(s, m->samples.count, sizeof(*s), by_weight);
	return round_samples(m);
}

/* Equal in everything but the loop: one row. */
static int compare_rows(const struct row_node *x, const struct row_node *y)
{
	int r = strcmp(x->key.key, y->key.key);

	r = r ? r : strcmp(x->key.fn, y->key.fn);
	r = r ? r : strcmp(x->key.file, y->key.file);
	r = r ? r : (x->key.line > y->key.line) - (x->key.line < y->key.line);
	return r ? r : strcmp(x->key.target, y->key.target);
}

static int by_row(const void *a, const void *b)
{
	const struct row_node *x = *(struct row_node *const *)a, *y = *(struct row_node *const *)b;
	int r = compare_rows(x, y);

	/* The longest first: its place and cause stand for all. */
	if (r == 0 && x->row.max_ns != y->row.max_ns)
		return x->row.max_ns > y->row.max_ns ? -1 : 1;
	return r ? r : (x->key.loop > y->key.loop) - (x->key.loop < y->key.loop);
}

static int by_time(const void *a, const void *b)
{
	const struct row_node *x = *(struct row_node *const *)a, *y = *(struct row_node *const *)b;

	if (x->row.sum_ns != y->row.sum_ns)
		return x->row.sum_ns > y->row.sum_ns ? -1 : 1;
	return by_row(a, b);
}

static void merge_row(struct row_node *into, const struct row_node *from)
{
	into->row.count += from->row.count;
	into->row.sum_ns += from->row.sum_ns;
	if (from->longest && (!into->longest || from->longest->s.dur_ns > into->longest->s.dur_ns))
		into->longest = from->longest;
}

/* The longest one may be over the limit, and then nobody knows who held it up. */
static void set_holder(struct row_node *node)
{
	const struct stall *s = node->longest ? &node->longest->s : NULL;

	if (!s || s->dur_ns != node->row.max_ns)
		return;
	node->row.holder = s->n_holders ? s->holders : NULL;
	node->row.convoy = s->convoy;
}

int tally_seal_rows(struct model *m, const int *new_loop)
{
	size_t n = 0, kept = 0, room = HASH_COUNT(m->row_nodes) + 1;
	_cleanup_free_ struct row_node **nodes = calloc(room, sizeof(*nodes));
	struct row_node *node;

	if (!nodes)
		return -ENOMEM;
	for (node = m->row_nodes; node; node = node->hh.next) {
		if (new_loop[node->key.loop] >= 0)
			nodes[n++] = node;
	}
	if (n == 0)
		return 0;
	qsort(nodes, n, sizeof(*nodes), by_row);
	for (size_t i = 1; i < n; i++) {
		if (compare_rows(nodes[kept], nodes[i]) == 0)
			merge_row(nodes[kept], nodes[i]);
		else
			nodes[++kept] = nodes[i];
	}
	n = kept + 1;
	qsort(nodes, n, sizeof(*nodes), by_time);
	for (size_t i = 0; i < n; i++) {
		set_holder(nodes[i]);
		nodes[i]->row.longest = nodes[i]->longest ? nodes[i]->longest->index : -1;
		if (vec_add(&m->rows, nodes[i]->row) < 0)
			return -ENOMEM;
	}
	return 0;
}
