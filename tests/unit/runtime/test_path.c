/* test_path.c: paths as a person would write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/path.h"

/* Below the working folder a path is relative to it; beside it, it is not. */
static void test_shown(void **state)
{
	(void)state;
	assert_string_equal(path_shown("/srv/app/a/b.py", "/srv/app"), "a/b.py");
	assert_string_equal(path_shown("/srv/application/b.py", "/srv/app"),
			    "/srv/application/b.py");
	assert_string_equal(path_shown("/srv/app/", "/srv/app"), "/srv/app/");
	assert_string_equal(path_shown("/srv/app", "/srv/app"), "/srv/app");
	assert_string_equal(path_shown("/b.py", "/"), "/b.py");
	assert_string_equal(path_shown("/b.py", ""), "/b.py");
	assert_string_equal(path_shown("./././b.py", "/srv"), "b.py");
	assert_string_equal(path_shown("/srv/./b.py", "/srv"), "b.py");
}

/* Where a system keeps code for all programs; seen from outside, a root folder stands before it. */
static void test_installed(void **state)
{
	(void)state;
	assert_true(path_is_installed("/lib/x86_64-linux-gnu/libc.so.6", "/"));
	assert_true(path_is_installed("/lib64/ld-linux-x86-64.so.2", "/"));
	assert_true(path_is_installed("/libx32/libc.so.6", "/"));
	assert_true(path_is_installed("/usr/lib/libuv.so.1", "/"));
	assert_true(path_is_installed("/nix/store/abc-glibc-2.40/lib/libc.so.6", ""));
	assert_true(path_is_installed("/srv/v/lib/python3.11/site-packages/a.so", "/"));
	assert_true(path_is_installed("[vdso]", "/"));
	assert_false(path_is_installed("/libs/libapp.so", "/"));
	assert_false(path_is_installed("/libexec/app", "/"));
	assert_false(path_is_installed("/srv/lib/libapp.so", "/"));

	assert_true(path_is_installed("/srv/jail/lib/libc.so.6", "/srv/jail"));
	assert_false(path_is_installed("/srv/jail/lib/libc.so.6", "/"));
	assert_false(path_is_installed("/srv/jailed/lib/libc.so.6", "/srv/jail"));
	assert_false(path_is_installed("/srv/jail/app/libapp.so", "/srv/jail"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
