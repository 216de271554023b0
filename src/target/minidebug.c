/* minidebug.c: see minidebug.h.
 *
 * A few hundred bytes can unpack to gigabytes, so the output is bounded as it grows and so is the
 * memory that the decoder asks for.
 */
#include "target/minidebug.h"

#include <errno.h>
#include <lzma.h>
#include <stdint.h>

#define DECODER_MEMORY_MAX \
	(128u << 20) /* the largest dictionary of the xz presets is half of it \
		      */
#define PIECE 65536

static int unpack(lzma_stream *stream, struct str *file)
{
	for (;;) {
		uint8_t piece[PIECE];
		lzma_ret status;
		int r;

		stream->next_out = piece;
		stream->avail_out = sizeof(piece);
		status = lzma_code(stream, LZMA_FINISH);
		if (status != LZMA_OK && status != LZMA_STREAM_END)
			return status == LZMA_MEM_ERROR	       ? -ENOMEM
			       : status == LZMA_MEMLIMIT_ERROR ? -EFBIG
							       : -EBADMSG;
		if (file->len + (sizeof(piece) - stream->avail_out) > MINIDEBUG_UNPACKED_MAX)
			return -EFBIG;
		r = str_add_mem(file, piece, sizeof(piece) - stream->avail_out);
		if (r < 0 || status == LZMA_STREAM_END)
			return r;
	}
}

int minidebug_unpack(const void *bytes, size_t len, struct str *ret_file)
{
	cleanup(str_releasep) struct str file = { 0 };
	lzma_stream stream = LZMA_STREAM_INIT;
	int r;

	if (lzma_stream_decoder(&stream, DECODER_MEMORY_MAX, 0) != LZMA_OK)
		return -ENOMEM;
	stream.next_in = bytes;
	stream.avail_in = len;
	r = unpack(&stream, &file);
	lzma_end(&stream);
	if (r < 0)
		return r;
	*ret_file = file;
	file = (struct str){ 0 };
	return 0;
}

int minidebug_read(const struct elf_image *e, struct str *ret_file)
{
	_cleanup_free_ void *packed = NULL;
	size_t len;
	int r = elf_image_raw_section(e, ".gnu_debugdata", MINIDEBUG_PACKED_MAX, &packed, &len);

	return r < 0 ? r : minidebug_unpack(packed, len, ret_file);
}
