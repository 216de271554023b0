/* name_cache.c: see name_cache.h. */
#include "runtime/name_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So that a search ends, whatever is added between two times that it is emptied. */
#define FINDABLE_MAX (NAME_CACHE_SLOTS / 4 * 3)

int name_cache_init(struct name_cache *c, void (*release)(void *thing))
{
	memset(c, 0, sizeof(*c));
	c->release = release;
	c->slots = calloc(NAME_CACHE_SLOTS, sizeof(*c->slots));
	return c->slots ? 0 : -ENOMEM;
}

void name_cache_empty(struct name_cache *c)
{
	for (size_t i = 0; i < c->list.count; i++)
		c->release(c->list.items[i].thing);
	c->list.count = 0;
	c->bytes = 0;
	memset(c->slots, 0, NAME_CACHE_SLOTS * sizeof(*c->slots));
}

void name_cache_release(struct name_cache *c)
{
	if (c->slots)
		name_cache_empty(c);
	vec_release(&c->list);
	free(c->slots);
	memset(c, 0, sizeof(*c));
}

static size_t slot_of(uint64_t addr, uint32_t tag)
{
	uint64_t hash = (addr ^ (uint64_t)tag << 32) * 0x9e3779b97f4a7c15ull;

	return hash >> 50; /* the upper 14 bits: NAME_CACHE_SLOTS */
}

static size_t next_slot(size_t at)
{
	return (at + 1) % NAME_CACHE_SLOTS;
}

int name_cache_add(struct name_cache *c, const struct name_cache_entry *entry, size_t bytes)
{
	size_t at = slot_of(entry->addr, entry->tag), index = c->list.count;
	int r = vec_add(&c->list, *entry);

	if (r < 0)
		return r;
	c->bytes += bytes;
	if (!entry->findable || index >= FINDABLE_MAX)
		return 0;
	while (c->slots[at])
		at = next_slot(at);
	c->slots[at] = (uint16_t)(index + 1);
	return 0;
}

void *name_cache_find(const struct name_cache *c, uint64_t addr, uint32_t tag)
{
	void *last = NULL;
	size_t at;

	for (at = slot_of(addr, tag); c->slots[at]; at = next_slot(at)) {
		const struct name_cache_entry *e = &c->list.items[c->slots[at] - 1];

		if (e->addr == addr && e->tag == tag)
			last = e->thing;
	}
	return last;
}

bool name_cache_full(const struct name_cache *c)
{
	return c->list.count > NAME_CACHE_THINGS || c->bytes > NAME_CACHE_BYTES_MAX;
}
