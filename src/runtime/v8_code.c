/* v8_code.c: see v8_code.h.
 *
 * Instructions follow the header of an object whose first word is its map.  Which object an address
 * lies in, V8 knows from a table of its own; from outside it is the nearest map below, if what
 * stands there says of itself that it reaches to the address.
 */
#include "runtime/v8_code.h"

#include <errno.h>
#include <string.h>

#include "target/native.h"

#define SEARCH_MAX (128u << 10) /* bytes of code below an address that are looked at */
#define BLOCK	   4096u
/* Between a call's row and its return address: its arguments, pushed one by one, and the call. */
#define CALL_MAX 128

struct code {
	uint64_t object; /* of type Code, tagged */
	uint64_t start;	 /* its first instruction */
	uint32_t size;
	uint32_t kind;
};

/* Whether the object at that address holds the instruction.  0; -EPROTO: it does not. */
static int try_object(struct v8_heap *h, uint64_t at, uint64_t addr, struct code *ret)
{
	const struct v8_private *p = h->l->hidden;
	struct code c = { .object = at + 1, .start = at + p->header };
	uint64_t start = c.start;
	uint32_t flags = 0;
	int r = 0;

	if (p->code)
		r = v8_heap_word(h, at + p->code, &c.object);
	if (r == 0 && p->code_start)
		r = v8_field(h, c.object, h->l->type_code, p->code_start, &start);
	else if (r == 0 && v8_type(h, c.object) != (uint32_t)h->l->type_code)
		r = -EPROTO;
	if (r == 0)
		r = v8_heap_read(h, v8_address(c.object) + p->code_size, &c.size, sizeof(c.size));
	if (r == 0)
		r = v8_heap_read(h, v8_address(c.object) + p->code_flags, &flags, sizeof(flags));
	if (r < 0)
		return r;
	if (start != c.start || addr < c.start || addr - c.start > c.size)
		return -EPROTO;
	c.kind = flags & (uint32_t)h->l->kind_mask;
	*ret = c;
	return 0;
}

/* The same for every place in a block where a header can begin, from the last one on. */
static int try_block(struct v8_heap *h, uint64_t block, uint64_t addr, struct code *ret)
{
	const uint32_t type = (uint32_t)(h->l->hidden->code ? h->l->type_instructions
							    : h->l->type_code);
	uint64_t words[BLOCK / 8];
	int r = v8_heap_read(h, block, words, sizeof(words));
	size_t i;

	for (i = r == 0 ? BLOCK / 8 : 0; i-- > 0;) {
		uint64_t at = block + i * 8;

		/* instructions begin at multiples of 32 */
		if (at > addr || (at + h->l->hidden->header) % 32 || !v8_is_object(words[i]) ||
		    v8_type(h, at + 1) != type)
			continue;
		return try_object(h, at, addr, ret);
	}
	return r < 0 ? r : -EAGAIN;
}

static int find_code(struct v8_heap *h, uint64_t addr, struct code *ret)
{
	uint64_t block = addr & ~(uint64_t)(BLOCK - 1);
	uint32_t i;
	int r = -EAGAIN;

	for (i = 0; r == -EAGAIN && i < SEARCH_MAX / BLOCK; i++, block -= BLOCK)
		r = try_block(h, block, addr, ret);
	return r;
}

static int32_t baseline_at(struct v8_heap *h, struct v8_names *n, const struct v8_function *f,
			   const struct code *c, uint64_t addr)
{
	const struct v8_layout *l = h->l;
	_cleanup_free_ uint8_t *table = NULL, *bytes = NULL;
	uint64_t word, bytecode, length, positions;
	struct v8_position p;
	uint32_t len;
	int32_t offset;

	if (v8_field(h, c->object, l->type_code, l->hidden->code_positions, &word) < 0 ||
	    v8_bytes(h, word, &table, &len) < 0 ||
	    v8_field(h, c->object, l->type_code, l->hidden->code_bytecode, &bytecode) < 0 ||
	    /* it may be the code of a function that is about to make its frame */
	    v8_names_bytecode(n, f, &word) < 0 || word != bytecode ||
	    v8_field(h, bytecode, l->type_bytecode, l->array_length, &length) < 0 ||
	    v8_field(h, bytecode, l->type_bytecode, l->hidden->bytecode_positions, &positions) < 0)
		return -1;
	if (!v8_is_smi(length) || v8_smi(length) <= 0 || v8_smi(length) > (int32_t)V8_TABLE_MAX)
		return -1;
	bytes = malloc((size_t)v8_smi(length));
	if (!bytes || v8_heap_read(h, v8_address(bytecode) + (uint64_t)l->bytecode_data, bytes,
				   (size_t)v8_smi(length)) < 0)
		return -1;
	offset = v8_baseline_offset(l, table, len, bytes, (size_t)v8_smi(length), addr - c->start);
	return offset >= 0 && v8_position_in(h, positions, offset, &p) ? p.at : -1;
}

