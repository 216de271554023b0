/* test_v8_heap.c: objects and strings of a made heap, and one that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/runtime/fake_v8.h"

static struct fake_v8 f;
static struct v8_heap h;

static int setup(void **state)
{
	(void)state;
	fake_v8_init(&f);
	v8_heap_init(&h, &f.l, fake_v8_read, &f);
	return 0;
}

static void expect(uint64_t string, const char *want)
{
	cleanup(str_releasep) struct str text = { 0 };

	v8_heap_begin(&h);
	assert_int_equal(v8_string_add(&h, string, 1000, &text), 0);
	assert_string_equal(str_text(&text), want);
}

static uint64_t made_of(enum fake_type type, uint64_t a, uint64_t b, uint32_t length)
{
	uint64_t s = fake_object(&f, type, 4);

	fake_put(&f, s, 8, (uint64_t)length << 32);
	fake_put(&f, s, 16, a);
	fake_put(&f, s, 24, b);
	return s;
}

/* An object has the type of its map only if that map is one. */
static void test_types(void **state)
{
	uint64_t s = fake_string(&f, "x"), fake = fake_room(&f, 4);

	(void)state;
	assert_int_equal(v8_type(&h, s), FAKE_SEQ_1);
	assert_true(v8_is_string(&h, s));
	fake_put(&f, fake, 0, s);
	assert_int_equal(v8_type(&h, fake), V8_TYPE_NONE);
	assert_false(v8_is_string(&h, fake));
	assert_int_equal(v8_type(&h, fake_smi(7)), V8_TYPE_NONE);
	assert_int_equal(v8_type(&h, 0xdeadbeef00000001ull), V8_TYPE_NONE);
}

/* Every shape of string gives its text. */
static void test_shapes(void **state)
{
	static const uint16_t wide[] = { 'a', 0xe9, 0x20ac, 0xd83d, 0xde00, 0xd83d };
	uint64_t ab = fake_string(&f, "abcdef"), gh = fake_string(&f, "gh"), chars, two, cons;

	(void)state;
	expect(ab, "abcdef");
	two = fake_object(&f, FAKE_SEQ_2, 4);
	fake_put(&f, two, 8, 6ull << 32);
	fake_bytes_at(&f, two, 16, wide, sizeof(wide));
	expect(two, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd");
	cons = made_of(FAKE_CONS, ab, gh, 8);
	expect(cons, "abcdefgh");
	expect(made_of(FAKE_SLICED, ab, fake_smi(2), 3), "cde");
	expect(made_of(FAKE_SLICED, cons, fake_smi(4), 3), "efg");
	expect(made_of(FAKE_SLICED, cons, fake_smi(6), 2), "gh");
	expect(made_of(FAKE_THIN, gh, 0, 2), "gh");
	chars = fake_room(&f, 1);
	fake_bytes_at(&f, chars, 0, "outside", 7);
	expect(made_of(FAKE_EXTERNAL_1, 0x1234, chars - 1, 7), "outside");
	/* bytes above 127 are Latin-1 */
	expect(fake_string(&f, "\xe9"), "\xc3\xa9");
}

/* What is no string, what only the program finds, what claims more than it has. */
static void test_refused(void **state)
{
	uint64_t ab = fake_string(&f, "ab"), array = fake_array(&f, FAKE_ARRAY, "", 0, 0);
	struct str text = { 0 };

	(void)state;
	assert_int_equal(v8_string_add(&h, array, 10, &text), -EPROTO);
	assert_int_equal(v8_string_add(&h, made_of(FAKE_UNCACHED, 1, 1, 3), 10, &text), -ENOTSUP);
	assert_int_equal(v8_string_add(&h, made_of(FAKE_SLICED, ab, fake_smi(1), 2), 10, &text),
			 -EPROTO);
	assert_int_equal(v8_string_add(&h, made_of(FAKE_SLICED, ab, fake_smi(-1), 1), 10, &text),
			 -EPROTO);
	str_release(&text);
}

/* Strings that are made of themselves end, and a long one is cut. */
static void test_bounds(void **state)
{
	uint64_t cons = made_of(FAKE_CONS, 0, 0, 1u << 30), thin = made_of(FAKE_THIN, 0, 0, 9);
	struct str text = { 0 };

	(void)state;
	fake_put(&f, cons, 16, cons);
	fake_put(&f, cons, 24, cons);
	fake_put(&f, thin, 16, thin);
	assert_true(v8_string_add(&h, cons, 1u << 20, &text) < 0);
	v8_heap_begin(&h);
	f.reads = 0;
	assert_true(v8_string_add(&h, thin, 100, &text) < 0);
	assert_in_range(f.reads, 1, V8_READS_MAX);
	v8_heap_begin(&h);
	assert_int_equal(v8_string_add(&h, fake_string(&f, "abcdef"), 4, &text), 0);
	assert_string_equal(str_text(&text), "abcd");
	str_release(&text);
}

/* A process that is gone says so. */
static void test_gone(void **state)
{
	uint64_t word, s = fake_string(&f, "x");

	(void)state;
	f.error = -ESRCH;
	assert_int_equal(v8_field(&h, s, FAKE_SEQ_1, 8, &word), -ESRCH);
	f.error = 0;
	assert_int_equal(v8_field(&h, s, FAKE_ARRAY, 8, &word), -EPROTO);
	assert_int_equal(v8_field(&h, s, FAKE_SEQ_1, 8, &word), 0);
	assert_int_equal(word, 1ull << 32);
}

/* Lengths of arrays are Smis within the bound. */
static void test_arrays(void **state)
{
	uint64_t a = fake_array(&f, FAKE_BYTES, "abc", 3, 3);
	uint32_t n;

	(void)state;
	assert_int_equal(v8_array_length(&h, a, 3, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(v8_array_length(&h, a, 2, &n), -EPROTO);
	fake_put(&f, a, 8, 3);
	assert_int_equal(v8_array_length(&h, a, 3, &n), -EPROTO);
	assert_int_equal(v8_array_length(&h, fake_string(&f, "x"), 9, &n), -EPROTO);
}

/* A stack of many hostile frames does not take many times as long as one. */
static void test_stack_bound(void **state)
{
	uint64_t word;

	(void)state;
	for (int i = 0; i < 11; i++) {
		v8_heap_begin(&h);
		while (v8_heap_word(&h, FAKE_V8_BASE, &word) == 0)
			;
	}
	assert_int_equal(f.reads, V8_STACK_READS_MAX);
	v8_heap_begin_stack(&h);
	v8_heap_begin(&h);
	assert_int_equal(v8_heap_word(&h, FAKE_V8_BASE, &word), 0);
}

/* A name that stands in a text where it should, and nowhere else. */
static void test_has_before(void **state)
{
	uint64_t s = fake_string(&f, "(function add(a) {})");

	(void)state;
	assert_true(v8_string_has_before(&h, s, 13, "add"));
	assert_true(v8_string_has_before(&h, s, 1, "("));
	assert_false(v8_string_has_before(&h, s, 12, "add"));
	assert_false(v8_string_has_before(&h, s, 13, "odd"));
	assert_false(v8_string_has_before(&h, s, 2, "add"));
	assert_false(v8_string_has_before(&h, s, 21, ")"));
	assert_false(v8_string_has_before(&h, fake_smi(1), 1, "("));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_has_before, setup),
		cmocka_unit_test_setup(test_types, setup),
		cmocka_unit_test_setup(test_shapes, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_bounds, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_arrays, setup),
		cmocka_unit_test_setup(test_stack_bound, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
