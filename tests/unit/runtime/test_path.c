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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
