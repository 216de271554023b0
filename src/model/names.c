/* names.c: what threads are called, and who kept one waiting.
 *
 * A thread has the name that the program gave it; failing that the kernel's, which the waiter
 * copied.  Owns the table of names by process and thread.
 */
#include "model/state.h"

static struct thread_name_node *find(const struct model *m, uint32_t tgid, uint32_t tid)
{
	struct thread_name_node *node, probe = { .key = { tgid, tid } };

	map_find(m->thread_names, &probe.key, node);
	return node;
}

int names_feed(struct model *m, struct chunk_cursor *c)
{
	uint32_t tgid = chunk_get_u32(c), tid = chunk_get_u32(c);
	const char *name = model_text(m, c);
	struct thread_name_node *node;

	if (!name)
		return -ENOMEM;
	if (c->bad)
		return 0;
	node = find(m, tgid, tid);
	if (node) {
		node->name = name;
		return 0;
	}
	if (HASH_COUNT(m->thread_names) >= m->items_max) {
		m->lost_items++;
		return 0;
	}
	node = arena_alloc(&m->texts.arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->key.tgid = tgid;
	node->key.tid = tid;
	node->name = name;
	return map_add(m->thread_names, key, node);
}

const char *thread_name(const struct model *m, uint32_t tgid, uint32_t tid)
{
	const struct thread_name_node *node = find(m, tgid, tid);

	return node ? node->name : "";
}

int owner_make(struct model *m, uint32_t tgid, const struct wait_owner *raw, struct owner *ret)
{
	struct owner o = { .role = raw->role, .tid = raw->tid, .name = "", .stack = -1 };

	*ret = o;
	if (o.role != OWNER_HOLDER && o.role != OWNER_WAKER)
		return 0;
	if (o.role == OWNER_WAKER && raw->tgid != tgid)
		o.pid = raw->tgid;
	o.stack = stack_find(m, raw->stack);
	if (o.tid)
		o.name = thread_name(m, o.pid ? o.pid : tgid, o.tid);
	if (!*o.name)
		o.name = intern_printable(&m->texts, raw->comm, sizeof(raw->comm));
	if (!o.name)
		return -ENOMEM;
	*ret = o;
	return 0;
}
