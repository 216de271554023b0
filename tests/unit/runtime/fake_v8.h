/* fake_v8.h: a heap of V8 11.3 in an array, for tests of what reads one.
 *
 * Objects are laid out as Node.js 20 has them; addresses begin at FAKE_V8_BASE.
 */
#ifndef STALLPROF_TEST_FAKE_V8_H
#define STALLPROF_TEST_FAKE_V8_H

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "runtime/v8_heap.h"

#define FAKE_V8_BASE  0x10000000ull
#define FAKE_V8_WORDS 65536

/* Instance types of that version. */
enum fake_type {
	FAKE_SEQ_2 = 32,
	FAKE_CONS = 33,
	FAKE_EXTERNAL_1 = 42,
	FAKE_SLICED = 43,
	FAKE_THIN = 45,
	FAKE_SEQ_1 = 40,
	FAKE_UNCACHED = 58,
	FAKE_SCRIPT = 167,
	FAKE_ARRAY = 175,
	FAKE_BYTES = 190,
	FAKE_BYTECODE = 191,
	FAKE_CODE = 245,
	FAKE_STREAM = 252,
	FAKE_MAP = 255,
	FAKE_SCOPE = 261,
	FAKE_SHARED = 262,
	FAKE_TYPES = 512,
};

struct fake_v8 {
	uint64_t words[FAKE_V8_WORDS];
	size_t used;
	uint64_t maps[FAKE_TYPES]; /* tagged; made when first needed */
	uint64_t reads;
	int error; /* of every read; 0: none */
	int scripts;
	struct v8_layout l;
};

static inline int fake_v8_read(const void *memory, uint64_t addr, void *buf, size_t len)
{
	struct fake_v8 *f = (struct fake_v8 *)(uintptr_t)memory;

	f->reads++;
	if (f->error)
		return f->error;
	if (addr < FAKE_V8_BASE || len > sizeof(f->words) ||
	    addr - FAKE_V8_BASE > sizeof(f->words) - len)
		return -EFAULT;
	memcpy(buf, (char *)f->words + (addr - FAKE_V8_BASE), len);
	return 0;
}

static inline uint64_t fake_smi(int32_t n)
{
	return (uint64_t)(uint32_t)n << 32;
}

/* A tagged word for so many words of room, all zero. */
static inline uint64_t fake_room(struct fake_v8 *f, size_t words)
{
	uint64_t at = FAKE_V8_BASE + f->used * 8;

	f->used += words;
	assert(f->used <= FAKE_V8_WORDS);
	return at + 1;
}

static inline void fake_put(struct fake_v8 *f, uint64_t object, size_t off, uint64_t word)
{
	memcpy((char *)f->words + (object - 1 - FAKE_V8_BASE) + off, &word, sizeof(word));
}

static inline uint64_t fake_object(struct fake_v8 *f, enum fake_type type, size_t words);

static inline uint64_t fake_map(struct fake_v8 *f, enum fake_type type)
{
	uint64_t map = f->maps[type];

	if (map)
		return map;
	map = fake_room(f, 10);
	f->maps[type] = map;
	fake_put(f, map, 0, fake_map(f, FAKE_MAP));
	fake_put(f, map, 8, (uint64_t)type << 32); /* u16 at 12 */
	return map;
}

static inline uint64_t fake_object(struct fake_v8 *f, enum fake_type type, size_t words)
{
	uint64_t map = fake_map(f, type), object = fake_room(f, words);

	fake_put(f, object, 0, map);
	return object;
}

static inline void fake_bytes_at(struct fake_v8 *f, uint64_t object, size_t off, const void *bytes,
				 size_t len)
{
	memcpy((char *)f->words + (object - 1 - FAKE_V8_BASE) + off, bytes, len);
}

static inline uint64_t fake_string(struct fake_v8 *f, const char *text)
{
	size_t len = strlen(text);
	uint64_t s = fake_object(f, FAKE_SEQ_1, 2 + (len + 7) / 8);

	fake_put(f, s, 8, (uint64_t)len << 32); /* u32 at 12 */
	fake_bytes_at(f, s, 16, text, len);
	return s;
}

