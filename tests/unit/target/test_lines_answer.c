/* test_lines_answer.c: chains on their way from the worker, and what is no chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "target/lines_answer.h"

static struct line_chain chain_of(size_t count, const char *fn, const char *file)
{
	struct line_chain chain = { .count = count };
	size_t i;

	for (i = 0; i < count && i < LINES_DEPTH_MAX; i++)
		chain.places[i] = (struct line_place){ fn, file, 100 + (uint32_t)i };
	return chain;
}

static struct lines_cursor cursor_of(const struct str *s)
{
	return (struct lines_cursor){ s->text, s->text + s->len };
}

/* What is put comes out again, in its order: long, empty and deep ones. */
static void test_round(void **state)
{
	struct line_chain in = chain_of(3, "f", "a.c"), out, empty = { 0 };
	struct str s = { 0 };
	struct lines_cursor c;
	char text[LINES_TEXT_MAX + 1];
	int i;

	(void)state;
	memset(text, 't', sizeof(text) - 1);
	text[LINES_TEXT_MAX] = '\0';
	in.places[1] = (struct line_place){ text, "", 0 };
	assert_int_equal(lines_answer_put(&s, &in), 0);
	assert_int_equal(lines_answer_put(&s, &empty), 0);
	in = chain_of(LINES_DEPTH_MAX, "g", "b.c");
	assert_int_equal(lines_answer_put(&s, &in), 0);
	c = cursor_of(&s);
	assert_int_equal(lines_answer_get(&c, &out), 0);
	assert_int_equal(out.count, 3);
	assert_string_equal(out.places[0].fn, "f");
	assert_string_equal(out.places[1].fn, text);
	assert_string_equal(out.places[1].file, "");
	assert_int_equal(out.places[1].line, 0);
	assert_string_equal(out.places[2].file, "a.c");
	assert_int_equal(out.places[2].line, 102);
	assert_int_equal(lines_answer_get(&c, &out), 0);
	assert_int_equal(out.count, 0);
	assert_int_equal(lines_answer_get(&c, &out), 0);
	assert_int_equal(out.count, LINES_DEPTH_MAX);
	for (i = 0; i < LINES_DEPTH_MAX; i++)
		assert_int_equal(out.places[i].line, 100 + i);
	assert_ptr_equal(c.at, c.end);
	assert_int_equal(lines_answer_get(&c, &out), -EIO);
	str_release(&s);
}

/* What is too much is told as nothing; the answer never grows beyond its bound. */
static void test_bounds(void **state)
{
	struct line_chain in = chain_of(LINES_DEPTH_MAX + 1, "f", "a.c"), out;
	char text[LINES_TEXT_MAX + 1];
	struct str s = { 0 };
	struct lines_cursor c;
	size_t i, whole = 0;

	(void)state;
	assert_int_equal(lines_answer_put(&s, &in), 0);
	assert_int_equal(s.len, 4);
	str_clear(&s);
	memset(text, 't', sizeof(text) - 1);
	text[LINES_TEXT_MAX] = '\0';
	in = chain_of(LINES_DEPTH_MAX, text, text);
	for (i = 0; i < LINES_BATCH_MAX; i++)
		assert_int_equal(lines_answer_put(&s, &in), 0);
	assert_true(s.len <= LINES_ANSWER_MAX);
	c = cursor_of(&s);
	for (i = 0; i < LINES_BATCH_MAX; i++) {
		assert_int_equal(lines_answer_get(&c, &out), 0);
		whole += out.count != 0;
	}
	assert_int_equal(whole, 7); /* of 131 972 bytes each */
	assert_ptr_equal(c.at, c.end);
	str_release(&s);
}

/* Cut at any byte, or with any length wrong, it is refused and nothing behind it is read. */
static void test_damage(void **state)
{
	struct line_chain in = chain_of(2, "name", "path"), out;
	struct str s = { 0 };
	struct lines_cursor c;
	size_t i;

	(void)state;
	assert_int_equal(lines_answer_put(&s, &in), 0);
	for (i = 0; i < s.len; i++) {
		char *copy = malloc(i ? i : 1);

		memcpy(copy, s.text, i);
		c = (struct lines_cursor){ copy, copy + i };
		assert_int_equal(lines_answer_get(&c, &out), -EIO);
		assert_int_equal(out.count, 0);
		free(copy);
	}
	for (i = 0; i < 4; i++) {
		static const size_t at[] = { 0, 8, 12, 17 }; /* count, two lengths, a letter */
		char kept = s.text[at[i]];

		s.text[at[i]] = i == 3 ? '\0' : '\x7f';
		c = cursor_of(&s);
		assert_int_equal(lines_answer_get(&c, &out), -EIO);
		s.text[at[i]] = kept;
	}
	c = cursor_of(&s);
	assert_int_equal(lines_answer_get(&c, &out), 0);
	str_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
