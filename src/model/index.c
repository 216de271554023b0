/* index.c: tables from a number of the capture (pid, loop, stack hash) to an index of the profile.
 */
#include "model/state.h"

int index_find(const struct index_node *head, uint64_t key)
{
	struct index_node *node;

	map_find(head, &key, node);
	return node ? node->index : -1;
}

int index_add(struct model *m, struct index_node **head, uint64_t key, int index)
{
	struct index_node *node = arena_alloc(&m->texts.arena, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->key = key;
	node->index = index;
	return map_add(*head, key, node);
}
