/* test_by_proc.c: every entry is found with its process, in the order of the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "output/by_proc.h"

struct entry {
	char pad[3];
	int proc;
};

/* Those of a process come one after the other; those of none are in no chain. */
static void entries_are_chained(void **state)
{
	const struct entry list[] = { { "", 2 },  { "", 0 }, { "", 2 },
				      { "", -1 }, { "", 2 }, { "", 3 } };
	cleanup(by_proc_release) struct by_proc b = { 0 };

	(void)state;
	assert_int_equal(BY_PROC_INIT(&b, 3, list, 6), 0);
	assert_int_equal(b.first[0], 1);
	assert_int_equal(b.next[1], -1);
	assert_int_equal(b.first[1], -1);
	assert_int_equal(b.first[2], 0);
	assert_int_equal(b.next[0], 2);
	assert_int_equal(b.next[2], 4);
	assert_int_equal(b.next[4], -1);
}

static void nothing_is_no_chain(void **state)
{
	const struct entry *list = NULL;
	cleanup(by_proc_release) struct by_proc b = { 0 };

	(void)state;
	assert_int_equal(BY_PROC_INIT(&b, 1, list, 0), 0);
	assert_int_equal(b.first[0], -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_chained),
		cmocka_unit_test(nothing_is_no_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
