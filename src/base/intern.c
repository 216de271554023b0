/* intern.c: see intern.h. */
#include "base/intern.h"

#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include "base/map.h"

#define BLOCK_SIZE (64u << 10)

struct arena_block {
	struct arena_block *before;
	size_t used, room;
	alignas(max_align_t) char bytes[];
};

struct intern_node {
	UT_hash_handle hh;
	char text[];
};

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->last;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) / align * align;
	if (!b || b->room - b->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->room = room;
		b->before = a->last;
		a->last = b;
	}
	p = b->bytes + b->used;
	b->used += size;
	return p;
}

void arena_release(struct arena *a)
{
	while (a->last) {
		struct arena_block *b = a->last;

		a->last = b->before;
		free(b);
	}
}

static const char *intern_mem(struct intern *in, const char *text, size_t len)
{
	struct intern_node *node;

	HASH_FIND(hh, in->nodes, text, len, node);
	if (node)
		return node->text;
	node = arena_alloc(&in->arena, sizeof(*node) + len + 1);
	if (!node)
		return NULL;
	memcpy(node->text, text, len);
	HASH_ADD_KEYPTR(hh, in->nodes, node->text, len, node);
	return node->hh.tbl ? node->text : NULL;
}

const char *intern_text(struct intern *in, const char *text)
{
	return intern_mem(in, text, strlen(text));
}

const char *intern_printable(struct intern *in, const char *text, size_t len)
{
	str_clear(&in->scratch);
	if (str_add_printable(&in->scratch, text, len) < 0)
		return NULL;
	return intern_mem(in, str_text(&in->scratch), in->scratch.len);
}

const char *intern_printf(struct intern *in, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return NULL;
	}
	return intern_mem(in, text, n);
}

void intern_release(struct intern *in)
{
	map_clear(in->nodes);
	arena_release(&in->arena);
	str_release(&in->scratch);
}
