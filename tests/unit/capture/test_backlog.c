/* test_backlog.c: events come out as they went in, and leave nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "capture/backlog.h"

static void put(struct backlog *b, unsigned int number, size_t len)
{
	unsigned char *at = backlog_add(b, len);

	assert_non_null(at);
	assert_int_equal((uintptr_t)at % 8, 0);
	memset(at, (int)(number % 251), len);
}

static void expect(struct backlog *b, unsigned int number, size_t len)
{
	const unsigned char *at = backlog_next(b);

	assert_non_null(at);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(at[i], number % 251);
}

static size_t length_of(unsigned int number)
{
	return 1 + number * 7919 % 17011;
}

static void test_order(void **state)
{
	struct backlog b = { 0 };
	unsigned int in = 0, out = 0;

	(void)state;
	assert_null(backlog_next(&b));
	while (out < 1009) {
		for (int i = 0; i < 3 && in < 1009; i++, in++)
			put(&b, in, length_of(in));
		for (int i = 0; i < (in < 1009 ? 2 : 7) && out < in; i++, out++)
			expect(&b, out, length_of(out));
	}
	assert_true(backlog_empty(&b));
	assert_null(backlog_next(&b));
	backlog_release(&b);
}

/* What is in use stays where it is while more comes in. */
static void test_stays(void **state)
{
	struct backlog b = { 0 };
	const unsigned char *first;

	(void)state;
	put(&b, 5, 1000);
	first = backlog_next(&b);
	assert_true(backlog_empty(&b));
	for (unsigned int i = 0; i < 101; i++)
		put(&b, i, 16411);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(first[i], 5);
	for (unsigned int i = 0; i < 101; i++)
		expect(&b, i, 16411);
	backlog_release(&b);
}

static void test_cleared(void **state)
{
	struct backlog b = { 0 };
	const unsigned char *secret;

	(void)state;
	put(&b, 77, 4001);
	put(&b, 78, 100);
	secret = backlog_next(&b);
	expect(&b, 78, 100);
	for (size_t i = 0; i < 4001; i++)
		assert_int_equal(secret[i], 0);
	backlog_release(&b);
}

static void test_limits(void **state)
{
	struct backlog b = { 0 };
	unsigned int n = 0;

	(void)state;
	assert_null(backlog_add(&b, BACKLOG_EVENT_MAX + 1));
	for (; !backlog_full(&b); n++)
		put(&b, n, BACKLOG_EVENT_MAX);
	assert_in_range(n, 60, 64);
	for (unsigned int i = 0; i < n; i++)
		expect(&b, i, BACKLOG_EVENT_MAX);
	assert_false(backlog_full(&b));
	assert_null(backlog_next(&b));
	put(&b, 3, 10);
	backlog_release(&b);
	assert_true(backlog_empty(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
