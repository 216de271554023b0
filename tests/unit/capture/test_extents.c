/* test_extents.c: free runs are found, split and joined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/extents.h"

/* What is taken does not overlap, what does not fit is refused, what comes back joins again. */
static void test_take_and_give(void **state)
{
	struct extents e;
	uint32_t a, b, c, d;

	(void)state;
	assert_int_equal(extents_init(&e, 101), 0);
	assert_true(extents_take(&e, 23, &a));
	assert_true(extents_take(&e, 31, &b));
	assert_true(extents_take(&e, 47, &c));
	assert_int_equal(a, 0);
	assert_int_equal(b, 23);
	assert_int_equal(c, 54);
	assert_int_equal(e.total, 0);
	assert_false(extents_take(&e, 1, &d));
	extents_give(&e, a, 23);
	extents_give(&e, c, 47);
	assert_false(extents_take(&e, 48, &d)); /* 70 are free, but not in one run */
	extents_give(&e, b, 31);
	assert_int_equal(e.free.count, 1);
	assert_true(extents_take(&e, 101, &d));
	extents_release(&e);
}

/* Many of them in a fixed disorder: nothing is handed out twice and nothing is lost. */
static void test_disorder(void **state)
{
	enum { N = 997 };
	static uint8_t used[N];
	static uint32_t at[N], len[N];
	uint32_t seed = 7, in_use = 0;
	struct extents e;

	(void)state;
	assert_int_equal(extents_init(&e, N), 0);
	for (int turn = 0; turn < 20011; turn++) {
		uint32_t i = (seed = seed * 1103515245 + 12345) >> 8;

		i %= N;
		if (!len[i] && extents_take(&e, seed % 13 + 1, &at[i])) {
			len[i] = seed % 13 + 1;
			for (uint32_t k = 0; k < len[i]; k++)
				assert_int_equal(used[at[i] + k]++, 0);
			in_use += len[i];
		} else if (len[i]) {
			assert_int_equal(extents_give(&e, at[i], len[i]), 0);
			for (uint32_t k = 0; k < len[i]; k++)
				used[at[i] + k]--;
			in_use -= len[i];
			len[i] = 0;
		}
		assert_int_equal(e.total + in_use, N);
		for (size_t k = 1; k < e.free.count; k++)
			assert_true(e.free.items[k - 1].first + e.free.items[k - 1].n <
				    e.free.items[k].first);
	}
	extents_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_take_and_give),
					    cmocka_unit_test(test_disorder) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
