/* test_v8_code.c: machine code of a made heap, found by an address in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/v8_code.h"
#include "tests/unit/runtime/fake_v8_session.h"

#define BASELINE  11
#define OPTIMISED 13

static const struct v8_function *function;
static struct v8_place places[V8_PLACES_MAX];
static size_t n_places;
static uint64_t code, start, deopt;

/* An InstructionStream of 200 bytes, all of them calls, and the Code that tells of it. */
static void make_code(uint32_t kind, uint64_t bytecode, uint64_t positions)
{
	uint8_t instructions[200];
	uint64_t stream;

	f.used = (f.used + 511) / 512 * 512 + 2; /* instructions begin at a multiple of 32 */
	fake_map(&f, FAKE_STREAM);
	f.used = (f.used + 511) / 512 * 512 + 2;
	stream = fake_object(&f, FAKE_STREAM, 2 + 25);
	start = stream - 1 + 16;
	memset(instructions, 0xe8, sizeof(instructions));
	fake_bytes_at(&f, stream, 16, instructions, sizeof(instructions));
	assert_int_equal(start % 32, 0);
	code = fake_object(&f, FAKE_CODE, 11);
	fake_put(&f, stream, 8, code);
	fake_put(&f, code, 16, bytecode);
	fake_put(&f, code, 24, positions);
	fake_put(&f, code, 40, start);
	fake_put(&f, code, 48, kind);
	fake_put(&f, code, 56, 200);
}

static uint64_t bytes(const uint8_t *data, size_t len)
{
	return fake_array(&f, FAKE_BYTES, data, len, len);
}

static int setup(void **state)
{
	(void)state;
	return fake_v8_open("");
}

static void make_function(uint64_t data)
{
	uint64_t script = fake_script(&f, fake_string(&f, "line 1\nline 2\nline 3\n"),
				      fake_string(&f, "/a.js"));

	assert_int_equal(v8_names_get(names, fake_shared(&f, fake_scope(&f, "f"), script, data, 5),
				      0, &function),
			 0);
}

/* Optimised code that says of itself what data holds, and which function it is of. */
static void make_said(const uint64_t data[8], uint64_t positions)
{
	deopt = fake_array(&f, FAKE_ARRAY, data, 8 * sizeof(data[0]), 8);
	make_code(OPTIMISED, deopt, positions);
	make_function(code);
	fake_put(&f, deopt, 16 + 6 * 8, function->shared);
}

static uint32_t line(uint64_t offset, bool returns)
{
	v8_heap_begin(&h);
	n_places = v8_code_places(&h, names, function, start + offset, returns, places);
	return n_places == 1 ? v8_names_line_at(names, function, places[0].at) : 0;
}

/* Optimised code has rows for its calls: from 16 on character 0, from 48 on character 8, and one
 * near its end. */
static void make_optimised(void)
{
	static const uint8_t rows[] = { 0x22, 0x04, 0x40, 0x20, 0x9c, 0x02, 0x00 };

	make_said((const uint64_t[8]){ 0 }, bytes(rows, sizeof(rows)));
}

static void test_optimised(void **state)
{
	(void)state;
	make_optimised();
	assert_int_equal(line(20, true), 1);
	assert_int_equal(line(48, true), 1);
	assert_int_equal(line(49, true), 2);
	assert_int_equal(line(177, true), 2);
	/* too far behind the row to be that call; before all; what runs itself has no row */
	assert_int_equal(line(178, true), 0);
	assert_int_equal(line(3, true), 0);
	assert_int_equal(line(20, false), 0);
}

static size_t put_signed(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	for (value <<= 1; value || !n; value >>= 7)
		to[n++] = (uint8_t)((value & 0x7f) | (value >> 7 ? 0x80 : 0));
	return n;
}

static uint64_t position(uint64_t at, uint64_t inlined)
{
	return (at + 1) << 1 | inlined << 31;
}

/* A function inlined into one that was inlined; from 16 on all of it is a call in the inner one. */
static void make_inlined(uint64_t inner, uint64_t outer)
{
	uint64_t sites[] = { position(9, 2), 0, position(16, 0), 1 }, data[8] = { 0 };
	uint64_t functions[] = { inner, outer };
	uint8_t rows[8] = { 0x22 };
	size_t n = 1 + put_signed(rows + 1, position(2, 1));

	data[2] = fake_array(&f, FAKE_ARRAY, functions, sizeof(functions), 2);
	data[7] = fake_array(&f, FAKE_BYTES, sites, sizeof(sites), sizeof(sites));
	make_said(data, bytes(rows, n));
}

