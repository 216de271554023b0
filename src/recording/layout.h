/* layout.h: where the bytes of a .stall file are; shared by the writer and the reader only.
 *
 * The header, little endian: magic[8], u16 major, u16 minor, u32 byte-order mark, u32 header size,
 * u32 complete, u64 bytes of the whole file (0 until complete), u32 crc32 of the header with this
 * field zero, zeros up to 64.  A chunk: u32 kind, u32 length, u32 crc32, payload, zeros to 8.
 *
 * A chunk of kind LAYOUT_BLOCK holds others.  Its payload: u32 raw length, then as a zlib stream
 * that many bytes: inner chunks, each u32 kind, u32 length, payload, with neither check sum nor
 * padding of their own.  A block holds at least one chunk, only whole ones, and no block.
 */
#ifndef STALLPROF_RECORDING_LAYOUT_H
#define STALLPROF_RECORDING_LAYOUT_H

#include <stdint.h>

#define LAYOUT_MAGIC	   "STALLPRF"
#define LAYOUT_BYTE_ORDER  0x01020304u
#define LAYOUT_HEADER_SIZE 64
#define LAYOUT_CHUNK_HEAD  12
/* The one kind that belongs to the file and not to chunk.h: a block. */
#define LAYOUT_BLOCK	  0x5au
#define LAYOUT_BLOCK_HEAD 4
#define LAYOUT_INNER_HEAD 8
/* Longest raw length: twice the longest chunk, which is more than this version writes. */
#define LAYOUT_BLOCK_MAX (2u << 20)
/* A later minor version may have a longer header; more than this is taken for damage. */
#define LAYOUT_HEADER_MAX 4096

enum layout_offset {
	LAYOUT_MAJOR = 8,
	LAYOUT_MINOR = 10,
	LAYOUT_ORDER = 12,
	LAYOUT_SIZE = 16,
	LAYOUT_COMPLETE = 20,
	LAYOUT_BYTES = 24,
	LAYOUT_CRC = 32,
};

static inline void layout_put(unsigned char *at, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = v >> (8 * i);
}

static inline uint64_t layout_get(const unsigned char *at, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

/* Bytes of zeros after a chunk with that payload. */
static inline uint32_t layout_padding(uint32_t len)
{
	return -(LAYOUT_CHUNK_HEAD + len) & 7;
}

#endif
