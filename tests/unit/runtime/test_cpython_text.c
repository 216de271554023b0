/* test_cpython_text.c: CPython's strings as UTF-8, and paths as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cpython_text.h"

/* The state words that live interpreters hold, and words that no compact string has. */
static void test_form(void **state)
{
	struct cpython_text_form f = { 0 };

	(void)state;
	assert_true(
		cpython_text_form(0xe5, &f)); /* 3.11: ready, ascii, compact, 1 byte, interned */
	assert_int_equal(f.width, 1);
	assert_true(f.ascii);
	assert_true(cpython_text_form(0x64, &f)); /* 3.12 */
	assert_true(cpython_text_form(0xa8, &f));
	assert_int_equal(f.width, 2);
	assert_false(f.ascii);
	assert_true(cpython_text_form(0xb0, &f));
	assert_int_equal(f.width, 4);
	assert_false(cpython_text_form(0, &f));
	assert_false(cpython_text_form(0xc5, &f)); /* not compact */
	assert_false(cpython_text_form(0xec, &f)); /* 3 bytes wide */
	assert_false(cpython_text_form(0xe8, &f)); /* ascii with 2 bytes */
	assert_false(cpython_text_form(0xffffffff, &f));
}

static void check(unsigned int width, const void *data, size_t count, const char *want)
{
	struct cpython_text_form form = { .width = width };
	struct str s = { 0 };

	assert_int_equal(cpython_text_add(&s, form, data, count), 0);
	assert_string_equal(str_text(&s), want);
	str_release(&s);
}

/* One to four bytes of UTF-8; escaped bytes come back; what is no character is replaced. */
static void test_utf8(void **state)
{
	static const uint16_t two[] = { 'a', 0x7ff, 0x800, 0xdcff, 0xd800, 0 };
	static const uint32_t four[] = { 0x10ffff, 0x110000, 'z', 0xffffffff };

	(void)state;
	check(1, "abc", 3, "abc");
	check(1, "\xfc", 1, "\xc3\xbc");
	check(2, two, 6, "a\xdf\xbf\xe0\xa0\x80\xff\xef\xbf\xbd\xef\xbf\xbd");
	check(4, four, 4, "\xf4\x8f\xbf\xbf\xef\xbf\xbdz\xef\xbf\xbd");
	check(4, four, 0, "");
}

/* The standard library and installed packages are not the user's; a project folder is. */
static void test_library(void **state)
{
	(void)state;
	assert_true(cpython_path_is_library("/usr/lib/python3.11/asyncio/events.py", 11));
	assert_true(cpython_path_is_library("<frozen importlib._bootstrap>", 11));
	assert_true(cpython_path_is_library("/srv/venv/lib/python3.8/site-packages/x.py", 8));
	assert_true(cpython_path_is_library("/usr/lib/python3/dist-packages/x.py", 11));
	assert_true(cpython_path_is_library("/opt/lib/python311.zip/json/decoder.py", 11));
	assert_false(cpython_path_is_library("/usr/lib/python3.11/asyncio/events.py", 1));
	assert_false(cpython_path_is_library("/srv/venv/app/main.py", 11));
	assert_false(cpython_path_is_library("<string>", 11));
	assert_false(cpython_path_is_library("", 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
