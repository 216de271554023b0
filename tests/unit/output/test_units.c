/* test_units.c: lengths, counts, shares and times as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "output/units.h"

/* Every unit has its form, and ".0" is dropped below seconds only. */
static void duration_has_a_form_for_every_unit(void **state)
{
	(void)state;
	assert_string_equal(DURATION(0), "0s");
	assert_string_equal(DURATION(812), "812ns");
	assert_string_equal(DURATION(1500), "1.5us");
	assert_string_equal(DURATION(3000000), "3ms");
	assert_string_equal(DURATION(4200000), "4.2ms");
	assert_string_equal(DURATION(411123456), "411ms");
	assert_string_equal(DURATION(1030000000), "1.03s");
	assert_string_equal(DURATION(2000000000), "2.0s");
	assert_string_equal(DURATION(30000000000), "30.0s");
	assert_string_equal(DURATION(125000000000), "2m05s");
	assert_string_equal(DURATION(11220000000000), "3h07m");
}

/* Rounding never shows 1000 of a unit, nor 60 seconds of a minute. */
static void duration_carries_into_the_next_unit(void **state)
{
	(void)state;
	assert_string_equal(DURATION(999), "999ns");
	assert_string_equal(DURATION(9960), "10us");
	assert_string_equal(DURATION(999499), "999us");
	assert_string_equal(DURATION(999500), "1ms");
	assert_string_equal(DURATION(999499999), "999ms");
	assert_string_equal(DURATION(999500000), "1.0s");
	assert_string_equal(DURATION(9995000000), "10.0s");
	assert_string_equal(DURATION(99949999999), "99.9s");
	assert_string_equal(DURATION(99950000000), "1m40s");
	assert_string_equal(DURATION(3599500000000), "1h00m");
}

/* The largest length there is still fits into the buffer. */
static void duration_of_the_largest_number(void **state)
{
	(void)state;
	assert_string_equal(DURATION(UINT64_MAX), "5124095h34m");
}

/* Commas stand between groups of three, and nowhere else. */
static void count_has_commas(void **state)
{
	(void)state;
	assert_string_equal(COUNT(0), "0");
	assert_string_equal(COUNT(999), "999");
	assert_string_equal(COUNT(1000), "1,000");
	assert_string_equal(COUNT(1234567), "1,234,567");
	assert_string_equal(COUNT(UINT64_MAX), "18,446,744,073,709,551,615");
}

/* Small shares keep a decimal, a share that is not nothing is never shown as nothing. */
static void percent_keeps_small_shares(void **state)
{
	(void)state;
	assert_string_equal(PERCENT(0, 0), "0%");
	assert_string_equal(PERCENT(0, 7), "0%");
	assert_string_equal(PERCENT(1, 100000), "<0.1%");
	assert_string_equal(PERCENT(24, 1000), "2.4%");
	assert_string_equal(PERCENT(30, 1000), "3%");
	assert_string_equal(PERCENT(214, 1000), "21%");
	assert_string_equal(PERCENT(UINT64_MAX, UINT64_MAX), "100%");
}

/* Clock times are UTC whatever the zone of the machine. */
static void times_are_utc(void **state)
{
	(void)state;
	assert_string_equal(CLOCK(1795262467412345678), "12:01:07.412");
	assert_string_equal(RFC3339(1795262467412345678), "2026-11-21T12:01:07.412345678Z");
	assert_string_equal(RFC3339(0), "1970-01-01T00:00:00.000000000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duration_has_a_form_for_every_unit),
		cmocka_unit_test(duration_carries_into_the_next_unit),
		cmocka_unit_test(duration_of_the_largest_number),
		cmocka_unit_test(count_has_commas),
		cmocka_unit_test(percent_keeps_small_shares),
		cmocka_unit_test(times_are_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
