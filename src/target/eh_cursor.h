/* eh_cursor.h: reads the numbers of DWARF call frame information out of bytes in memory.
 *
 * Owns the bounds: a cursor never leaves its bytes, whatever they say; past the end it gives zeros
 * and is `bad` from then on.  Must not know what the numbers mean.
 */
#ifndef STALLPROF_TARGET_EH_CURSOR_H
#define STALLPROF_TARGET_EH_CURSOR_H

#include <dwarf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct eh_cursor {
	const uint8_t *at, *end;
	uint64_t vaddr; /* of `end`, for pointers that count from their own place */
	bool bad;
};

static inline size_t eh_left(const struct eh_cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* A little-endian number of at most 8 bytes. */
static inline uint64_t eh_take(struct eh_cursor *c, size_t size)
{
	uint64_t v = 0;

	if (eh_left(c) < size) {
		c->bad = true;
		c->at = c->end;
		return 0;
	}
	memcpy(&v, c->at, size);
	c->at += size;
	return v;
}

static inline void eh_skip(struct eh_cursor *c, uint64_t size)
{
	if (size > eh_left(c)) {
		c->bad = true;
		size = eh_left(c);
	}
	c->at += size;
}

/* Bits over the 64th are dropped, as every reader does. */
static inline uint64_t eh_leb(struct eh_cursor *c, bool is_signed)
{
	unsigned int shift = 0;
	uint64_t v = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)eh_take(c, 1);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && shift < 64 && byte & 0x40)
		v |= ~0ull << shift;
	return v;
}

static inline uint64_t eh_uleb(struct eh_cursor *c)
{
	return eh_leb(c, false);
}

static inline int64_t eh_sleb(struct eh_cursor *c)
{
	return (int64_t)eh_leb(c, true);
}

/* A pointer in a DW_EH_PE_* encoding; `data` is the base of those that count from it.  What would
 * need the process to be read (indirect), or a base that the file does not name, is `bad`. */
static inline uint64_t eh_pointer(struct eh_cursor *c, uint8_t encoding, uint64_t data)
{
	uint64_t base = 0;

	if ((encoding & 0xf0) == DW_EH_PE_pcrel)
		base = c->vaddr - eh_left(c);
	else if ((encoding & 0xf0) == DW_EH_PE_datarel && data)
		base = data;
	else if ((encoding & 0xf0) != DW_EH_PE_absptr)
		c->bad = true;
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return base + eh_take(c, 8);
	case DW_EH_PE_udata4:
		return base + eh_take(c, 4);
	case DW_EH_PE_sdata4:
		return base + (uint64_t)(int32_t)eh_take(c, 4);
	case DW_EH_PE_udata2:
		return base + eh_take(c, 2);
	case DW_EH_PE_sdata2:
		return base + (uint64_t)(int16_t)eh_take(c, 2);
	case DW_EH_PE_uleb128:
		return base + eh_uleb(c);
	case DW_EH_PE_sleb128:
		return base + (uint64_t)eh_sleb(c);
	}
	c->bad = true;
	return 0;
}

#endif
