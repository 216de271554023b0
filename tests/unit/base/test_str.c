/* test_str.c: strings and vectors of the base layer, also at their edges: empty, growing past
 * the first allocation, hostile bytes, sizes that cannot be had.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/vec.h"

static void assert_printable(const char *text, size_t len, const char *expected)
{
	cleanup(str_releasep) struct str s = { 0 };

	assert_int_equal(str_add_printable(&s, text, len), 0);
	assert_string_equal(str_text(&s), expected);
}

/* A string that is all zero is empty, and shown, cleared and released like any other. */
static void test_zero_is_empty(void **state)
{
	struct str s = { 0 };

	(void)state;
	assert_string_equal(str_text(&s), "");
	str_clear(&s);
	assert_string_equal(str_text(&s), "");
	str_release(&s);
	str_release(&s);
	assert_null(s.text);
}

/* What is added stands in order, whichever function added it. */
static void test_adds_in_order(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	assert_int_equal(str_add(&s, "loop"), 0);
	assert_int_equal(str_add_char(&s, '='), 0);
	assert_int_equal(str_printf(&s, "%d/%s", 4242, "3"), 0);
	assert_int_equal(str_add_mem(&s, " \0z", 3), 0);
	assert_int_equal(s.len, 14);
	assert_memory_equal(s.text, "loop=4242/3 \0z", 15);
}

/* Growing past several allocations keeps every byte and the final NUL, for each length mod 64. */
static void test_grows(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	for (int i = 0; i < 1009; i++) {
		assert_int_equal(str_printf(&s, "%c", 'a' + i % 23), 0);
		assert_int_equal(s.len, i + 1);
		assert_int_equal(s.text[s.len], '\0');
		assert_true(s.room > s.len);
	}
	for (int i = 0; i < 1009; i++)
		assert_int_equal(s.text[i], 'a' + i % 23);
}

/* One formatted text that is longer than what is allocated is added whole. */
static void test_formats_long_text(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	assert_int_equal(str_printf(&s, "%*d", 211, 7), 0);
	assert_int_equal(s.len, 211);
	assert_int_equal(s.text[210], '7');
	assert_int_equal(s.text[0], ' ');
}

/* Clearing empties and keeps the memory, so that a loop can reuse it. */
static void test_clear_keeps_memory(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };
	size_t room;

	(void)state;
	assert_int_equal(str_printf(&s, "%*d", 500, 7), 0);
	room = s.room;
	str_clear(&s);
	assert_int_equal(s.len, 0);
	assert_int_equal(s.room, room);
	assert_string_equal(s.text, "");
}

/* A size that cannot be had is -ENOMEM, and the string stays as it was. */
static void test_refuses_impossible_size(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	assert_int_equal(str_add(&s, "kept"), 0);
	assert_int_equal(str_add_mem(&s, "x", SIZE_MAX), -ENOMEM);
	assert_int_equal(str_add_mem(&s, "x", SIZE_MAX / 2), -ENOMEM);
	assert_string_equal(str_text(&s), "kept");
	assert_int_equal(s.len, 4);
}

/* Nothing may be added from nowhere: an empty buffer is often a null pointer. */
static void test_adds_nothing(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	assert_int_equal(str_add_mem(&s, NULL, 0), 0);
	assert_int_equal(s.len, 0);
	assert_string_equal(s.text, "");
}

/* Text in any script is shown as it is, up to the last code point. */
static void test_printable_keeps_utf8(void **state)
{
	const char *text =
		"r\xc3\xa9sum\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\x8d \xf4\x8f\xbf\xbf";

	(void)state;
	assert_printable(text, SIZE_MAX, text);
	assert_printable("~ a\xc2\xa0", 10, "~ a\xc2\xa0");
}

/* Control bytes cannot reach a terminal: ASCII, DEL, and the C1 set in its two bytes. */
static void test_printable_escapes_controls(void **state)
{
	(void)state;
	assert_printable("\x1b[2J\n\t\r\x7f", 8, "\\x1b[2J\\x0a\\x09\\x0d\\x7f");
	assert_printable("a\xc2\x9b"
			 "b\xc2\x80",
			 6,
			 "a\\xc2\\x9b"
			 "b\\xc2\\x80");
}

/* Nor can what turns the writing direction or ends a line; its neighbours are letters and dashes.
 */
