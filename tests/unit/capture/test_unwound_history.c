/* test_unwound_history.c: which frames of a stack are those of the code that was there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "capture/unwound_history.h"

#define START 0x7f0000001000
#define END   0x7f0000003000

static const struct file_identity alpha = { .dev = 5, .ino = 7 }, gamma = { .dev = 5, .ino = 11 };

/* libc, then a frame in the range, then two of its callers. */
static struct event_stack stack_at(uint64_t ts)
{
	struct event_stack s;

	memset(&s, 0, sizeof(s));
	s.head.ts = ts;
	s.n_user = 4;
	s.user[0] = 0x7e0000001234;
	s.user[1] = START + 0x150;
	s.user[2] = (START + 0x19c) | USER_GUESSED;
	s.user[3] = 0x550000001111;
	s.user_stop = UNWIND_STOP_ROOT;
	return s;
}

static bool use(struct history *h, const struct file_identity *id, uint64_t before, uint64_t now)
{
	bool reused = history_use(h, START, END, 0x1000, id, before, now);

	history_settle(h, now);
	return reused;
}

/* A file that is mapped where nothing was changes nothing about any stack. */
static void test_new(void **state)
{
	struct event_stack s = stack_at(90);
	struct history h = { 0 };

	(void)state;
	history_touch(&h, START, END, 100);
	assert_true(history_touched(&h, START + 0x1000, END + 0x1000));
	assert_false(history_touched(&h, END, END + 0x1000));
	assert_int_equal(history_first(&h), 100);
	assert_false(use(&h, &alpha, 50, 110));
	assert_false(history_touched(&h, START, END));
	assert_int_equal(history_first(&h), UINT64_MAX);
	assert_true(history_sift(&h, &s));
	assert_int_equal(s.n_user, 4);
	/* the same file again, where mappings are not told */
	assert_false(use(&h, &alpha, 110, 120));
	assert_true(history_sift(&h, &s));
	history_release(&h);
}

/* Another file at the place: stacks of before have no names there, those that were walked by the
 * old rows end there, those of after are whole. */
static void test_replaced(void **state)
{
	struct event_stack s;
	struct history h = { 0 };

	(void)state;
	assert_false(use(&h, &alpha, 50, 60));
	history_published(&h, 61);
	history_touch(&h, START, END, 100);
	assert_true(use(&h, &gamma, 60, 110));

	s = stack_at(99);
	assert_false(history_sift(&h, &s));
	assert_int_equal(s.n_user, 4);
	assert_int_equal(s.user[1], 0);
	assert_int_equal(s.user[2], USER_GUESSED);
	assert_int_equal(s.user[3], 0x550000001111);

	s = stack_at(1000); /* not told to the kernel side yet */
	assert_false(history_sift(&h, &s));
	assert_int_equal(s.n_user, 2);
	assert_int_equal(s.user[1], START + 0x150);
	assert_int_equal(s.user_stop, UNWIND_STOP_MAPPING);

	history_published(&h, 130);
	s = stack_at(129);
	assert_false(history_sift(&h, &s));
	assert_int_equal(s.n_user, 2);
	s = stack_at(130);
	assert_true(history_sift(&h, &s));
	assert_int_equal(s.n_user, 4);
	history_release(&h);
}

/* Without being told, it was some time between two looks: neither name nor rows can be trusted. */
static void test_untold(void **state)
{
	struct event_stack s = stack_at(80);
	struct history h = { 0 };

	(void)state;
	assert_false(use(&h, &alpha, 50, 60));
	assert_true(use(&h, &gamma, 60, 110));
	assert_false(history_sift(&h, &s));
	assert_int_equal(s.n_user, 2);
	assert_int_equal(s.user[1], 0);
	s = stack_at(59);
	assert_false(history_sift(&h, &s));
	assert_int_equal(s.n_user, 4);
	history_release(&h);
}

/* Two were mapped there between two looks: the first one was never seen, and its stacks are not
 * named by the second. */
static void test_missed(void **state)
{
	struct event_stack s = stack_at(105);
	struct history h = { 0 };

	(void)state;
	history_touch(&h, START, END, 100);
	history_touch(&h, START, END, 109);
	assert_true(use(&h, &gamma, 50, 110));
	assert_false(history_sift(&h, &s));
	assert_int_equal(s.user[1], 0);
	history_release(&h);
}

/* The mappings were read between a mapping and word of it: it looks as if nothing had changed. */
static void test_late_word(void **state)
{
	struct event_stack s = stack_at(105);
	struct history h = { 0 };

	(void)state;
	history_touch(&h, START, END, 100); /* of one that was gone when it was looked for */
	assert_false(use(&h, &gamma, 50, 110));
	history_touch(&h, START, END, 109);
	assert_false(use(&h, &gamma, 110, 120));
	assert_false(history_sift(&h, &s));
	assert_int_equal(s.user[1], 0);
	history_release(&h);
}

/* More than can be remembered: what is not known any more is not trusted. */
static void test_full(void **state)
{
	struct event_stack s = stack_at(150);
	struct history h = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 331; i++) {
		uint64_t now = 100 + i * 10;

		history_touch(&h, START, END, now);
		assert_int_equal(use(&h, i % 2 ? &alpha : &gamma, now - 5, now + 1), i > 0);
		history_published(&h, now + 2);
	}
	assert_true(h.changes.count < 331);
	assert_false(history_sift(&h, &s));
	for (int i = 0; i < s.n_user; i++)
		assert_int_equal(USER_ADDRESS(s.user[i]), 0);
	s = stack_at(100 + 331 * 10);
	assert_true(history_sift(&h, &s));
	for (unsigned int i = 0; i < 1009; i++)
		history_touch(&h, i * 0x10000, i * 0x10000 + 0x1000, 5000 + i);
	assert_true(h.touched.count < 1009);
	assert_true(history_touched(&h, 1008 * 0x10000, 1008 * 0x10000 + 0x1000));
	history_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),	  cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_untold),	  cmocka_unit_test(test_missed),
		cmocka_unit_test(test_late_word), cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
