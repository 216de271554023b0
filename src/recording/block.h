/* block.h: many chunks as one deflated chunk of the file, and back.
 *
 * Recordings repeat themselves: names, paths, zeros in events.  The writer gathers chunks in a
 * string and packs them; the reader unpacks a block and hands out what is inside.  Owns the
 * encoding of both, as layout.h tells it.  Must not know files, nor what chunks mean.
 */
#ifndef STALLPROF_RECORDING_BLOCK_H
#define STALLPROF_RECORDING_BLOCK_H

#include "base/cleanup.h"
#include "recording/chunk.h"

/* Adds a chunk to those that shall become a block.  0 or -ENOMEM, and then nothing was added. */
int block_add(struct str *raw, const struct chunk *chunk);

/* Adds to `out` what the file shall hold for the gathered chunks: one block, or, where deflating
 * saves nothing, plain chunks, so that a file never gets longer by this.  0 or -ENOMEM. */
int block_pack(const struct str *raw, struct str *out);

/* An unpacked block; all zero is an empty one. */
struct block {
	unsigned char *bytes; /* owned */
	size_t room;
	size_t len;
	size_t at; /* of the chunk to hand out next */
};

/* Replaces the content by that of a block chunk with this payload.  -EBADMSG: it is not exactly a
 * sequence of whole chunks of the length that it states; nothing of it is handed out then. */
int block_unpack(struct block *b, const unsigned char *payload, size_t len);
/* False at the end.  The chunk's payload is valid until the next block_unpack. */
bool block_next(struct block *b, struct chunk *ret_chunk);
void block_release(struct block *b);

#endif
