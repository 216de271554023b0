/* test_duration.c: TIME as people write it, and what must not pass for it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/duration.h"

#define S 1000000000ULL

struct good {
	const char *text;
	uint64_t ns;
};

/* Every unit, the missing one and decimals come out to the nanosecond. */
static void test_units(void **state)
{
	static const struct good rows[] = {
		{ "7ns", 7 },	   { "5us", 5000 },   { "100ms", S / 10 },  { "30s", 30 * S },
		{ "30", 30 * S },  { "2m", 120 * S }, { "1h", 3600 * S },   { "0", 0 },
		{ "0.5s", S / 2 }, { "0.1", S / 10 }, { "1.5ms", 1500000 }, { "0.25h", 900 * S },
		{ "007", 7 * S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ns = 1;

		if (duration_parse(rows[i].text, &ns) != 0 || ns != rows[i].ns)
			fail_msg("%s gave %llu", rows[i].text, (unsigned long long)ns);
	}
}

/* Digits below the nanosecond are cut, not rounded and not refused. */
static void test_below_nanosecond(void **state)
{
	uint64_t ns = 0;

	(void)state;
	assert_int_equal(duration_parse("1.9999ns", &ns), 0);
	assert_int_equal(ns, 1);
	assert_int_equal(duration_parse("0.1234567891s", &ns), 0);
	assert_int_equal(ns, 123456789);
}

/* Garbage, signs, blanks, exponents and half numbers are refused, and leave the result alone. */
static void test_garbage(void **state)
{
	static const char *const rows[] = { "",	   "s",	   "-1s", "+1s", "1e3",	  " 1s", "1s ",
					    "1 s", "1.",   ".5s", "1,5", "1.2.3", "1d",	 "1S",
					    "ms",  "0x10", "inf", "nan", "1ss" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ns = 23;

		if (duration_parse(rows[i], &ns) != -EINVAL || ns != 23)
			fail_msg("\"%s\" was taken for %llu", rows[i], (unsigned long long)ns);
	}
}

/* The last nanosecond that fits passes, the next one does not. */
static void test_overflow(void **state)
{
	uint64_t ns = 23;

	(void)state;
	assert_int_equal(duration_parse("18446744073709551615ns", &ns), 0);
	assert_true(ns == UINT64_MAX);
	ns = 23;
	assert_int_equal(duration_parse("18446744073709551616ns", &ns), -ERANGE);
	assert_int_equal(duration_parse("18446744073709551617", &ns), -ERANGE);
	assert_int_equal(duration_parse("18446744073.8s", &ns), -ERANGE);
	assert_int_equal(duration_parse("99999999999h", &ns), -ERANGE);
	assert_int_equal(ns, 23);
}

/* What duration_add writes, duration_parse reads back to the same nanosecond. */
static void test_round_trip(void **state)
{
	static const uint64_t rows[] = {
		0, 1, 999, 1500000, S / 10, S, 90 * S, 7200 * S, UINT64_MAX
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup(str_releasep) struct str text = { 0 };
		uint64_t ns = 23;

		assert_int_equal(duration_add(&text, rows[i]), 0);
		assert_int_equal(duration_parse(text.text, &ns), 0);
		assert_true(ns == rows[i]);
	}
}

/* The shortest spelling wins: nobody wants to read 100000000ns. */
static void test_spelling(void **state)
{
	cleanup(str_releasep) struct str text = { 0 };

	(void)state;
	duration_add(&text, S / 10);
	str_add_char(&text, ' ');
	duration_add(&text, 1500000);
	str_add_char(&text, ' ');
	duration_add(&text, 120 * S);
	assert_string_equal(text.text, "100ms 1500us 2m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),	   cmocka_unit_test(test_below_nanosecond),
		cmocka_unit_test(test_garbage),	   cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
