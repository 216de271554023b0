/* threads.c: where the threads of a process were seen to wait.
 *
 * Rows that user space sampled and added up; each report replaces the one before.  Owns
 * profile.threads.
 */
#include "model/state.h"

#include <string.h>

/* Half a struct wait_target is none. */
static bool get_target(struct chunk_cursor *c, struct wait_target *ret)
{
	if (c->bad || (size_t)(c->end - c->at) < sizeof(*ret)) {
		c->bad = true;
		return false;
	}
	memcpy(ret, c->at, sizeof(*ret));
	c->at += sizeof(*ret);
	return ret->kind < TARGET_COUNT;
}

static int add(struct model *m, const struct thread_row_node *fresh)
{
	struct thread_row_node *node;

	map_find(m->thread_nodes, &fresh->key, node);
	if (node) {
		node->row = fresh->row;
		return 0;
	}
	if (HASH_COUNT(m->thread_nodes) >= m->items_max) {
		m->lost_items++;
		return 0;
	}
	node = arena_alloc(&m->texts.arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	memcpy(&node->key, &fresh->key, sizeof(node->key));
	node->row = fresh->row;
	return map_add(m->thread_nodes, key, node);
}

int threads_feed(struct model *m, struct chunk_cursor *c)
{
	struct thread_row_node fresh;
	struct thread_row *row = &fresh.row;
	struct wait_target target;
	int r;

	memset(&fresh, 0, sizeof(fresh)); /* padding too: the key is compared as bytes */
	fresh.key.tgid = chunk_get_u32(c);
	fresh.key.pool = chunk_get_u64(c);
	fresh.key.group = row->group = model_text(m, c);
	if (!row->group)
		return -ENOMEM;
	fresh.key.stack = chunk_get_u64(c);
	fresh.key.klass = chunk_get_u32(c);
	fresh.key.syscall = (int32_t)chunk_get_u32(c);
	row->samples = chunk_get_u64(c);
	row->ns = chunk_get_u64(c);
	row->at_once = chunk_get_u32(c);
	fresh.key.idle = row->idle = chunk_get_u32(c) != 0;
	if (!get_target(c, &target) || fresh.key.klass >= CLASS_COUNT) {
		c->bad = true;
		return 0;
	}
	row->klass = fresh.key.klass;
	row->syscall = model_syscall(m, fresh.key.syscall);
	r = proc_find(m, fresh.key.tgid, &row->proc);
	r = r < 0 ? r : target_make(m, fresh.key.tgid, &target, &row->target);
	return r < 0 || !row->syscall ? -ENOMEM : add(m, &fresh);
}

/* Stacks may have got their names after the row. */
static int complete(struct model *m, struct thread_row_node *node)
{
	struct thread_row *row = &node->row;
	const struct stack *stack;

	row->stack = stack_find(m, node->key.stack);
	row->pool = node->key.pool ? pool_index(m, node->key.tgid, node->key.pool) : -1;
	if (row->stack >= 0) {
		stack = &m->stacks.items[row->stack];
		row->at = user_frame(stack);
		row->leaf = leaf_frame(stack);
		if (row->klass == CLASS_LOCK && lock_into_target(m, stack, &row->target) < 0)
			return -ENOMEM;
	}
	row->tip = tip_text(m, row->klass, row->syscall, &row->target);
	return row->tip ? 0 : -ENOMEM;
}

static int by_time(const void *a, const void *b)
{
	const struct thread_row_node *const *p = a, *const *q = b;
	const struct thread_row *x = &(*p)->row, *y = &(*q)->row;
	int r;

	if (x->idle != y->idle)
		return x->idle ? 1 : -1;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	r = strcmp(x->group, y->group);
	if (r == 0 && (*p)->key.stack != (*q)->key.stack)
		r = (*p)->key.stack < (*q)->key.stack ? -1 : 1;
	if (r == 0 && (*p)->key.pool != (*q)->key.pool)
		r = (*p)->key.pool < (*q)->key.pool ? -1 : 1;
	if (r == 0 && x->klass != y->klass)
		r = x->klass < y->klass ? -1 : 1;
	return r ? r
		 : ((*p)->key.syscall > (*q)->key.syscall) -
			       ((*p)->key.syscall < (*q)->key.syscall);
}

int threads_seal(struct model *m)
{
	size_t n = 0, room = HASH_COUNT(m->thread_nodes) + 1;
	_cleanup_free_ struct thread_row_node **nodes = calloc(room, sizeof(*nodes));
	struct thread_row_node *node;
	int r = 0;

	if (!nodes)
		return -ENOMEM;
	for (node = m->thread_nodes; node && r == 0; node = node->hh.next) {
		nodes[n++] = node;
		r = complete(m, node);
	}
	qsort(nodes, n, sizeof(*nodes), by_time);
	for (size_t i = 0; i < n && r == 0; i++)
		r = vec_add(&m->threads, nodes[i]->row);
	return r;
}
