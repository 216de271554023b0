/* test_suppress.c: the sixth like stall of a minute is counted, not shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/suppress.h"

#define S 1000000000ULL

static bool show(struct suppress *s, const char *key, const char *id, enum stall_state how,
		 uint64_t now)
{
	struct stall stall = { .state = how };

	snprintf(stall.key, sizeof(stall.key), "%s", key);
	snprintf(stall.id, sizeof(stall.id), "%s", id);
	return suppress_show(s, &stall, now);
}

/* Of 23 within a minute 5 are shown and 18 counted, under the id of the last shown one. */
static void test_counts(void **state)
{
	cleanup(str_releasep) struct str out = { 0 };
	struct suppress s = { 0 };
	int shown = 0;

	(void)state;
	for (int i = 0; i < 23; i++) {
		char id[8];

		snprintf(id, sizeof(id), "a%d", i);
		shown += show(&s, "k", id, STALL_STATE_ENDED, S + i * S);
	}
	assert_int_equal(shown, 5);
	assert_int_equal(suppress_flush(&s, 30 * S, &out), 0);
	assert_string_equal(str_text(&out), "");
	assert_int_equal(suppress_flush(&s, UINT64_MAX, &out), 0);
	assert_string_equal(out.text, "suppressed 18 like a4\n");
	suppress_release(&s);
}

/* Kinds do not use up each other's lines. */
static void test_keys_apart(void **state)
{
	struct suppress s = { 0 };

	(void)state;
	for (int i = 0; i < 7; i++)
		show(&s, "k", "a", STALL_STATE_ENDED, i);
	assert_true(show(&s, "other", "b", STALL_STATE_ENDED, 8));
	suppress_release(&s);
}

/* After a quiet minute the lines come back; one that is told about every minute starts afresh. */
static void test_window(void **state)
{
	cleanup(str_releasep) struct str out = { 0 };
	struct suppress s = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		show(&s, "k", "a", STALL_STATE_ENDED, S);
	assert_true(show(&s, "k", "a", STALL_STATE_ENDED, 61 * S));
	for (int i = 0; i < 7; i++)
		show(&s, "k", "a", STALL_STATE_ENDED, 62 * S);
	assert_int_equal(suppress_flush(&s, 120 * S, &out), 0);
	assert_string_equal(str_text(&out), "");
	assert_int_equal(suppress_flush(&s, 121 * S, &out), 0);
	assert_string_equal(out.text, "suppressed 3 like a\n");
	assert_true(show(&s, "k", "a", STALL_STATE_ENDED, 122 * S));
	str_clear(&out);
	assert_int_equal(suppress_flush(&s, UINT64_MAX, &out), 0);
	assert_string_equal(str_text(&out), "");
	suppress_release(&s);
}

/* A stall whose beginning was shown gets its end, however many like it came between; the beginning
 * of another is held back and counts once, when it ends. */
static void test_ongoing(void **state)
{
	cleanup(str_releasep) struct str out = { 0 };
	struct suppress s = { 0 };

	(void)state;
	assert_true(show(&s, "k", "long", STALL_STATE_ONGOING, S));
	for (int i = 0; i < 5; i++)
		show(&s, "k", "a", STALL_STATE_ENDED, S);
	assert_false(show(&s, "k", "b", STALL_STATE_ONGOING, S));
	assert_false(show(&s, "k", "b", STALL_STATE_ENDED, S));
	assert_true(show(&s, "k", "long", STALL_STATE_ONGOING, 2 * S));
	assert_true(show(&s, "k", "long", STALL_STATE_ENDED, 3 * S));
	assert_int_equal(suppress_flush(&s, UINT64_MAX, &out), 0);
	assert_string_equal(out.text, "suppressed 1 like long\n");
	suppress_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_keys_apart),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_ongoing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
