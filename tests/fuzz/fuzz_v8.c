/* fuzz_v8.c: a heap of V8 that is whatever the input says: names, lines and code of its functions.
 *
 * The input changes words of a heap that is made by hand.
 */
#include "runtime/v8_code.h"
#include "tests/unit/runtime/fake_v8.h"

#define PATCH 11 /* bytes: 2 of place, 1 of kind, 8 of value */

static struct fake_v8 whole, f;
static uint64_t functions[3], code_at;

static uint64_t bytes(const uint8_t *data, size_t len)
{
	return fake_array(&whole, FAKE_BYTES, data, len, len);
}

static uint64_t make_code(uint32_t kind, uint64_t bytecode, uint64_t positions)
{
	uint64_t stream, code;

	fake_map(&whole, FAKE_STREAM);
	fake_map(&whole, FAKE_CODE);
	whole.used = (whole.used + 63) / 64 * 64 + 2;
	stream = fake_object(&whole, FAKE_STREAM, 2 + 32);
	code_at = stream - 1 + 16;
	code = fake_object(&whole, FAKE_CODE, 11);
	fake_put(&whole, stream, 8, code);
	fake_put(&whole, code, 16, bytecode);
	fake_put(&whole, code, 24, positions);
	fake_put(&whole, code, 40, code_at);
	fake_put(&whole, code, 48, kind);
	fake_put(&whole, code, 56, 200);
	return code;
}

static void make_heap(void)
{
	static const uint8_t rows[] = { 0x02, 0x04, 0x06, 0x20 }, lengths[] = { 10, 20, 30, 40 };
	uint64_t text, script, bytecode;

	fake_v8_init(&whole);
	text = fake_object(&whole, FAKE_CONS, 4);
	fake_put(&whole, text, 8, 14ull << 32);
	fake_put(&whole, text, 16, fake_string(&whole, "line 1\n"));
	fake_put(&whole, text, 24, fake_string(&whole, "line 2\n"));
	script = fake_script(&whole, text, fake_string(&whole, "file:///srv/a%20b.js"));
	bytecode = fake_object(&whole, FAKE_BYTECODE, 12);
	fake_put(&whole, bytecode, 8, fake_smi(17));
	fake_put(&whole, bytecode, 32, bytes(rows, sizeof(rows)));
	functions[0] = fake_shared(&whole, fake_scope(&whole, "f"), script, bytecode, 5);
	functions[1] = fake_shared(&whole, fake_string(&whole, "map"), 0, 0, 5);
	functions[2] = fake_shared(&whole, fake_scope(&whole, ""), script,
				   make_code(11, bytecode, bytes(lengths, sizeof(lengths))), 6);
}

static void ask(struct v8_heap *h, struct v8_names *names, uint64_t shared)
{
	struct v8_place places[V8_PLACES_MAX];
	const struct v8_function *found;

	v8_heap_begin(h);
	if (v8_names_get(names, shared, 0, &found) < 0 || !found->fn)
		return;
	for (int32_t off = 50; off < 75; off++)
		v8_names_line(names, found, off);
	for (uint64_t pc = 0; pc < 210; pc += 30) {
		v8_heap_begin(h);
		v8_code_places(h, names, found, code_at + pc, pc % 60 == 0, places);
	}
}

/* A word becomes a number, a reference into the heap, or anything. */
static void patch(const uint8_t *data)
{
	size_t at = (size_t)(data[0] | data[1] << 8) % whole.used;
	uint64_t value;

	memcpy(&value, data + 3, sizeof(value));
	if (data[2] & 1)
		value = FAKE_V8_BASE + value % whole.used * 8 + 1;
	else if (data[2] & 2)
		value = fake_smi((int32_t)(value % 4096));
	f.words[at] = value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v8_scripts *scripts;
	struct v8_names *names;
	struct v8_heap h;

	if (!whole.used) {
		make_heap();
		f = whole;
	}
	memcpy(f.words, whole.words, whole.used * sizeof(f.words[0]));
	for (; size >= PATCH; data += PATCH, size -= PATCH)
		patch(data);
	v8_heap_init(&h, &f.l, fake_v8_read, &f);
	if (v8_scripts_new(&h, "/srv", &scripts) < 0)
		return 0;
	if (v8_names_new(&h, scripts, &names) == 0) {
		for (int i = 0; i < 3; i++)
			ask(&h, names, functions[i]);
		v8_names_free(names);
	}
	v8_scripts_free(scripts);
	return 0;
}
