/* chunk.c: see chunk.h.
 *
 * Byte by byte on purpose: the encoding is little endian whatever the host is, and payloads come
 * from files, so nothing here may assume alignment.
 */
#include "recording/chunk.h"

#include <string.h>

static int put_number(struct str *s, uint64_t v, size_t bytes)
{
	unsigned char b[8];

	for (size_t i = 0; i < bytes; i++)
		b[i] = v >> (8 * i);
	return str_add_mem(s, b, bytes);
}

int chunk_put_u32(struct str *s, uint32_t v)
{
	return put_number(s, v, 4);
}

int chunk_put_u64(struct str *s, uint64_t v)
{
	return put_number(s, v, 8);
}

int chunk_put_str(struct str *s, const char *text)
{
	size_t len = strlen(text), before = s->len;
	int r;

	/* The payload of one chunk is a u32 too; longer text cannot be written at all. */
	if (len > UINT32_MAX)
		len = UINT32_MAX;
	r = chunk_put_u32(s, len);
	if (r < 0)
		return r;
	r = str_add_mem(s, text, len);
	if (r < 0) {
		s->len = before;
		s->text[before] = '\0';
	}
	return r;
}

int chunk_put_frame(struct str *s, const struct chunk_frame *f)
{
	int r = chunk_put_u32(s, f->kind);

	r = r < 0 ? r : chunk_put_u32(s, f->flags);
	r = r < 0 ? r : chunk_put_u32(s, f->line);
	r = r < 0 ? r : chunk_put_u64(s, f->offset);
	r = r < 0 ? r : chunk_put_str(s, f->fn);
	r = r < 0 ? r : chunk_put_str(s, f->file);
	r = r < 0 ? r : chunk_put_str(s, f->module);
	return r;
}

int chunk_emit(struct chunk_sink *sink, enum chunk_kind kind, const struct str *payload)
{
	struct chunk chunk = { .kind = kind, .len = payload->len, .payload = str_text(payload) };

	return sink->put(sink, &chunk);
}

void chunk_cursor_init(struct chunk_cursor *c, const struct chunk *chunk)
{
	c->at = chunk->payload;
	c->end = c->at + chunk->len;
	c->bad = false;
}

static const unsigned char *take(struct chunk_cursor *c, size_t bytes)
{
	const unsigned char *at = c->at;

	if (c->bad || (size_t)(c->end - c->at) < bytes) {
		c->bad = true;
		return NULL;
	}
	c->at += bytes;
	return at;
}

static uint64_t get_number(struct chunk_cursor *c, size_t bytes)
{
	const unsigned char *b = take(c, bytes);
	uint64_t v = 0;

	for (size_t i = 0; b && i < bytes; i++)
		v |= (uint64_t)b[i] << (8 * i);
	return v;
}

uint32_t chunk_get_u32(struct chunk_cursor *c)
{
	return get_number(c, 4);
}

uint64_t chunk_get_u64(struct chunk_cursor *c)
{
	return get_number(c, 8);
}

const char *chunk_get_str(struct chunk_cursor *c, uint32_t *ret_len)
{
	uint32_t len = chunk_get_u32(c);
	const unsigned char *text = take(c, len);

	*ret_len = text ? len : 0;
	return text ? (const char *)text : "";
}
