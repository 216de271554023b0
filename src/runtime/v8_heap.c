/* v8_heap.c: see v8_heap.h. */
#include "runtime/v8_heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void v8_heap_init(struct v8_heap *h, const struct v8_layout *l, v8_read_fn *read,
		  const void *memory)
{
	memset(h, 0, sizeof(*h));
	h->l = l;
	h->read = read;
	h->memory = memory;
}

void v8_heap_begin_stack(struct v8_heap *h)
{
	h->stack_reads = 0;
}

void v8_heap_begin(struct v8_heap *h)
{
	h->reads = 0;
	memset(h->types, 0, sizeof(h->types));
}

int v8_heap_read(struct v8_heap *h, uint64_t addr, void *buf, size_t len)
{
	int r;

	if (addr < 4096 || addr >= 1ull << 47 || h->reads >= V8_READS_MAX ||
	    h->stack_reads >= V8_STACK_READS_MAX)
		return -EFAULT;
	h->reads++;
	h->stack_reads++;
	r = h->read(h->memory, addr, buf, len);
	h->gone = r == -ESRCH;
	return r;
}

int v8_heap_word(struct v8_heap *h, uint64_t addr, uint64_t *ret_word)
{
	uint64_t word;
	int r = v8_heap_read(h, addr, &word, sizeof(word));

	if (r == 0)
		*ret_word = word;
	return r;
}

/* The type in a map, which must itself have the map of maps. */
static uint32_t type_of_map(struct v8_heap *h, uint64_t map)
{
	const struct v8_layout *l = h->l;
	uint64_t maps_map = 0;
	uint16_t type = 0, maps_type = 0;

	if (v8_heap_word(h, v8_address(map) + (uint64_t)l->object_map, &maps_map) < 0 ||
	    !v8_is_object(maps_map) ||
	    v8_heap_read(h, v8_address(maps_map) + (uint64_t)l->map_type, &maps_type,
			 sizeof(maps_type)) < 0 ||
	    maps_type != l->type_map ||
	    v8_heap_read(h, v8_address(map) + (uint64_t)l->map_type, &type, sizeof(type)) < 0)
		return V8_TYPE_NONE;
	return type;
}

uint32_t v8_type(struct v8_heap *h, uint64_t word)
{
	uint64_t map = 0;
	size_t slot;
	uint32_t type;

	if (!v8_is_object(word) ||
	    v8_heap_word(h, v8_address(word) + (uint64_t)h->l->object_map, &map) < 0 ||
	    !v8_is_object(map))
		return V8_TYPE_NONE;
	slot = (map >> 3) % V8_MAPS_KEPT;
	if (h->types[slot].map == map)
		return h->types[slot].type;
	type = type_of_map(h, map);
	if (type != V8_TYPE_NONE) {
		h->types[slot].map = map;
		h->types[slot].type = (uint16_t)type;
	}
	return type;
}

bool v8_is_string(struct v8_heap *h, uint64_t word)
{
	return v8_type(h, word) < (uint32_t)h->l->not_string;
}

bool v8_is_settled(struct v8_heap *h, uint64_t word)
{
	uint32_t type = v8_is_object(word) ? v8_type(h, word) : 0;

	return type != V8_TYPE_NONE && (!type || type != (uint32_t)h->l->type_free);
}

int v8_field(struct v8_heap *h, uint64_t object, int32_t type, int32_t off, uint64_t *ret_word)
{
	if (v8_type(h, object) != (uint32_t)type)
		return h->gone ? -ESRCH : -EPROTO;
	return v8_heap_word(h, v8_address(object) + (uint64_t)off, ret_word);
}

int v8_array_length(struct v8_heap *h, uint64_t array, uint32_t max, uint32_t *ret_length)
{
	uint32_t type = v8_type(h, array);
	uint64_t length = 0;
	int r;

	if (type == V8_TYPE_NONE ||
	    (type != (uint32_t)h->l->type_array && type != (uint32_t)h->l->type_bytes &&
	     type != (uint32_t)h->l->type_trusted_bytes))
		return h->gone ? -ESRCH : -EPROTO;
	r = v8_heap_word(h, v8_address(array) + (uint64_t)h->l->array_length, &length);
	if (r < 0)
		return r;
	if (!v8_is_smi(length) || v8_smi(length) < 0 || (uint32_t)v8_smi(length) > max)
		return -EPROTO;
	*ret_length = (uint32_t)v8_smi(length);
	return 0;
}

int v8_bytes(struct v8_heap *h, uint64_t array, uint8_t **ret_bytes, uint32_t *ret_len)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	uint32_t len;
	int r = v8_array_length(h, array, V8_TABLE_MAX, &len);

	if (r < 0)
		return r;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	if (len)
		r = v8_heap_read(h, v8_address(array) + (uint64_t)h->l->array_data, bytes, len);
	if (r < 0)
		return r;
	*ret_len = len;
	*ret_bytes = steal(bytes);
	return 0;
}
