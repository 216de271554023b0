/* test_minidebug.c: the packed symbol table of a stripped file, and bombs in its place. */
#include "built.h"

#include <errno.h>
#include <lzma.h>

#include "base/str.h"
#include "target/minidebug.h"

/* As xz would; the caller frees. */
static uint8_t *pack(const void *bytes, size_t len, size_t *ret_len)
{
	size_t room = lzma_stream_buffer_bound(len);
	uint8_t *packed = malloc(room);

	assert_non_null(packed);
	*ret_len = 0;
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, bytes, len, packed,
						 ret_len, room),
			 LZMA_OK);
	return packed;
}

/* A stripped file with such a section names what it does not export. */
static void test_names(void **state)
{
	struct symbols *s;
	struct str file = { 0 };
	char path[512];
	uint8_t *packed;
	size_t len;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/names.debug", built);
	assert_int_equal(file_read(path, 1 << 20, &file), 0);
	packed = pack(file.text, file.len, &len);
	str_release(&file);
	snprintf(path, sizeof(path), "%s/packed.xz", built);
	f = fopen(path, "w");
	assert_int_equal(fwrite(packed, 1, len, f), len);
	fclose(f);
	free(packed);
	assert_int_equal(built_run("objcopy --add-section .gnu_debugdata=packed.xz bare mini &&"
				   "printf 'no xz' >bad && objcopy --add-section "
				   ".gnu_debugdata=bad bare broken"),
			 0);
	s = built_symbols("mini");
	assert_string_equal(symbols_find(s, built_address("hidden")), "hidden");
	assert_string_equal(symbols_find(s, built_address("shown")), "shown");
	symbols_free(s);
	/* a damaged one costs its own names only */
	s = built_symbols("broken");
	assert_null(symbols_find(s, built_address("hidden")));
	assert_string_equal(symbols_find(s, built_address("shown")), "shown");
	symbols_free(s);
}

/* Small input, large output: refused at the bound, whatever it would have become. */
static void test_bomb(void **state)
{
	size_t len, packed_len;
	struct str out = { 0 };
	uint8_t *zeros, *packed;

	(void)state;
	len = MINIDEBUG_UNPACKED_MAX + 1;
	zeros = calloc(1, len);
	packed = pack(zeros, len, &packed_len);
	assert_true(packed_len < 64 << 10);
	assert_int_equal(minidebug_unpack(packed, packed_len, &out), -EFBIG);
	assert_null(out.text);
	free(packed);
	packed = pack(zeros, len - 1, &packed_len);
	assert_int_equal(minidebug_unpack(packed, packed_len, &out), 0);
	assert_int_equal(out.len, len - 1);
	str_release(&out);
	free(packed);
	free(zeros);
}

/* Cut or changed anywhere it gives an error, never a part. */
static void test_damaged(void **state)
{
	char text[4096];
	struct str out = { 0 };
	size_t len, i;
	uint8_t *packed;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * i >> 3);
	packed = pack(text, sizeof(text), &len);
	for (i = 0; i < len; i++)
		assert_int_equal(minidebug_unpack(packed, i, &out), -EBADMSG);
	for (i = 0; i < len; i++) {
		packed[i] ^= 0x10;
		assert_true(minidebug_unpack(packed, len, &out) < 0);
		packed[i] ^= 0x10;
	}
	assert_null(out.text);
	free(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, built_setup, built_teardown);
}
