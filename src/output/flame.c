/* flame.c: merges the stacks of a profile into a tree.
 *
 * Order and widths depend on the profile alone.  Knows no format.
 */
#include "output/flame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/words.h"

void flame_release(struct flame *flame)
{
	for (size_t i = 0; i < flame->nodes.count; i++)
		free(flame->nodes.items[i].name);
	vec_release(&flame->nodes);
}

/* Frames of different kinds stay apart even if they have one name, and from causes, which have no
 * frame: they differ in colour. */
static bool is_node(const struct flame_node *n, const struct flame_node *key)
{
	return n->klass == key->klass &&
	       (n->frame ? n->frame->kind : FRAME_KIND_COUNT) ==
		       (key->frame ? key->frame->kind : FRAME_KIND_COUNT) &&
	       strcmp(n->name, key->name) == 0;
}

static void add_to_node(struct flame_node *n, const struct flame_node *key, uint64_t ns)
{
	n->ns += ns;
	if (n->frame &&
	    (n->frame->line != key->frame->line || strcmp(n->frame->file, key->frame->file) != 0))
		n->many_lines = true;
}

/* The child of `parent` that is like `key`, new if need be, with `ns` more; its index or -ENOMEM.
 */
static int add_child(struct flame *flame, int parent, const struct flame_node *key, uint64_t ns)
{
	int *link = &flame->nodes.items[parent].first_child;
	_cleanup_free_ char *name = NULL;
	struct flame_node node = *key;
	int index = (int)flame->nodes.count;

	for (; *link >= 0; link = &flame->nodes.items[*link].next) {
		if (is_node(&flame->nodes.items[*link], key)) {
			add_to_node(&flame->nodes.items[*link], key, ns);
			return *link;
		}
		if (strcmp(flame->nodes.items[*link].name, key->name) > 0)
			break;
	}
	name = strdup(key->name);
	if (!name)
		return -ENOMEM;
	node.name = NULL;
	node.ns = ns;
	node.depth = flame->nodes.items[parent].depth + 1;
	node.next = *link;
	node.first_child = -1;
	*link = index; /* before the vector moves */
	if (vec_add(&flame->nodes, node) < 0) {
		*link = node.next;
		return -ENOMEM;
	}
	flame->nodes.items[index].name = steal(name);
	if (node.depth > flame->depth)
		flame->depth = node.depth;
	return index;
}

static int add_frame(struct flame *flame, int parent, const struct frame *f, uint64_t ns)
{
	cleanup(str_releasep) struct str name = { 0 };
	struct flame_node key = { .kind = FLAME_FRAME, .frame = f };
	int r = frame_folded(&name, f);

	key.name = name.text;
	return r ? r : add_child(flame, parent, &key, ns);
}

static int add_text(struct flame *flame, int parent, enum flame_kind kind, enum stall_class klass,
		    const char *text, uint64_t ns)
{
	struct flame_node key = { .kind = kind, .klass = klass, .name = (char *)text };

	return add_child(flame, parent, &key, ns);
}

static int add_stack(struct flame *flame, const struct profile *p, const struct sample *s)
{
	const struct stack *st = s->stack >= 0 ? &p->stacks[s->stack] : NULL;
	const char *tip = *s->tip ? s->tip : "[unexplained]";
	int at;

	if (!s->ns)
		return 0;
	flame->nodes.items[0].ns += s->ns;
	at = add_text(flame, 0, FLAME_PROCESS, 0, proc_comm(p, s->proc), s->ns);
	if (at >= 0 && (!st || !st->n_frames))
		at = add_text(flame, at, FLAME_NONE, 0, "[no stack]", s->ns);
	for (size_t i = st ? st->n_frames : 0; i-- > 0 && at >= 0;)
		at = add_frame(flame, at, &st->frames[i], s->ns);
	if (at >= 0)
		at = add_text(flame, at, FLAME_CAUSE, s->klass, tip, s->ns);
	return at < 0 ? at : 0;
}

/* Children stand side by side from the left edge of their parent, which comes before them. */
static void set_starts(struct flame *flame)
{
	for (size_t i = 0; i < flame->nodes.count; i++) {
		uint64_t start = flame->nodes.items[i].start;
		int child = flame->nodes.items[i].first_child;

		for (; child >= 0; child = flame->nodes.items[child].next) {
			flame->nodes.items[child].start = start;
			start += flame->nodes.items[child].ns;
		}
	}
}

static int add_all(struct flame *flame, const struct profile *p)
{
	int r = 0;

	for (size_t i = 0; i < p->n_samples && r == 0; i++)
		r = add_stack(flame, p, &p->samples[i]);
	for (size_t i = 0; i < p->n_offcpu && r == 0; i++) {
		const struct offcpu_row *row = &p->offcpu[i];
		struct sample s = {
			.proc = row->proc,
			.stack = row->stack,
			.klass = row->klass,
			.tip = row->tip,
			.ns = row->sum_ns,
		};

		if (row->by == OFFCPU_BY_STACK)
			r = add_stack(flame, p, &s);
	}
	return r;
}

int flame_init(struct flame *flame, const struct profile *p)
{
	struct flame_node root = { .name = strdup("all"), .first_child = -1, .next = -1 };
	int r;

	*flame = (struct flame){ 0 };
	if (!root.name)
		return -ENOMEM;
	r = vec_add(&flame->nodes, root);
	if (r < 0)
		free(root.name);
	else
		r = add_all(flame, p);
	if (r < 0) {
		flame_release(flame);
		return r;
	}
	set_starts(flame);
	return 0;
}
