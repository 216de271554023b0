/* test_log.c: the one line that a failing command leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* A name that carries terminal control bytes cannot use them, and the error stays one line. */
static void test_escapes(void **state)
{
	FILE *to = tmpfile();
	int before = dup(STDERR_FILENO);
	char line[128] = "";

	(void)state;
	assert_non_null(to);
	dup2(fileno(to), STDERR_FILENO);
	log_error("%s: cannot be read", "a\n\033[2Jb");
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(to);
	assert_true(fread(line, 1, sizeof(line) - 1, to) > 0);
	fclose(to);
	assert_string_equal(line, "stallprof: a\\x0a\\x1b[2Jb: cannot be read\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