static void test_printable_escapes_directions(void **state)
{
	(void)state;
	assert_printable("a\xe2\x80\xae"
			 "b\xe2\x81\xa6\xd8\x9c",
			 10,
			 "a\\xe2\\x80\\xae"
			 "b\\xe2\\x81\\xa6\\xd8\\x9c");
	assert_printable("\xe2\x80\x8e\xe2\x80\xa8", 6, "\\xe2\\x80\\x8e\\xe2\\x80\\xa8");
	assert_printable("\xe2\x80\x8d\xe2\x80\x94\xe2\x80\xaf\xe2\x81\xaa\xd8\x9b", 14,
			 "\xe2\x80\x8d\xe2\x80\x94\xe2\x80\xaf\xe2\x81\xaa\xd8\x9b");
}

/* Bytes that are not UTF-8 become visible: lone, overlong, surrogate, too high, cut at the end. */
static void test_printable_escapes_invalid(void **state)
{
	(void)state;
	assert_printable("\x80\xff", 2, "\\x80\\xff");
	assert_printable("\xc0\xaf\xc1\xbf", 4, "\\xc0\\xaf\\xc1\\xbf");
	assert_printable("\xe0\x9f\xbf", 3, "\\xe0\\x9f\\xbf");
	assert_printable("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");
	assert_printable("\xf0\x8f\xbf\xbf", 4, "\\xf0\\x8f\\xbf\\xbf");
	assert_printable("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80");
	assert_printable("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80");
	assert_printable("\xe6\x97", 2, "\\xe6\\x97");
	assert_printable("\xe6\x97z", 3, "\\xe6\\x97z");
}

/* Outside text ends at its NUL or at the given length, whichever comes first. */
static void test_printable_ends(void **state)
{
	const char unterminated[3] = { 'a', 'b', '\xc3' };

	(void)state;
	assert_printable("ab\0cd", 5, "ab");
	assert_printable("abcd", 2, "ab");
	assert_printable(unterminated, sizeof(unterminated), "ab\\xc3");
	assert_printable("", 7, "");
}

/* A temporary file with the given content; its name lasts until the next call. */
static const char *temporary_file(const char *bytes, size_t len)
{
	static char path[] = "/tmp/stallprof-str-XXXXXX";
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	return path;
}

/* A file is read whole, NUL bytes included, also when it is longer than one read. */
static void test_file_read(void **state)
{
	cleanup(str_releasep) struct str content = { 0 };
	_cleanup_free_ char *bytes = malloc(40009);
	const char *path;

	(void)state;
	assert_non_null(bytes);
	for (int i = 0; i < 40009; i++)
		bytes[i] = i % 251;
	path = temporary_file(bytes, 40009);
	assert_int_equal(file_read(path, 40009, &content), 0);
	unlink(path);
	assert_int_equal(content.len, 40009);
	assert_memory_equal(content.text, bytes, 40009);
}

/* One byte over the limit is -EFBIG, a missing file -ENOENT; the output is left alone. */
static void test_file_read_refuses(void **state)
{
	struct str content = { .len = 7 };
	const char *path = temporary_file("0123456789a", 11);

	(void)state;
	assert_int_equal(file_read(path, 10, &content), -EFBIG);
	unlink(path);
	assert_int_equal(file_read(path, 10, &content), -ENOENT);
	assert_int_equal(file_read("/tmp", 10, &content), -EISDIR);
	assert_int_equal(content.len, 7);
	assert_null(content.text);
}

/* Files of /proc claim to be empty and are read nevertheless. */
static void test_file_read_proc(void **state)
{
	cleanup(str_releasep) struct str content = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/stat", &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(file_read("/proc/self/stat", 4096, &content), 0);
	assert_true(content.len > 50);
}

/* An empty file gives the empty string. */
static void test_file_read_empty(void **state)
{
	cleanup(str_releasep) struct str content = { 0 };

	(void)state;
	assert_int_equal(file_read("/dev/null", 0, &content), 0);
	assert_string_equal(str_text(&content), "");
}

/* Prefix and suffix: equal, empty, longer than the text, and almost. */
static void test_starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts("stall.json", "stall"));
	assert_true(str_starts("stall", "stall"));
	assert_true(str_starts("", ""));
	assert_false(str_starts("stal", "stall"));
	assert_false(str_starts("install", "stall"));
	assert_true(str_ends("out.svg", ".svg"));
	assert_true(str_ends(".svg", ".svg"));
	assert_true(str_ends("out", ""));
	assert_false(str_ends("svg", ".svg"));
	assert_false(str_ends("out.svgz", ".svg"));
}

