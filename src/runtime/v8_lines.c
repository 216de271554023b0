/* v8_lines.c: see v8_lines.h.  The encodings: src/codegen/source-position-table.cc, src/base/vlq.h
 * and src/baseline/bytecode-offset-iterator.h of V8. */
#include "runtime/v8_lines.h"

#include <string.h>

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

/* Seven bits a byte, lowest first; bit 7: more follow. */
static uint64_t next_bits(struct cursor *c)
{
	uint64_t bits = 0;
	unsigned int shift;

	for (shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (c->at == c->end)
			break;
		byte = *c->at++;
		bits |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return bits;
	}
	c->bad = true;
	return 0;
}

static int64_t next_signed(struct cursor *c)
{
	uint64_t bits = next_bits(c);

	return (int64_t)(bits >> 1 ^ -(bits & 1));
}

/* Bits of a position: 0 external, 1-30 the character plus 1, 31-46 the inlined function plus 1. */
void v8_position_unpack(uint64_t raw, struct v8_position *p)
{
	p->at = (int32_t)(raw >> 1 & 0x3fffffff) - 1;
	p->inlined = (int32_t)(raw >> 31 & 0xffff) - 1;
	if (raw & 1)
		p->at = -1;
}

/* Rows come as differences from the one before. */
struct rows {
	struct cursor c;
	int64_t code;
	uint64_t raw;
};

static struct rows rows_of(const uint8_t *table, size_t len)
{
	/* a row before the first bytecode is the function itself */
	return (struct rows){ .c = { .at = table, .end = table + len }, .code = -1 };
}

/* False at the end, and when the table is damaged: then r->c.bad. */
static bool next_row(struct rows *r, struct v8_position *ret)
{
	int64_t step;

	if (r->c.at == r->c.end)
		return false;
	/* negative: no statement, which does not matter here */
	step = next_signed(&r->c);
	r->code += step < 0 ? -(step + 1) : step;
	r->raw += (uint64_t)next_signed(&r->c);
	r->c.bad |= r->code > INT32_MAX;
	ret->code = (int32_t)r->code;
	v8_position_unpack(r->raw, ret);
	return !r->c.bad;
}

bool v8_position_find(const uint8_t *table, size_t len, int32_t offset, struct v8_position *ret)
{
	struct rows rows = rows_of(table, len);
	struct v8_position p;
	bool found = false;

	while (next_row(&rows, &p) && p.code <= offset) {
		*ret = p;
		found = true;
	}
	return !rows.c.bad && found && ret->at >= 0;
}

bool v8_position_range(const uint8_t *table, size_t len, int32_t *ret_first, int32_t *ret_last)
{
	struct rows rows = rows_of(table, len);
	struct v8_position p;
	int32_t first = INT32_MAX, last = -1;

	while (next_row(&rows, &p)) {
		rows.c.bad |= p.at < 0;
		first = p.at < first ? p.at : first;
		last = p.at > last ? p.at : last;
	}
	*ret_first = first;
	*ret_last = last;
	return !rows.c.bad && last >= 0;
}

/* Bytes of the bytecode, with its prefix; 0: it is none. */
static size_t bytecode_size(const struct v8_layout *l, const uint8_t *code, size_t left)
{
	/* Wide, ExtraWide and what a debugger puts in their place */
	size_t prefix = code[0] < 4, size;
	unsigned int scale = prefix ? 1 + code[0] % 2 : 0;

	if (left <= prefix || code[prefix] >= l->n_bytecodes)
		return 0;
	size = l->bytecode_sizes[scale][code[prefix]];
	return size ? prefix + size : 0;
}

int32_t v8_baseline_offset(const struct v8_layout *l, const uint8_t *table, size_t len,
			   const uint8_t *bytecodes, size_t n_bytecodes, uint64_t pc)
{
	struct cursor c = { .at = table, .end = table + len };
	uint64_t end = next_bits(&c); /* of what stands before the first bytecode */
	size_t next = 0, size;
	int32_t offset = -1;

	while (end < pc && !c.bad && c.at < c.end && next < n_bytecodes) {
		size = bytecode_size(l, bytecodes + next, n_bytecodes - next);
		if (!size)
			return -1;
		end += next_bits(&c);
		offset = (int32_t)next;
		next += size;
	}
	return c.bad || end < pc ? -1 : offset;
}

static int end_line(struct v8_line_ends *e, uint32_t at)
{
	return vec_add(&e->ends, at);
}

int v8_line_ends_put(struct v8_line_ends *e, const uint8_t *chars, unsigned int width, size_t count)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < count; i++) {
		uint32_t c = width == 1 ? chars[i]
					: (uint32_t)(chars[i * 2] | chars[i * 2 + 1] << 8);

		/* a carriage return alone ends a line, with a line feed that does */
		if (e->after_cr && c != '\n')
			r = end_line(e, e->at - 1);
		if (r == 0 && (c == '\n' || c == 0x2028 || c == 0x2029))
			r = end_line(e, e->at);
		e->after_cr = c == '\r';
		e->at++;
	}
	return r;
}

int v8_line_ends_finish(struct v8_line_ends *e)
{
	int r = e->after_cr ? end_line(e, e->at - 1) : 0;

	e->after_cr = false;
	return r < 0 ? r : end_line(e, e->at);
}

void v8_line_ends_release(struct v8_line_ends *e)
{
	vec_release(&e->ends);
	memset(e, 0, sizeof(*e));
}

uint32_t v8_line_ends_find(const struct v8_line_ends *e, int32_t at)
{
	size_t low = 0, high = e->ends.count;

	if (at < 0)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (e->ends.items[middle] < (uint32_t)at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < e->ends.count ? (uint32_t)low + 1 : 0;
}