static inline uint64_t fake_array(struct fake_v8 *f, enum fake_type type, const void *bytes,
				  size_t len, size_t length)
{
	uint64_t a = fake_object(f, type, 2 + (len + 7) / 8);

	fake_put(f, a, 8, fake_smi((int32_t)length));
	fake_bytes_at(f, a, 16, bytes, len);
	return a;
}

/* A script with a text and a name; 0 as name: none.  Each has a number of its own. */
static inline uint64_t fake_script(struct fake_v8 *f, uint64_t source, uint64_t name)
{
	uint64_t s = fake_object(f, FAKE_SCRIPT, 14);

	fake_put(f, s, 8, source);
	fake_put(f, s, 16, name);
	fake_put(f, s, 64, fake_smi(++f->scripts));
	return s;
}

/* A scope without variables but with a name. */
static inline uint64_t fake_scope(struct fake_v8 *f, const char *name)
{
	uint64_t text = fake_string(f, name), s = fake_object(f, FAKE_SCOPE, 10);

	fake_put(f, s, 32, text);
	fake_put(f, s, 40, fake_smi(-1));
	return s;
}

/* A function: data is its bytecode or code, or a Smi. */
static inline uint64_t fake_shared(struct fake_v8 *f, uint64_t name, uint64_t script, uint64_t data,
				   uint32_t literal)
{
	uint64_t s = fake_object(f, FAKE_SHARED, 8);

	fake_put(f, s, 8, data);
	fake_put(f, s, 16, name);
	fake_put(f, s, 32, script);
	fake_put(f, s, 40, 0x2000d00020001ull);
	fake_put(f, s, 48, (uint64_t)literal << 32 | 0x1100);
	return s;
}

static inline const struct v8_private *fake_hidden(void)
{
	static const struct v8_private h = { .major = 11,
					     .minor = 3,
					     .shared_data = 8,
					     .bytecode_positions = 32,
					     .code_bytecode = 16,
					     .code_positions = 24,
					     .inlined_at = 7,
					     .inlined_functions = 2,
					     .code_start = 40,
					     .code_flags = 48,
					     .code_size = 56,
					     .header = 16,
					     .code = 8 };

	return &h;
}

static inline void fake_v8_init(struct fake_v8 *f)
{
	memset(f, 0, sizeof(*f));
	f->used = 64;
	f->l = (struct v8_layout){
		.fp_context = -8,
		.fp_function = -16,
		.fp_bytecode_off = -40,
		.smi_shift = 31,
		.tagged_size = 8,
		.map_type = 12,
		.function_shared = 24,
		.shared_name = 16,
		.shared_script = 32,
		.shared_length = 40,
		.shared_flags = 48,
		.script_source = 8,
		.script_name = 16,
		.script_line_ends = 56,
		.script_eval_from = 72,
		.script_id = 64,
		.string_length = 12,
		.string_chars = 16,
		.cons_first = 16,
		.cons_second = 24,
		.sliced_parent = 16,
		.sliced_offset = 24,
		.thin_actual = 16,
		.external_resource = 16,
		.array_length = 8,
		.array_data = 16,
		.bytecode_data = 54,
		.scope_locals = 2,
		.scope_first = 3,
		.not_string = 128,
		.type_function = 2066,
		.type_shared = FAKE_SHARED,
		.type_script = FAKE_SCRIPT,
		.type_scope = FAKE_SCOPE,
		.type_map = FAKE_MAP,
		.type_array = FAKE_ARRAY,
		.type_bytes = FAKE_BYTES,
		.type_bytecode = FAKE_BYTECODE,
		.type_code = FAKE_CODE,
		.type_instructions = FAKE_STREAM,
		.kind_mask = 15,
		.kind_baseline = 11,
		.n_bytecodes = 8,
	};
	f->l.hidden = fake_hidden();
	/* 0 and 1 are prefixes; the rest has as many bytes as its number, twice that when wide */
	for (int i = 4; i < 8; i++) {
		f->l.bytecode_sizes[0][i] = (uint8_t)(i - 3);
		f->l.bytecode_sizes[1][i] = (uint8_t)(2 * (i - 3));
		f->l.bytecode_sizes[2][i] = (uint8_t)(4 * (i - 3));
	}
}

#endif
