/* test_chunk.c: the encoding of payloads: byte order, bounds, and what follows the first failure.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "recording/chunk.h"

static struct chunk_cursor cursor_on(const void *bytes, uint32_t len)
{
	struct chunk chunk = { .kind = CHUNK_NOTE, .len = len, .payload = bytes };
	struct chunk_cursor c;

	chunk_cursor_init(&c, &chunk);
	return c;
}

/* Numbers are little endian and of fixed width, strings have their length in front and no NUL. */
static void test_encodes(void **state)
{
	static const unsigned char expected[] = { 0x44, 0x33, 0x22, 0x11, 8, 7, 6,   5,	  4,  3,
						  2,	1,    3,    0,	  0, 0, 'a', 'p', 'p' };
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	assert_int_equal(chunk_put_u32(&s, 0x11223344), 0);
	assert_int_equal(chunk_put_u64(&s, 0x0102030405060708), 0);
	assert_int_equal(chunk_put_str(&s, "app"), 0);
	assert_int_equal(s.len, sizeof(expected));
	assert_memory_equal(s.text, expected, sizeof(expected));
}

/* What was put comes back in order, a NUL inside a string too, and the cursor ends at the end. */
static void test_decodes(void **state)
{
	static const char bytes[] = "\xff\xff\xff\xff\x03\0\0\0a\0b\0\0\0\0";
	struct chunk_cursor c = cursor_on(bytes, sizeof(bytes) - 1);
	const char *text;
	uint32_t len;

	(void)state;
	assert_int_equal(chunk_get_u32(&c), UINT32_MAX);
	text = chunk_get_str(&c, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "a\0b", 3);
	assert_int_equal(chunk_get_u32(&c), 0);
	assert_false(c.bad);
	assert_ptr_equal(c.at, c.end);
}

/* After the first read past the end everything is 0 and "", even what would still fit. */
static void test_stays_bad(void **state)
{
	struct chunk_cursor c = cursor_on("\1\2\3\4\5\6\7", 7);
	const char *text;
	uint32_t len = 11;

	(void)state;
	assert_int_equal(chunk_get_u64(&c), 0);
	assert_true(c.bad);
	assert_int_equal(chunk_get_u32(&c), 0);
	text = chunk_get_str(&c, &len);
	assert_string_equal(text, "");
	assert_int_equal(len, 0);
}

/* A string whose length goes past the payload, by one byte or by four billion, is refused. */
static void test_string_too_long(void **state)
{
	static const char one[] = "\4\0\0\0abc", many[] = "\xff\xff\xff\xff"
							  "abc";
	uint32_t len;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct chunk_cursor c = cursor_on(i ? many : one, 7);

		assert_string_equal(chunk_get_str(&c, &len), "");
		assert_int_equal(len, 0);
		assert_true(c.bad);
	}
}

/* An empty payload can be looked at. */
static void test_empty(void **state)
{
	struct chunk_cursor c = cursor_on("", 0);

	(void)state;
	assert_false(c.bad);
	assert_int_equal(chunk_get_u32(&c), 0);
	assert_true(c.bad);
}

/* A frame is written in the order that the header tells. */
static void test_frame(void **state)
{
	struct chunk_frame f = { .kind = FRAME_JS,
				 .flags = FRAME_LIBRARY,
				 .line = 41,
				 .offset = 43,
				 .fn = "get_user",
				 .file = "app.js",
				 .module = "" };
	cleanup(str_releasep) struct str s = { 0 };
	struct chunk_cursor c;
	uint32_t len;

	(void)state;
	assert_int_equal(chunk_put_frame(&s, &f), 0);
	c = cursor_on(s.text, s.len);
	assert_int_equal(chunk_get_u32(&c), FRAME_JS);
	assert_int_equal(chunk_get_u32(&c), FRAME_LIBRARY);
	assert_int_equal(chunk_get_u32(&c), 41);
	assert_int_equal(chunk_get_u64(&c), 43);
	assert_memory_equal(chunk_get_str(&c, &len), "get_user", 8);
	assert_memory_equal(chunk_get_str(&c, &len), "app.js", 6);
	chunk_get_str(&c, &len);
	assert_int_equal(len, 0);
	assert_false(c.bad);
	assert_ptr_equal(c.at, c.end);
}

struct probe {
	struct chunk_sink sink;
	struct chunk chunk;
};

static int probe_put(struct chunk_sink *sink, const struct chunk *chunk)
{
	((struct probe *)sink)->chunk = *chunk;
	return -ENOSPC;
}

/* Emitting hands kind, length and bytes to the sink and its error back; nothing is no NULL. */
static void test_emit(void **state)
{
	struct probe probe = { .sink.put = probe_put };
	struct str nothing = { 0 };

	(void)state;
	assert_int_equal(chunk_emit(&probe.sink, CHUNK_END, &nothing), -ENOSPC);
	assert_int_equal(probe.chunk.kind, CHUNK_END);
	assert_int_equal(probe.chunk.len, 0);
	assert_non_null(probe.chunk.payload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodes),	  cmocka_unit_test(test_decodes),
		cmocka_unit_test(test_stays_bad), cmocka_unit_test(test_string_too_long),
		cmocka_unit_test(test_empty),	  cmocka_unit_test(test_frame),
		cmocka_unit_test(test_emit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
