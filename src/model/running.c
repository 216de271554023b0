/* running.c: the coroutine and the task that a stall belongs to.
 *
 * The stacks say which coroutine ran, the runtime said at one moment which task.  A task is named
 * only where the two do not contradict each other: one stall may run many tasks.
 */
#include "model/state.h"

#include <string.h>

static struct running_node *find(const struct model *m, uint64_t loop, uint64_t start)
{
	struct running_node *node, probe = { .key = { loop, start } };

	map_find(m->running, &probe.key, node);
	return node;
}

static int add(struct model *m, uint64_t loop, uint64_t start, const char *task, const char *coro)
{
	struct running_node *node;

	if (HASH_COUNT(m->running) >= m->items_max) {
		m->lost_items++;
		return 0;
	}
	node = arena_alloc(&m->texts.arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->key.loop = loop;
	node->key.start = start;
	node->task = task;
	node->coro = coro;
	return map_add(m->running, key, node);
}

int running_feed(struct model *m, struct chunk_cursor *c)
{
	uint32_t number = chunk_get_u32(c);
	uint64_t start = chunk_get_u64(c);
	const char *task = model_text(m, c), *coro = task ? model_text(m, c) : NULL;
	struct running_node *node;
	int loop, r;

	if (!coro)
		return -ENOMEM;
	if (c->bad)
		return 0;
	r = loop_get(m, number, &loop);
	if (r < 0)
		return r;
	node = find(m, loop, start);
	if (!node)
		return add(m, loop, start, task, coro);
	if (node->task != task || node->coro != coro)
		node->mixed = true;
	return 0;
}

/* Up to 3.10 code has no qualified name: "get" and "Client.get" may be the same, not more. */
static bool agree(const char *a, const char *b)
{
	size_t x = strlen(a), y = strlen(b);

	if (!*a || !*b)
		return false;
	if (x == y)
		return !strcmp(a, b);
	if (x < y)
		return b[y - x - 1] == '.' && !strcmp(b + y - x, a);
	return a[x - y - 1] == '.' && !strcmp(a + x - y, b);
}

static const char *coro_of(const struct model *m, int stack)
{
	int frame = m->stack_infos.items[stack].coro;

	return frame < 0 ? "" : m->stacks.items[stack].frames[frame].fn;
}

/* What ran in all stacks with interpreted frames. */
struct coros {
	const char *heaviest; /* coroutine of the heaviest stack; "" */
	bool any;	      /* some stack shows a coroutine */
	bool most;	      /* the heaviest is in at least half of them, by weight */
};

static struct coros coros_of(const struct model *m, const struct stall *s)
{
	struct coros ret = { .heaviest = "" };
	uint64_t all = 0, own = 0;
	bool first = true;

	for (size_t i = 0; i < s->n_stacks; i++) {
		int stack = s->stacks[i].stack;
		const char *coro = coro_of(m, stack);

		if (!stack_has_script(&m->stacks.items[stack]))
			continue;
		if (first)
			ret.heaviest = coro;
		first = false;
		ret.any = ret.any || *coro;
		all += s->stacks[i].weight_ns;
		own += strcmp(coro, ret.heaviest) ? 0 : s->stacks[i].weight_ns;
	}
	ret.most = own >= all - own;
	return ret;
}

void running_of_stall(const struct model *m, struct stall *s)
{
	const struct running_node *node = find(m, s->loop, s->start_ns);
	struct coros coros = coros_of(m, s);

	s->task = "";
	s->coro = coros.heaviest;
	if (!node || node->mixed || !coros.most)
		return;
	if (coros.any && !agree(node->coro, coros.heaviest))
		return;
	s->task = node->task;
	if (strlen(node->coro) > strlen(s->coro))
		s->coro = node->coro;
}
