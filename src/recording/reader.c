/* reader.c: chunks out of a .stall file, one at a time; see recording.h.
 *
 * The file is hostile input: each length is checked before memory is taken for it, and at most one
 * chunk and the block in it are held.  Works on a stream, so standard input is no special case.
 */
#include "recording/recording.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "recording/block.h"
#include "recording/layout.h"

struct recording_reader {
	FILE *file;
	bool is_stdin;
	bool complete;	 /* as the header says */
	bool bad_header; /* its check sum is wrong, yet it could be used */
	bool ended;
	enum recording_state state;
	uint64_t bytes;	 /* of the whole file, by the header; 0: not known */
	uint64_t offset; /* end of the last whole chunk or block */
	unsigned char *payload;
	size_t room;
	struct block block;
};

void recording_close(struct recording_reader *r)
{
	if (!r)
		return;
	if (r->file && !r->is_stdin)
		fclose(r->file);
	free(r->payload);
	block_release(&r->block);
	free(r);
}

static int read_header(struct recording_reader *r)
{
	unsigned char h[LAYOUT_HEADER_SIZE], copy[LAYOUT_HEADER_SIZE];
	size_t n = fread(h, 1, sizeof(h), r->file), size;

	if (ferror(r->file))
		return errno ? -errno : -EIO;
	if (n != sizeof(h) || memcmp(h, LAYOUT_MAGIC, strlen(LAYOUT_MAGIC)))
		return -EBADMSG;
	/* The mark first: with another byte order no number after it can be trusted. */
	if (layout_get(h + LAYOUT_ORDER, 4) != LAYOUT_BYTE_ORDER ||
	    layout_get(h + LAYOUT_MAJOR, 2) > RECORDING_MAJOR)
		return -EPROTONOSUPPORT;
	/* Events lie as in the memory of the version that wrote them: an older one would be
	 * misread. */
	if (layout_get(h + LAYOUT_MAJOR, 2) < RECORDING_MAJOR)
		return layout_get(h + LAYOUT_MAJOR, 2) ? -ESTALE : -EBADMSG;
	size = layout_get(h + LAYOUT_SIZE, 4);
	if (size < sizeof(h) || size > LAYOUT_HEADER_MAX)
		return -EBADMSG;
	memcpy(copy, h, sizeof(h));
	layout_put(copy + LAYOUT_CRC, 0, 4);
	r->bad_header = crc32(0, copy, sizeof(copy)) != layout_get(h + LAYOUT_CRC, 4);
	r->complete = layout_get(h + LAYOUT_COMPLETE, 4) != 0;
	r->bytes = layout_get(h + LAYOUT_BYTES, 8);
	for (size_t i = sizeof(h); i < size; i++)
		if (fgetc(r->file) == EOF)
			return -EBADMSG;
	r->offset = size;
	return 0;
}

int recording_open_stream(FILE *file, struct recording_reader **ret_reader)
{
	cleanup(recording_closep) struct recording_reader *r = calloc(1, sizeof(*r));
	int e;

	if (!r) {
		if (file != stdin)
			fclose(file);
		return -ENOMEM;
	}
	r->file = file;
	r->is_stdin = file == stdin;
	errno = 0;
	e = read_header(r);
	if (e < 0)
		return e;
	*ret_reader = steal(r);
	return 0;
}

int recording_open(const char *path, struct recording_reader **ret_reader)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;

	if (!file)
		return -errno;
	return recording_open_stream(file, ret_reader);
}

const char *recording_refusal(int error)
{
	switch (-error) {
	case EBADMSG:
		return "not a stallprof recording";
	case ESTALE:
		return "recorded by an older stallprof, with another layout of events";
	case EPROTONOSUPPORT:
		return "recorded by a newer stallprof, or on a machine of another byte order";
	default:
		return strerror(-error);
	}
}

static int read_end(struct recording_reader *r, enum recording_state state)
{
	r->ended = true;
	r->state = state;
	return 0;
}

/* The file ends inside a chunk, or between two. */
static int read_short(struct recording_reader *r, bool between)
{
	if (ferror(r->file)) {
		r->ended = true;
		r->state = RECORDING_CUT;
		return errno ? -errno : -EIO;
	}
	if (r->bad_header)
		return read_end(r, RECORDING_CORRUPT);
	if (!r->complete)
		return read_end(r, RECORDING_INCOMPLETE);
	if (between && r->offset == r->bytes)
		return read_end(r, RECORDING_COMPLETE);
	return read_end(r, r->offset < r->bytes ? RECORDING_CUT : RECORDING_CORRUPT);
}

static int make_room(struct recording_reader *r, size_t len)
{
	unsigned char *p;

	if (len <= r->room)
		return 0;
	p = realloc(r->payload, len);
	if (!p)
		return -ENOMEM;
	r->payload = p;
	r->room = len;
	return 0;
}

/* A chunk as it is in the file, perhaps a block; otherwise as recording_next. */
static int read_chunk(struct recording_reader *r, struct chunk *ret_chunk)
{
	unsigned char head[LAYOUT_CHUNK_HEAD];
	uint32_t len, whole, crc;
	size_t n;

	errno = 0;
	n = fread(head, 1, sizeof(head), r->file);
	if (n < sizeof(head))
		return read_short(r, n == 0);
	len = layout_get(head + 4, 4);
	if (len > RECORDING_CHUNK_MAX)
		return read_end(r, RECORDING_CORRUPT);
	whole = len + layout_padding(len);
	if (make_room(r, whole) < 0)
		return -ENOMEM;
	if (whole && fread(r->payload, 1, whole, r->file) < whole)
		return read_short(r, false);
	crc = crc32(0, head, 8);
	if (len)
		crc = crc32(crc, r->payload, len);
	if (crc != layout_get(head + 8, 4))
		return read_end(r, RECORDING_CORRUPT);
	*ret_chunk = (struct chunk){ .kind = layout_get(head, 4),
				     .len = len,
				     .payload = len ? r->payload : (const void *)"" };
	return 1;
}

int recording_next(struct recording_reader *r, struct chunk *ret_chunk)
{
	struct chunk chunk;
	int e;

	if (block_next(&r->block, ret_chunk))
		return 1;
	if (r->ended)
		return 0;
	e = read_chunk(r, &chunk);
	if (e <= 0)
		return e;
	if (chunk.kind == LAYOUT_BLOCK) {
		e = block_unpack(&r->block, chunk.payload, chunk.len);
		if (e < 0)
			return e == -EBADMSG ? read_end(r, RECORDING_CORRUPT) : e;
	}
	r->offset += LAYOUT_CHUNK_HEAD + chunk.len + layout_padding(chunk.len);
	if (chunk.kind != LAYOUT_BLOCK)
		*ret_chunk = chunk;
	else
		block_next(&r->block, ret_chunk);
	return 1;
}

enum recording_state recording_state(const struct recording_reader *r)
{
	return r->state;
}

uint64_t recording_bytes_read(const struct recording_reader *r)
{
	return r->offset;
}
