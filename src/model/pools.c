/* pools.c: pools of worker threads, as user space sampled them.
 *
 * Each report of a pool replaces the one before.  Owns profile.pools.
 */
#include "model/state.h"

#include <string.h>

#define WORKER_BYTES 12

static struct pool_node *find(const struct model *m, uint64_t tgid, uint64_t pool)
{
	struct pool_node *node, probe = { .key = { tgid, pool } };

	map_find(m->pool_nodes, &probe.key, node);
	return node;
}

/* NULL with -ENOMEM, or with 0 when there are too many. */
static int get_node(struct model *m, uint64_t tgid, uint64_t pool, struct pool_node **ret)
{
	struct pool_node *node = find(m, tgid, pool);

	*ret = node;
	if (node)
		return 0;
	if (HASH_COUNT(m->pool_nodes) >= MODEL_LIST_MAX) {
		m->lost_items++;
		return 0;
	}
	node = arena_alloc(&m->texts.arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->key.tgid = tgid;
	node->key.pool = pool;
	if (map_add(m->pool_nodes, key, node) < 0)
		return -ENOMEM;
	*ret = node;
	return 0;
}

static int get_pool(struct model *m, struct chunk_cursor *c, struct pool *ret)
{
	ret->name = model_text(m, c);
	ret->kind = ret->name ? model_text(m, c) : NULL;
	if (!ret->kind)
		return -ENOMEM;
	ret->threads = chunk_get_u32(c);
	ret->threads_max = chunk_get_u32(c);
	ret->max = chunk_get_u32(c);
	ret->observed_ns = chunk_get_u64(c);
	ret->samples = chunk_get_u64(c);
	ret->exhausted_ns = chunk_get_u64(c);
	ret->exhausted_longest_ns = chunk_get_u64(c);
	ret->busy_max = chunk_get_u32(c);
	ret->queued_max = chunk_get_u32(c);
	ret->queue_wait_max_ns = chunk_get_u64(c);
	ret->n_workers = chunk_get_u32(c);
	if (ret->n_workers > (size_t)(c->end - c->at) / WORKER_BYTES)
		c->bad = true;
	return 0;
}

int pools_feed(struct model *m, struct chunk_cursor *c)
{
	uint32_t tgid = chunk_get_u32(c);
	uint64_t id = chunk_get_u64(c);
	struct pool pool = { 0 };
	struct pool_node *node;
	int r = get_pool(m, c, &pool);

	if (r < 0 || c->bad)
		return r;
	r = proc_find(m, tgid, &pool.proc);
	r = r < 0 ? r : get_node(m, tgid, id, &node);
	if (r < 0 || !node)
		return r;
	node->pool = pool;
	node->workers.count = 0;
	for (size_t i = 0; i < pool.n_workers && r == 0; i++) {
		uint32_t tid = chunk_get_u32(c);

		r = vec_add(&node->workers, { tid, chunk_get_u64(c) });
	}
	return r;
}

static int by_busy(const void *a, const void *b)
{
	const struct pool_worker *x = a, *y = b;

	if (x->busy_ns != y->busy_ns)
		return x->busy_ns > y->busy_ns ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static int by_exhausted(const void *a, const void *b)
{
	const struct pool_node *const *x = a, *const *y = b;
	const struct pool *p = &(*x)->pool, *q = &(*y)->pool;
	int r;

	if (p->exhausted_ns != q->exhausted_ns)
		return p->exhausted_ns > q->exhausted_ns ? -1 : 1;
	if (p->proc != q->proc)
		return p->proc < q->proc ? -1 : 1;
	r = strcmp(p->name, q->name);
	return r ? r : ((*x)->key.pool > (*y)->key.pool) - ((*x)->key.pool < (*y)->key.pool);
}

static bool is_wait(const struct thread_row *row)
{
	return row->pool >= 0 && !row->idle;
}

int pools_seal(struct model *m)
{
	size_t n = 0, room = HASH_COUNT(m->pool_nodes) + 1;
	_cleanup_free_ struct pool_node **nodes = calloc(room, sizeof(*nodes));
	struct pool_node *node;

	if (!nodes)
		return -ENOMEM;
	for (node = m->pool_nodes; node; node = node->hh.next)
		nodes[n++] = node;
	qsort(nodes, n, sizeof(*nodes), by_exhausted);
	for (size_t i = 0; i < n; i++) {
		node = nodes[i];
		node->index = i;
		if (node->workers.count)
			qsort(node->workers.items, node->workers.count,
			      sizeof(*node->workers.items), by_busy);
		node->pool.workers = node->workers.items;
		if (vec_add(&m->pools, node->pool) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Rows of threads are in their final order and place by now. */
int pools_seal_waits(struct model *m)
{
	for (size_t i = 0; i < m->threads.count; i++)
		if (is_wait(&m->threads.items[i]))
			m->pools.items[m->threads.items[i].pool].n_waits++;
	for (size_t i = 0; i < m->pools.count; i++) {
		struct pool *pool = &m->pools.items[i];

		pool->waits = arena_alloc(&m->texts.arena,
					  (pool->n_waits + 1) * sizeof(*pool->waits));
		if (!pool->waits)
			return -ENOMEM;
		pool->n_waits = 0;
	}
	for (size_t i = 0; i < m->threads.count; i++) {
		const struct thread_row *row = &m->threads.items[i];

		if (is_wait(row)) {
			struct pool *pool = &m->pools.items[row->pool];

			pool->waits[pool->n_waits++] = row;
		}
	}
	return 0;
}

int pool_index(const struct model *m, uint64_t tgid, uint64_t pool)
{
	const struct pool_node *node = find(m, tgid, pool);

	return node ? node->index : -1;
}