/* Inlined functions come first, each with the place in it; the frame's own comes last. */
static void test_inlined(void **state)
{
	uint64_t inner = fake_shared(&f, 0, 0, 0, 7), outer = fake_shared(&f, 0, 0, 0, 8);

	(void)state;
	make_inlined(inner, outer);
	line(20, true);
	assert_int_equal(n_places, 3);
	assert_int_equal(places[0].shared, inner);
	assert_int_equal(places[0].at, 2);
	assert_int_equal(places[1].shared, outer);
	assert_int_equal(places[1].at, 9);
	assert_int_equal(places[2].shared, 0);
	assert_int_equal(places[2].at, 16);
	line(20, false);
	assert_int_equal(n_places, 0);
}

/* What is no function, and sites that lead in a circle, give nothing rather than something. */
static void test_inlined_damaged(void **state)
{
	uint64_t sites[] = { position(9, 1), 0 }, data[8] = { 0 }, functions[] = { 0 };
	uint8_t rows[8] = { 0x22 };
	size_t n = 1 + put_signed(rows + 1, position(2, 1));

	(void)state;
	make_inlined(fake_string(&f, "x"), fake_shared(&f, 0, 0, 0, 8));
	line(20, true);
	assert_int_equal(n_places, 0);
	functions[0] = fake_shared(&f, 0, 0, 0, 8);
	data[2] = fake_array(&f, FAKE_ARRAY, functions, sizeof(functions), 1);
	data[7] = fake_array(&f, FAKE_BYTES, sites, sizeof(sites), sizeof(sites));
	make_said(data, bytes(rows, n));
	line(20, true);
	assert_int_equal(n_places, 0);
}

/* Other code may lie at the address by now: it says itself which function it is of, directly or by
 * way of another object. */
static void test_optimised_other(void **state)
{
	uint64_t wrapper = fake_object(&f, FAKE_SCOPE, 2);

	(void)state;
	make_optimised();
	assert_int_equal(line(20, true), 1);
	fake_put(&f, deopt, 16 + 6 * 8, wrapper);
	fake_put(&f, wrapper, 8, function->shared);
	assert_int_equal(line(20, true), 1);
	fake_put(&f, wrapper, 8, fake_shared(&f, 0, 0, 0, 7));
	assert_int_equal(line(20, true), 0);
	fake_put(&f, deopt, 16 + 6 * 8, fake_shared(&f, 0, 0, 0, 7));
	assert_int_equal(line(20, true), 0);
	/* it does not say */
	fake_put(&f, deopt, 16 + 6 * 8, fake_smi(0));
	assert_int_equal(line(20, true), 0);
}

/* Of the same function there may have been other code, whose calls were elsewhere. */
static void test_optimised_again(void **state)
{
	static const uint8_t nops[8] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };

	(void)state;
	make_optimised();
	assert_int_equal(line(20, true), 1);
	fake_bytes_at(&f, start + 1, 20 - 7, nops, 7);
	assert_int_equal(line(20, true), 0);
}

/* Baseline code has the line of the bytecode that it stands for, also of what runs. */
static void test_baseline(void **state)
{
	static const uint8_t rows[] = { 0x02, 0x04, 0x06, 0x20 }, lengths[] = { 10, 20, 30, 40 };
	static const uint8_t bytecodes[] = { 6, 0, 0, 5, 0, 4 };
	uint64_t b = fake_object(&f, FAKE_BYTECODE, 12);

	(void)state;
	fake_put(&f, b, 8, fake_smi(sizeof(bytecodes)));
	fake_put(&f, b, 32, bytes(rows, sizeof(rows)));
	fake_bytes_at(&f, b, 54, bytecodes, sizeof(bytecodes));
	make_code(BASELINE, b, bytes(lengths, sizeof(lengths)));
	make_function(code);
	assert_int_equal(line(25, true), 1);
	assert_int_equal(line(31, true), 2);
	assert_int_equal(line(31, false), 2);
	assert_int_equal(line(5, true), 0);
	assert_int_equal(line(150, true), 0);
	/* code of another function: the frame is its caller's still */
	make_function(fake_object(&f, FAKE_BYTECODE, 12));
	assert_int_equal(line(25, true), 0);
}

/* What stands below the address must say of itself that it reaches there. */
static void test_not_code(void **state)
{
	(void)state;
	make_optimised();
	assert_int_equal(line(20, true), 1);
	assert_int_equal(line(199, true), 2);
	assert_int_equal(line(201, true), 0);
	fake_put(&f, code, 40, start + 32);
	assert_int_equal(line(20, true), 0);
	fake_put(&f, code, 40, start);
	fake_put(&f, start - 16 + 1, 0, fake_map(&f, FAKE_ARRAY));
	assert_int_equal(line(20, true), 0);
	assert_in_range(h.reads, 1, V8_READS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_optimised, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_inlined, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_inlined_damaged, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_optimised_other, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_optimised_again, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_baseline, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_not_code, setup, fake_v8_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