/* Element of an array whose type depends on the version; who uses it checks what it is. */
static int element(struct v8_heap *h, uint64_t array, uint32_t index, uint64_t *ret)
{
	const struct v8_layout *l = h->l;
	uint64_t length;
	int r = -EPROTO;

	if (v8_is_object(array))
		r = v8_heap_word(h, v8_address(array) + (uint64_t)l->array_length, &length);
	if (r < 0)
		return r;
	if (!v8_is_smi(length) || v8_smi(length) < 0 || index >= (uint32_t)v8_smi(length))
		return -EPROTO;
	return v8_heap_word(h, v8_address(array) + (uint64_t)l->array_data + 8ull * index, ret);
}

/* What was inlined in optimised code. */
struct inlined {
	uint8_t *at; /* 16 bytes each: the position of the call, s32 number of the function */
	uint32_t len;
	uint64_t functions; /* array */
};

static int read_inlined(struct v8_heap *h, const struct code *c, struct inlined *ret)
{
	const struct v8_private *p = h->l->hidden;
	uint64_t data, at;
	int r = v8_field(h, c->object, h->l->type_code, p->code_bytecode, &data);

	if (r == 0)
		r = element(h, data, p->inlined_functions, &ret->functions);
	if (r == 0)
		r = element(h, data, p->inlined_at, &at);
	return r == 0 ? v8_bytes(h, at, &ret->at, &ret->len) : r;
}

/* The function, and in *p the place of the call of it, which may lie in another inlined one. */
static int step_out(struct v8_heap *h, const struct inlined *in, struct v8_position *p,
		    uint64_t *ret_shared)
{
	uint32_t number;
	uint64_t raw;

	if ((uint32_t)p->inlined >= in->len / 16)
		return -EPROTO;
	memcpy(&raw, in->at + 16 * p->inlined, sizeof(raw));
	memcpy(&number, in->at + 16 * p->inlined + 8, sizeof(number));
	v8_position_unpack(raw, p);
	if (p->at < 0 || element(h, in->functions, number, ret_shared) < 0 ||
	    v8_type(h, *ret_shared) != (uint32_t)h->l->type_shared)
		return -EPROTO;
	return 0;
}

/* Whether the code says that it is the function's: it may have been freed, and its memory used
 * again, since the address was noted.  The function stands before the places of inlining, since V8
 * 12 in an object of its own. */
static bool is_of(struct v8_heap *h, const struct code *c, const struct v8_function *f)
{
	const struct v8_private *p = h->l->hidden;
	const uint32_t type = (uint32_t)h->l->type_shared;
	uint64_t data, word;

	if (v8_field(h, c->object, h->l->type_code, p->code_bytecode, &data) < 0 ||
	    element(h, data, p->inlined_at - 1u, &word) < 0)
		return false;
	if (v8_type(h, word) != type &&
	    (!v8_is_object(word) || v8_heap_word(h, v8_address(word) + 8, &word) < 0))
		return false;
	return word == f->shared;
}

/* Other code of the same function may lie there, too: then it is no place that a call returns to,
 * but by chance. */
static bool is_behind_call(struct v8_heap *h, uint64_t addr)
{
	uint8_t before[7];

	return v8_heap_read(h, addr - sizeof(before), before, sizeof(before)) == 0 &&
	       native_ends_in_call(before, sizeof(before));
}

static size_t optimised_places(struct v8_heap *h, const struct code *c, int32_t offset,
			       struct v8_place *places)
{
	_cleanup_free_ uint8_t *at = NULL;
	struct inlined in = { 0 };
	struct v8_position p;
	uint64_t table;
	size_t n = 0;

	if (v8_field(h, c->object, h->l->type_code, h->l->hidden->code_positions, &table) < 0 ||
	    !v8_position_in(h, table, offset, &p) || offset - p.code > CALL_MAX)
		return 0;
	if (p.inlined >= 0 && read_inlined(h, c, &in) < 0)
		return 0;
	at = in.at;
	for (; p.inlined >= 0; n++) {
		if (n + 1 >= V8_PLACES_MAX)
			return 0;
		places[n].at = p.at;
		if (step_out(h, &in, &p, &places[n].shared) < 0)
			return 0;
	}
	places[n] = (struct v8_place){ .at = p.at };
	return n + 1;
}

size_t v8_code_places(struct v8_heap *h, struct v8_names *n, const struct v8_function *f,
		      uint64_t addr, bool returns, struct v8_place ret_places[V8_PLACES_MAX])
{
	struct code c;

	if (!h->l->hidden || f->moved || f->unread || !f->script || find_code(h, addr, &c) < 0)
		return 0;
	if (c.kind == (uint32_t)h->l->kind_baseline) {
		ret_places[0] = (struct v8_place){ .at = baseline_at(h, n, f, &c, addr) };
		return ret_places[0].at >= 0;
	}
	/* Optimised code has rows for its calls only. */
	return returns && is_of(h, &c, f) && is_behind_call(h, addr)
		       ? optimised_places(h, &c, (int32_t)(addr - c.start) - 1, ret_places)
		       : 0;
}
