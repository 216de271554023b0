/* test_cpu_list.c: lists of processors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/cpu_list.h"

#define N 9

/* What the list has of the first N, as bits. */
static unsigned int bits(const char *text)
{
	unsigned int all = 0;
	bool has[N + 1];

	has[N] = true;
	assert_int_equal(cpu_list_parse(text, has, N), 0);
	assert_true(has[N]);
	for (int i = 0; i < N; i++)
		all |= (unsigned int)has[i] << i;
	return all;
}

static void test_lists(void **state)
{
	(void)state;
	assert_int_equal(bits("0"), 1);
	assert_int_equal(bits("0-1\n"), 3);
	assert_int_equal(bits("1,3-4,7\n"), 0x9a);
	assert_int_equal(bits("8-11,4095"), 0x100);
	assert_int_equal(bits("3-2"), 0);
	assert_int_equal(bits("0-99999999999999999999"), 0x1ff);
}

static void test_no_lists(void **state)
{
	static const char *const wrong[] = { "", "\n", "a", "1-", "1,", ",1", "-1", "1 2", "1--2" };
	bool has[N];

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(cpu_list_parse(wrong[i], has, N), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_no_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
