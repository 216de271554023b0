/* name_cache.h: what was read of objects of a process, by their address and what tells one from
 * another at the same address.
 *
 * Owns the things put into it, and the bound of their number and size.  Must not know what they
 * are.
 */
#ifndef STALLPROF_RUNTIME_NAME_CACHE_H
#define STALLPROF_RUNTIME_NAME_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

#define NAME_CACHE_SLOTS     16384 /* of the hash table, a power of two */
#define NAME_CACHE_THINGS    8192
#define NAME_CACHE_BYTES_MAX (16u << 20)

struct name_cache_entry {
	uint64_t addr;
	uint32_t tag;
	bool findable;
	void *thing;
};

struct name_cache {
	void (*release)(void *thing);
	VEC(struct name_cache_entry) list;
	uint16_t *slots; /* one more than an index into the list; 0: none */
	size_t bytes;
};

/* release frees a thing.  0 or -ENOMEM. */
int name_cache_init(struct name_cache *c, void (*release)(void *thing));
/* Also of one that is all zero. */
void name_cache_release(struct name_cache *c);

/* Takes the thing, of so many bytes.  findable false: it is kept only for who has it now.  0, or
 * -ENOMEM: it is the caller's still. */
int name_cache_add(struct name_cache *c, const struct name_cache_entry *entry, size_t bytes);

/* The newest of that address and tag, or NULL. */
void *name_cache_find(const struct name_cache *c, uint64_t addr, uint32_t tag);

/* It has outgrown its bound: name_cache_empty it when nobody has anything out of it any more. Until
 * then what is added may not be found. */
bool name_cache_full(const struct name_cache *c);
void name_cache_empty(struct name_cache *c);

#endif
