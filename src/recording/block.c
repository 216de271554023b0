/* block.c: see block.h.
 *
 * A block is hostile input.  Its stated length is capped before memory is taken, inflating never
 * writes past it, and every inner length is checked before the first chunk is handed out: so a
 * block is good as a whole or the reading stops before it.
 */
#include "recording/block.h"

#include <errno.h>
#include <zlib.h>

#include "recording/layout.h"
#include "recording/recording.h"

#define LEVEL 6

int block_add(struct str *raw, const struct chunk *chunk)
{
	unsigned char head[LAYOUT_INNER_HEAD];
	size_t before = raw->len;
	int r;

	layout_put(head, chunk->kind, 4);
	layout_put(head + 4, chunk->len, 4);
	r = str_add_mem(raw, head, sizeof(head));
	r = r < 0 ? r : str_add_mem(raw, chunk->payload, chunk->len);
	if (r < 0)
		raw->len = before;
	return r;
}

static int add_stored(struct str *out, const struct chunk *chunk)
{
	unsigned char head[LAYOUT_CHUNK_HEAD];
	uint32_t crc;
	int r;

	layout_put(head, chunk->kind, 4);
	layout_put(head + 4, chunk->len, 4);
	crc = crc32(0, head, 8);
	if (chunk->len) /* zlib takes a NULL buffer for "give me the start value" */
		crc = crc32(crc, chunk->payload, chunk->len);
	layout_put(head + 8, crc, 4);
	r = str_add_mem(out, head, sizeof(head));
	r = r < 0 ? r : str_add_mem(out, chunk->payload, chunk->len);
	return r < 0 ? r : str_add_mem(out, "\0\0\0\0\0\0\0", layout_padding(chunk->len));
}

static struct chunk inner_chunk(const unsigned char *at)
{
	uint32_t len = layout_get(at + 4, 4);

	return (struct chunk){ .kind = layout_get(at, 4),
			       .len = len,
			       .payload = len ? at + LAYOUT_INNER_HEAD : (const void *)"" };
}

static int add_plain(const struct str *raw, struct str *out)
{
	struct chunk chunk;

	for (size_t at = 0; at < raw->len; at += LAYOUT_INNER_HEAD + chunk.len) {
		int r;

		chunk = inner_chunk((const unsigned char *)raw->text + at);
		r = add_stored(out, &chunk);
		if (r < 0)
			return r;
	}
	return 0;
}

int block_pack(const struct str *raw, struct str *out)
{
	_cleanup_free_ unsigned char *payload = NULL;
	struct chunk chunk = { .kind = LAYOUT_BLOCK };
	uLongf packed;

	if (raw->len <= LAYOUT_CHUNK_HEAD)
		return add_plain(raw, out);
	/* No more room than what makes it shorter; deflating gives up where that is too little.  It
	 * also keeps the block of one longest chunk within the length of a chunk. */
	packed = raw->len - LAYOUT_CHUNK_HEAD;
	payload = malloc(LAYOUT_BLOCK_HEAD + packed);
	if (!payload)
		return -ENOMEM;
	if (compress2(payload + LAYOUT_BLOCK_HEAD, &packed, (const unsigned char *)raw->text,
		      raw->len, LEVEL) != Z_OK)
		return add_plain(raw, out);
	layout_put(payload, raw->len, LAYOUT_BLOCK_HEAD);
	chunk.payload = payload;
	chunk.len = LAYOUT_BLOCK_HEAD + packed;
	return add_stored(out, &chunk);
}

static bool is_sound(const struct block *b)
{
	size_t at = 0;

	while (at < b->len) {
		struct chunk chunk;

		if (b->len - at < LAYOUT_INNER_HEAD)
			return false;
		chunk = inner_chunk(b->bytes + at);
		at += LAYOUT_INNER_HEAD;
		/* A block in a block is never written; refused, it cannot multiply. */
		if (chunk.kind == LAYOUT_BLOCK || chunk.len > RECORDING_CHUNK_MAX ||
		    chunk.len > b->len - at)
			return false;
		at += chunk.len;
	}
	return true;
}

static int make_room(struct block *b, size_t len)
{
	unsigned char *p;

	if (len <= b->room)
		return 0;
	p = realloc(b->bytes, len);
	if (!p)
		return -ENOMEM;
	b->bytes = p;
	b->room = len;
	return 0;
}

int block_unpack(struct block *b, const unsigned char *payload, size_t len)
{
	uLong used;
	uLongf raw;
	int z;

	b->len = b->at = 0;
	if (len < LAYOUT_BLOCK_HEAD)
		return -EBADMSG;
	raw = layout_get(payload, LAYOUT_BLOCK_HEAD);
	if (raw == 0 || raw > LAYOUT_BLOCK_MAX)
		return -EBADMSG;
	if (make_room(b, raw) < 0)
		return -ENOMEM;
	b->len = raw;
	used = len - LAYOUT_BLOCK_HEAD;
	z = uncompress2(b->bytes, &raw, payload + LAYOUT_BLOCK_HEAD, &used);
	if (z == Z_OK && raw == b->len && used == len - LAYOUT_BLOCK_HEAD && is_sound(b))
		return 0;
	b->len = 0;
	return z == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

bool block_next(struct block *b, struct chunk *ret_chunk)
{
	if (b->at == b->len)
		return false;
	*ret_chunk = inner_chunk(b->bytes + b->at);
	b->at += LAYOUT_INNER_HEAD + ret_chunk->len;
	return true;
}

void block_release(struct block *b)
{
	free(b->bytes);
	*b = (struct block){ 0 };
}
