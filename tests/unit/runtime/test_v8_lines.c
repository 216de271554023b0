/* test_v8_lines.c: V8's tables of positions, and the lines of a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/v8_lines.h"
#include "tests/unit/runtime/fake_v8.h"

/* As Node.js 18 has it for a function that begins at character 38. */
static const uint8_t table[] = { 0x01, 0x9c, 0x01, 0x02, 0x48, 0x05, 0x08, 0x08, 0x20, 0x09 };

/* A row holds from its offset to the next; before the first bytecode it is the function itself. */
static void test_positions(void **state)
{
	struct v8_position p;

	(void)state;
	assert_true(v8_position_find(table, 9, -1, &p));
	assert_int_equal(p.at, 38);
	assert_int_equal(p.code, -1);
	assert_true(v8_position_find(table, 9, 0, &p));
	assert_int_equal(p.at, 56);
	assert_int_equal(p.inlined, -1);
	assert_true(v8_position_find(table, 9, 1, &p));
	assert_int_equal(p.at, 56);
	assert_true(v8_position_find(table, 9, 3, &p));
	assert_int_equal(p.at, 58);
	assert_true(v8_position_find(table, 9, 1 << 20, &p));
	assert_int_equal(p.at, 66);
}

/* A number that does not end, an empty table, one that goes past what there is. */
static void test_damaged(void **state)
{
	static const uint8_t endless[32] = { [0 ... 31] = 0xff };
	struct v8_position p;

	(void)state;
	assert_false(v8_position_find(table, 0, 0, &p));
	assert_false(v8_position_find(table, 10, 1 << 20, &p));
	assert_false(v8_position_find(endless, sizeof(endless), 5, &p));
	assert_false(v8_position_find(table, 2, 5, &p));
}

/* A place in a function that was inlined is told from one in the function itself. */
static void test_inlined(void **state)
{
	/* raw 2 << 31 | (9 + 1) << 1, a signed number of 7 bits a byte */
	const uint64_t raw = (2ull << 31 | 10 << 1) << 1;
	uint8_t bytes[8] = { 0x00 };
	struct v8_position p;
	size_t n = 1;

	(void)state;
	for (uint64_t left = raw; left; left >>= 7)
		bytes[n++] = (uint8_t)((left & 0x7f) | (left >> 7 ? 0x80 : 0));
	assert_true(v8_position_find(bytes, n, 7, &p));
	assert_int_equal(p.at, 9);
	assert_int_equal(p.inlined, 1);
}

/* From the first to the last character of all rows, in whatever order; each must have a place. */
static void test_range(void **state)
{
	static const uint8_t rows[] = { 0x00, 0x14, 0x02, 0x20, 0x02, 0x0f, 0x02, 0x10 };
	int32_t first, last;
	uint8_t damaged[sizeof(rows)];

	(void)state;
	assert_true(v8_position_range(rows, sizeof(rows), &first, &last));
	assert_int_equal(first, 4);
	assert_int_equal(last, 12);
	assert_true(v8_position_range(rows, 2, &first, &last));
	assert_int_equal(first, last);
	assert_false(v8_position_range(rows, 0, &first, &last));
	assert_false(v8_position_range(rows, 3, &first, &last));
	memcpy(damaged, rows, sizeof(rows));
	damaged[1] = 0x02; /* a position outside of JavaScript */
	assert_false(v8_position_range(damaged, 2, &first, &last));
}

/* Each entry of the table is the machine code of one bytecode; the first is what comes before. */
static void test_baseline(void **state)
{
	static const uint8_t lengths[] = { 10, 5, 7, 3 }, bytecodes[] = { 4, 0, 5, 0, 0, 0, 0, 6 };
	static struct fake_v8 f;
	static const struct {
		uint64_t pc;
		int32_t offset;
	} want[] = {
		{ 10, -1 }, { 11, 0 }, { 15, 0 }, { 16, 1 }, { 22, 1 }, { 25, 6 }, { 26, -1 }
	};

	(void)state;
	fake_v8_init(&f);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(v8_baseline_offset(&f.l, lengths, 4, bytecodes, 8, want[i].pc),
				 want[i].offset);
	assert_int_equal(v8_baseline_offset(&f.l, lengths, 4, bytecodes, 2, 24), -1);
	f.l.n_bytecodes = 0;
	assert_int_equal(v8_baseline_offset(&f.l, lengths, 4, bytecodes, 8, 11), -1);
}

static void put(struct v8_line_ends *e, const char *text)
{
	assert_int_equal(v8_line_ends_put(e, (const uint8_t *)text, 1, strlen(text)), 0);
}

/* All the ends of lines that JavaScript knows, also where a piece ends between two characters. */
static void test_line_ends(void **state)
{
	static const uint8_t wide[] = { 'x', 0, 0x28, 0x20, 'y', 0 };
	struct v8_line_ends e = { 0 };

	(void)state;
	put(&e, "ab\ncd\r");
	put(&e, "\nef\rg");
	assert_int_equal(v8_line_ends_put(&e, wide, 2, 3), 0);
	assert_int_equal(v8_line_ends_finish(&e), 0);
	assert_int_equal(v8_line_ends_find(&e, 0), 1);
	assert_int_equal(v8_line_ends_find(&e, 2), 1);
	assert_int_equal(v8_line_ends_find(&e, 3), 2);
	assert_int_equal(v8_line_ends_find(&e, 6), 2);
	assert_int_equal(v8_line_ends_find(&e, 7), 3);
	assert_int_equal(v8_line_ends_find(&e, 10), 4);
	assert_int_equal(v8_line_ends_find(&e, 11), 4);
	assert_int_equal(v8_line_ends_find(&e, 13), 5);
	assert_int_equal(v8_line_ends_find(&e, 14), 5);
	assert_int_equal(v8_line_ends_find(&e, 15), 0);
	assert_int_equal(v8_line_ends_find(&e, -1), 0);
	v8_line_ends_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positions), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_inlined),	  cmocka_unit_test(test_baseline),
		cmocka_unit_test(test_line_ends), cmocka_unit_test(test_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