/* Hashes are FNV-1a: known answers of the published test suite. */
static void test_hash_known_answers(void **state)
{
	(void)state;
	assert_true(hash_bytes(HASH_START, "", 0) == 0xcbf29ce484222325ULL);
	assert_true(hash_bytes(HASH_START, "a", 1) == 0xaf63dc4c8601ec8cULL);
	assert_true(hash_bytes(HASH_START, "foobar", 6) == 0x85944171f73967e8ULL);
}

/* Two texts in a row hash by their border too: "ab","c" is not "a","bc". */
static void test_hash_text_has_borders(void **state)
{
	uint64_t one = hash_text(hash_text(HASH_START, "ab"), "c");
	uint64_t two = hash_text(hash_text(HASH_START, "a"), "bc");

	(void)state;
	assert_true(one != two);
	assert_true(hash_text(HASH_START, "a") == hash_bytes(HASH_START, "a", 2));
}

struct pair {
	int a;
	const char *b;
};

/* A vector keeps every element in order while it grows. */
static void test_vec_grows(void **state)
{
	VEC(int) v = { 0 };

	(void)state;
	for (int i = 0; i < 1009; i++)
		assert_int_equal(vec_add(&v, i * 3), 0);
	assert_int_equal(v.count, 1009);
	assert_true(v.room >= v.count);
	for (int i = 0; i < 1009; i++)
		assert_int_equal(v.items[i], i * 3);
	vec_release(&v);
}

/* Structs can be added as literals; the room behind them is zero. */
static void test_vec_of_structs(void **state)
{
	VEC(struct pair) v = { 0 };

	(void)state;
	assert_int_equal(vec_add(&v, { .a = 23, .b = "x" }), 0);
	assert_int_equal(vec_add(&v, { .b = "y" }), 0);
	assert_int_equal(v.items[0].a, 23);
	assert_string_equal(v.items[0].b, "x");
	assert_int_equal(v.items[1].a, 0);
	assert_string_equal(v.items[1].b, "y");
	for (size_t i = v.count; i < v.room; i++)
		assert_null(v.items[i].b);
	vec_release(&v);
}

/* A released vector is empty, can be released again and be used again. */
static void test_vec_release(void **state)
{
	VEC(uint64_t) v = { 0 };

	(void)state;
	vec_release(&v);
	assert_int_equal(vec_add(&v, 1), 0);
	vec_release(&v);
	vec_release(&v);
	assert_null(v.items);
	assert_int_equal(v.room, 0);
	assert_int_equal(vec_add(&v, 5), 0);
	assert_int_equal(v.items[0], 5);
	vec_release(&v);
}

/* Room that cannot be had is -ENOMEM and leaves the vector as it was. */
static void test_vec_refuses_impossible_size(void **state)
{
	size_t room = SIZE_MAX / 8;
	void *items = NULL;

	(void)state;
	assert_int_equal(vec_grow_(&items, room, &room, 16), -ENOMEM);
	assert_null(items);
	assert_int_equal(room, SIZE_MAX / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_is_empty),
		cmocka_unit_test(test_adds_in_order),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_formats_long_text),
		cmocka_unit_test(test_clear_keeps_memory),
		cmocka_unit_test(test_refuses_impossible_size),
		cmocka_unit_test(test_adds_nothing),
		cmocka_unit_test(test_printable_keeps_utf8),
		cmocka_unit_test(test_printable_escapes_controls),
		cmocka_unit_test(test_printable_escapes_directions),
		cmocka_unit_test(test_printable_escapes_invalid),
		cmocka_unit_test(test_printable_ends),
		cmocka_unit_test(test_file_read),
		cmocka_unit_test(test_file_read_refuses),
		cmocka_unit_test(test_file_read_proc),
		cmocka_unit_test(test_file_read_empty),
		cmocka_unit_test(test_starts_and_ends),
		cmocka_unit_test(test_hash_known_answers),
		cmocka_unit_test(test_hash_text_has_borders),
		cmocka_unit_test(test_vec_grows),
		cmocka_unit_test(test_vec_of_structs),
		cmocka_unit_test(test_vec_release),
		cmocka_unit_test(test_vec_refuses_impossible_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
