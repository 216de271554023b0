/* test_apportion.c: nothing is lost and nothing invented when whole numbers are divided. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "model/apportion.h"

static uint64_t sum(const uint64_t *v, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += v[i];
	return s;
}

/* The largest remainders get what is left over, on a tie the earlier one. */
static void test_largest_remainder(void **state)
{
	static const uint64_t weights[] = { 1, 1, 1, 4 };
	uint64_t got[4];

	(void)state;
	assert_int_equal(apportion(weights, 4, 11, got), 0);
	/* 11/7 = 1.571 each of three, 44/7 = 6.286 */
	assert_int_equal(got[0], 2);
	assert_int_equal(got[1], 2);
	assert_int_equal(got[2], 1);
	assert_int_equal(got[3], 6);
}

/* Weights that sum to the total are their own shares; zero weights get nothing. */
static void test_identity(void **state)
{
	uint64_t v[] = { 3, 0, 23, 1000003 };

	(void)state;
	assert_int_equal(apportion(v, 4, 1000029, v), 0);
	assert_int_equal(v[0], 3);
	assert_int_equal(v[1], 0);
	assert_int_equal(v[2], 23);
	assert_int_equal(v[3], 1000003);
}

/* Without any weight nothing is given, and no weights at all are no error. */
static void test_nobody(void **state)
{
	uint64_t v[] = { 0, 0 };

	(void)state;
	assert_int_equal(apportion(v, 2, 17, v), 0);
	assert_int_equal(sum(v, 2), 0);
	assert_int_equal(apportion(v, 0, 17, v), 0);
}

/* Weights and totals near 2^64 do not overflow. */
static void test_huge(void **state)
{
	static const uint64_t weights[] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	uint64_t got[3];

	(void)state;
	assert_int_equal(apportion(weights, 3, UINT64_MAX, got), 0);
	assert_int_equal(got[0], UINT64_MAX / 3);
	assert_int_equal(sum(got, 3), UINT64_MAX);
}

/* For many random weights: the sum is exact and each share is within one of the true one. */
static void test_random(void **state)
{
	uint64_t weights[31], got[31];

	(void)state;
	srandom(20011);
	for (int round = 0; round < 1009; round++) {
		size_t n = 1 + random() % 31;
		uint64_t total = random() % 1000003, all;

		for (size_t i = 0; i < n; i++)
			weights[i] = 1 + random() % 10007;
		all = sum(weights, n);
		assert_int_equal(apportion(weights, n, total, got), 0);
		assert_int_equal(sum(got, n), total);
		for (size_t i = 0; i < n; i++) {
			assert_true(got[i] >= weights[i] * total / all);
			assert_true(got[i] <= weights[i] * total / all + 1);
		}
	}
}

/* Rounded microseconds sum to the whole microseconds of the sum, each within one of its own. */
static void test_round(void **state)
{
	uint64_t ns[97] = { 1400, 1700, 900 }, us[97];

	(void)state;
	assert_int_equal(round_to_us(ns, 3, us), 0);
	assert_int_equal(us[0], 1);
	assert_int_equal(us[1], 2);
	assert_int_equal(us[2], 1);
	srandom(20021);
	for (int round = 0; round < 211; round++) {
		size_t n = random() % 98;

		for (size_t i = 0; i < n; i++)
			ns[i] = random() % 5003;
		assert_int_equal(round_to_us(ns, n, us), 0);
		assert_int_equal(sum(us, n), sum(ns, n) / 1000);
		for (size_t i = 0; i < n; i++)
			assert_true(us[i] == ns[i] / 1000 || us[i] == ns[i] / 1000 + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_largest_remainder),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
