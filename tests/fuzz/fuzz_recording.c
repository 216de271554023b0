/* fuzz_recording.c: any bytes as a .stall file, as such a file with its check sums made right, and
 * as the inside of a block: the reader must end, and never crash.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "recording/block.h"
#include "recording/layout.h"
#include "recording/recording.h"

static void touch(const struct chunk *chunk)
{
	for (uint32_t i = 0; i < chunk->len; i++)
		(void)((const volatile unsigned char *)chunk->payload)[i];
}

static void read_file(const uint8_t *data, size_t size)
{
	cleanup(recording_closep) struct recording_reader *r = NULL;
	struct chunk chunk;
	FILE *file = fmemopen((void *)data, size, "r");

	if (!file || recording_open_stream(file, &r) < 0)
		return;
	while (recording_next(r, &chunk) > 0) {
		if (chunk.kind == LAYOUT_BLOCK || chunk.len > RECORDING_CHUNK_MAX)
			__builtin_trap();
		touch(&chunk);
	}
	if (recording_state(r) > RECORDING_CORRUPT || recording_bytes_read(r) > size)
		__builtin_trap();
}

/* No fuzzer guesses a check sum; without this nothing behind one would ever be met. */
static void mend(uint8_t *data, size_t size)
{
	size_t at = LAYOUT_HEADER_SIZE;

	if (size < LAYOUT_HEADER_SIZE)
		return;
	layout_put(data + LAYOUT_CRC, 0, 4);
	layout_put(data + LAYOUT_CRC, crc32(0, data, LAYOUT_HEADER_SIZE), 4);
	while (size - at >= LAYOUT_CHUNK_HEAD) {
		uint32_t len = layout_get(data + at + 4, 4);

		if (len > size - at - LAYOUT_CHUNK_HEAD)
			return;
		layout_put(data + at + 8,
			   crc32(crc32(0, data + at, 8), data + at + LAYOUT_CHUNK_HEAD, len), 4);
		at += LAYOUT_CHUNK_HEAD + len;
		if (size - at < layout_padding(len))
			return;
		at += layout_padding(len);
	}
}

static void read_block(const uint8_t *payload, size_t len)
{
	struct block b = { 0 };
	struct chunk chunk;

	if (block_unpack(&b, payload, len) == 0)
		while (block_next(&b, &chunk))
			touch(&chunk);
	else if (block_next(&b, &chunk))
		__builtin_trap();
	block_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *copy = NULL, *block = NULL;
	uLongf packed = compressBound(size);

	if (size == 0)
		return 0;
	copy = malloc(size);
	block = malloc(LAYOUT_BLOCK_HEAD + packed);
	if (!copy || !block)
		return 0;
	read_file(data, size);
	memcpy(copy, data, size);
	mend(copy, size);
	read_file(copy, size);
	read_block(data, size);
	if (compress2(block + LAYOUT_BLOCK_HEAD, &packed, data, size, Z_BEST_SPEED) == Z_OK) {
		layout_put(block, size, LAYOUT_BLOCK_HEAD);
		read_block(block, LAYOUT_BLOCK_HEAD + packed);
	}
	return 0;
}
