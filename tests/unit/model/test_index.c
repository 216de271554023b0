/* test_index.c: numbers of the capture to indexes of the profile. */
#include "build.h"

/* What was added is found under its whole 64-bit key, everything else is -1. */
TEST(test_finds)
{
	struct index_node *head = NULL;

	BENCH(b);
	for (int i = 0; i < 1009; i++)
		assert_int_equal(index_add(b.m, &head, (uint64_t)i << 31, i), 0);
	for (int i = 0; i < 1009; i++)
		assert_int_equal(index_find(head, (uint64_t)i << 31), i);
	assert_int_equal(index_find(head, 1), -1);
	assert_int_equal(index_find(NULL, 0), -1);
	map_clear(head);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_finds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
