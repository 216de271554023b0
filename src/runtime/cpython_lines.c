/* cpython_lines.c: see cpython_lines.h. */
#include "runtime/cpython_lines.h"

#include <stdbool.h>

#define NO_LINE_STEP (-128)

/* Kinds of a location entry: the four bits behind its first one. */
enum location_kind {
	LOCATION_ONE_LINE_0 = 10, /* up to 12: that many lines further, minus 10 */
	LOCATION_ONE_LINE_2 = 12,
	LOCATION_NO_COLUMNS = 13,
	LOCATION_LONG = 14,
	LOCATION_NONE = 15,
};

/* Lines are kept in 64 bits: steps of a hostile table must not overflow. */
static uint32_t line_or_none(int64_t line)
{
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

static uint32_t lnotab_line(const uint8_t *table, size_t len, uint32_t first, uint32_t off)
{
	int64_t line = first;
	uint64_t addr = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		addr += table[i];
		if (addr > off)
			break;
		line += (int8_t)table[i + 1];
	}
	return line_or_none(line);
}

static uint32_t linetable_line(const uint8_t *table, size_t len, uint32_t first, uint32_t off)
{
	int64_t line = first;
	uint64_t end = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		int step = (int8_t)table[i + 1];

		end += table[i];
		if (step != NO_LINE_STEP)
			line += step;
		if (off < end)
			return step == NO_LINE_STEP ? 0 : line_or_none(line);
	}
	return 0;
}

/* Six bits per byte, low ones first; bit 6 says that another follows. */
static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	unsigned int shift = 0;
	uint64_t v = 0;

	for (;;) {
		uint8_t b;

		if (*at >= end || shift > 30)
			return false;
		b = *(*at)++;
		v |= (uint64_t)(b & 63) << shift;
		shift += 6;
		if (!(b & 64))
			break;
	}
	*ret = v;
	return true;
}

static bool take_signed(const uint8_t **at, const uint8_t *end, int64_t *ret)
{
	uint64_t v;

	if (!take_varint(at, end, &v))
		return false;
	*ret = v & 1 ? -(int64_t)(v >> 1) : (int64_t)(v >> 1);
	return true;
}

/* Behind the first byte: how far the line moves.  The columns stay unread: only the first byte of
 * an entry has bit 7 set, so the next entry can be searched for. */
static bool line_step(const uint8_t **at, const uint8_t *end, unsigned int kind, int64_t *ret)
{
	*ret = 0;
	if (kind >= LOCATION_ONE_LINE_0 && kind <= LOCATION_ONE_LINE_2)
		*ret = kind - LOCATION_ONE_LINE_0;
	else if (kind == LOCATION_NO_COLUMNS || kind == LOCATION_LONG)
		return take_signed(at, end, ret);
	return true;
}

static uint32_t locations_line(const uint8_t *table, size_t len, uint32_t first, uint32_t off)
{
	const uint8_t *at = table, *end = table + len;
	uint64_t stop = 0;
	int64_t line = first;

	while (at < end) {
		unsigned int kind = *at >> 3 & 15;
		int64_t step;

		if (!(*at & 128)) /* out of step: nothing behind this can be trusted */
			return 0;
		stop += ((*at++ & 7) + 1) * 2;
		if (!line_step(&at, end, kind, &step))
			return 0;
		line += step;
		if (off < stop)
			return kind == LOCATION_NONE ? 0 : line_or_none(line);
		while (at < end && !(*at & 128)) /* columns */
			at++;
	}
	return 0;
}

uint32_t cpython_line(enum cpython_line_format format, const uint8_t *table, size_t len,
		      uint32_t first, uint32_t off)
{
	switch (format) {
	case CPYTHON_LNOTAB:
		return lnotab_line(table, len, first, off);
	case CPYTHON_LINETABLE:
		return linetable_line(table, len, first, off);
	case CPYTHON_LOCATIONS:
		return locations_line(table, len, first, off);
	}
	return 0;
}
