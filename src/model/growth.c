/* growth.c: threads and event loops that a process makes, how many there are, and from where.
 *
 * User space counts; each report replaces the one before.  Owns profile.growth and profile.churn.
 */
#include "model/state.h"

#define STACK_BYTES 16

static int get_node(struct model *m, uint64_t tgid, struct growth_node **ret)
{
	struct growth_node *node;
	int proc, r;

	map_find(m->growth_nodes, &tgid, node);
	if (!node) {
		r = proc_find(m, tgid, &proc);
		node = r < 0 ? NULL : arena_alloc(&m->texts.arena, sizeof(*node));
		if (!node)
			return -ENOMEM;
		node->tgid = tgid;
		node->threads.proc = node->churn.proc = proc;
		if (map_add(m->growth_nodes, tgid, node) < 0)
			return -ENOMEM;
	}
	*ret = node;
	return 0;
}

int growth_feed_count(struct model *m, struct chunk_cursor *c)
{
	uint64_t ts = chunk_get_u64(c);
	uint32_t tgid = chunk_get_u32(c), threads = chunk_get_u32(c);
	struct growth_node *node;
	struct thread_growth *g;
	int r;

	if (c->bad)
		return 0;
	r = get_node(m, tgid, &node);
	if (r < 0)
		return r;
	g = &node->threads;
	if (node->counts.count == 0)
		g->first = threads;
	else if (node->counts.items[node->counts.count - 1].threads == threads)
		return 0;
	g->last = threads;
	g->max = threads > g->max ? threads : g->max;
	/* The last place is kept for the newest, so that the list ends as the process did. */
	if (node->counts.count >= m->items_max) {
		m->lost_items++;
		node->counts.count--;
	}
	return vec_add(&node->counts, { model_wall(m, ts), threads });
}

int growth_feed_made(struct model *m, struct chunk_cursor *c)
{
	uint32_t tgid = chunk_get_u32(c);
	uint64_t stack = chunk_get_u64(c), count = chunk_get_u64(c);
	struct growth_node *node;
	int r;

	if (c->bad)
		return 0;
	r = get_node(m, tgid, &node);
	if (r < 0)
		return r;
	for (size_t i = 0; i < node->made.count; i++)
		if (node->made.items[i].stack == stack) {
			node->made.items[i].count = count;
			return 0;
		}
	if (node->made.count >= MODEL_LIST_MAX) {
		m->lost_items++;
		return 0;
	}
	return vec_add(&node->made, { stack, count });
}

/* Loops are counted from time to time: of one that lived in between nothing was seen, and yet it
 * was there. */
static uint64_t at_least(uint64_t seen, uint64_t made, uint64_t alive)
{
	uint64_t least = alive ? alive : made > 0;

	return seen > least ? seen : least;
}

int growth_feed_churn(struct model *m, struct chunk_cursor *c)
{
	uint32_t tgid = chunk_get_u32(c), n;
	struct churn fresh = { .made = chunk_get_u64(c) };
	struct growth_node *node;
	uint64_t sum_ns;
	int r;

	fresh.alive = chunk_get_u64(c);
	fresh.alive_max = at_least(chunk_get_u64(c), fresh.made, fresh.alive);
	fresh.lifetimes = chunk_get_u64(c);
	sum_ns = chunk_get_u64(c);
	fresh.lifetime_max_ns = chunk_get_u64(c);
	fresh.lifetime_mean_ns = fresh.lifetimes ? sum_ns / fresh.lifetimes : 0;
	n = chunk_get_u32(c);
	if (c->bad || n > (size_t)(c->end - c->at) / STACK_BYTES) {
		c->bad = true;
		return 0;
	}
	r = get_node(m, tgid, &node);
	if (r < 0)
		return r;
	fresh.proc = node->churn.proc;
	node->churn = fresh;
	node->loops.count = 0;
	for (uint32_t i = 0; i < n && r == 0; i++) {
		uint64_t stack = chunk_get_u64(c);

		r = vec_add(&node->loops, { stack, chunk_get_u64(c) });
	}
	return r;
}

static int by_count(const void *a, const void *b)
{
	const struct made_from *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

/* Counts are not trusted to be small. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* From hashes to places in the profile, most first; stacks nobody knows are one. */
static int seal_stacks(struct model *m, struct made_from *items, size_t n,
		       struct stack_count **ret_stacks, size_t *ret_n)
{
	struct stack_count *out = arena_alloc(&m->texts.arena, (n + 1) * sizeof(*out));
	size_t kept = 0, unknown = SIZE_MAX;

	if (!out)
		return -ENOMEM;
	if (n)
		qsort(items, n, sizeof(*items), by_count);
	for (size_t i = 0; i < n; i++) {
		int stack = stack_find(m, items[i].stack);

		if (!items[i].count)
			continue;
		if (stack >= 0 || unknown == SIZE_MAX) {
			unknown = stack < 0 ? kept : unknown;
			out[kept++] = (struct stack_count){ stack, items[i].count };
		} else {
			out[unknown].count = sum(out[unknown].count, items[i].count);
		}
	}
	*ret_stacks = out;
	*ret_n = kept;
	return 0;
}

static int by_most(const void *a, const void *b)
{
	const struct stack_count *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

/* Which frames of each stack are to be shown. */
static void place(const struct model *m, struct stack_count *stacks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (stacks[i].stack < 0)
			continue;
		stacks[i].at = user_frame(&m->stacks.items[stacks[i].stack]);
		stacks[i].leaf = script_leaf(&m->stacks.items[stacks[i].stack]);
	}
}

static int seal_node(struct model *m, struct growth_node *node)
{
	struct thread_growth *g = &node->threads;
	struct churn *churn = &node->churn;
	int r;

	r = seal_stacks(m, node->made.items, node->made.count, &g->stacks, &g->n_stacks);
	r = r < 0 ? r
		  : seal_stacks(m, node->loops.items, node->loops.count, &churn->stacks,
				&churn->n_stacks);
	if (r < 0)
		return r;
	qsort(g->stacks, g->n_stacks, sizeof(*g->stacks), by_most);
	qsort(churn->stacks, churn->n_stacks, sizeof(*churn->stacks), by_most);
	place(m, g->stacks, g->n_stacks);
	place(m, churn->stacks, churn->n_stacks);
	for (size_t i = 0; i < g->n_stacks; i++)
		g->made = sum(g->made, g->stacks[i].count);
	g->counts = node->counts.items;
	g->n_counts = node->counts.count;
	if ((g->n_counts || g->made) && vec_add(&m->growth, *g) < 0)
		return -ENOMEM;
	return churn->made ? vec_add(&m->churn, *churn) : 0;
}

static int by_proc(const void *a, const void *b)
{
	const struct growth_node *x = *(struct growth_node *const *)a;
	const struct growth_node *y = *(struct growth_node *const *)b;

	return x->threads.proc - y->threads.proc;
}

int growth_seal(struct model *m)
{
	size_t n = 0, room = HASH_COUNT(m->growth_nodes) + 1;
	_cleanup_free_ struct growth_node **nodes = calloc(room, sizeof(*nodes));
	struct growth_node *node;
	int r = 0;

	if (!nodes)
		return -ENOMEM;
	for (node = m->growth_nodes; node; node = node->hh.next)
		nodes[n++] = node;
	qsort(nodes, n, sizeof(*nodes), by_proc);
	for (size_t i = 0; i < n && r == 0; i++)
		r = seal_node(m, nodes[i]);
	return r;
}
