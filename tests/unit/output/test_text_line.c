/* test_text_line.c: wrapping, labels and cells. */
#include "tests/unit/output/printed.h"

#include "base/str.h"
#include "output/text.h"

/* What text_wrap makes of the words in 20 columns; the caller frees it. */
static char *wrapped(size_t first, size_t rest, const char *words)
{
	char *out = NULL;
	size_t len;
	struct text t = { .width = 20, .f = open_memstream(&out, &len) };

	text_wrap(&t, first, rest, words);
	fclose(t.f);
	return out;
}

/* Lines break at spaces, and double spaces inside a line stay. */
static void lines_break_at_spaces(void **state)
{
	_cleanup_free_ char *a = wrapped(2, 4, "one  two three four five");
	_cleanup_free_ char *b = wrapped(0, 0, "12345678901234567890");
	_cleanup_free_ char *c = wrapped(0, 0, "12345678901234567890 x");

	(void)state;
	assert_string_equal(a, "  one  two three\n    four five\n");
	assert_string_equal(b, "12345678901234567890\n");
	assert_string_equal(c, "12345678901234567890\nx\n");
	free(c);
	c = wrapped(0, 2, "1234567890 23456789  x"); /* no blank is left at an end */
	assert_string_equal(c, "1234567890 23456789\n  x\n");
}

/* A list breaks behind a bar, so that no entry is torn. */
static void lists_break_at_bars(void **state)
{
	_cleanup_free_ char *a = wrapped(2, 4, "a 1% | bbbbb 2% | cccc 3%");
	_cleanup_free_ char *b = wrapped(0, 2, "a 1% | bbb 2% | c 3%");

	(void)state;
	assert_string_equal(a, "  a 1% | bbbbb 2% |\n    cccc 3%\n");
	assert_string_equal(b, "a 1% | bbb 2% | c 3%\n");
}

/* A word that fits nowhere is cut between characters. */
static void endless_words_are_cut(void **state)
{
	_cleanup_free_ char *a = wrapped(0, 10, "x abcdefghij\xc3\xa9klmnopqrstuvw");
	_cleanup_free_ char *b = wrapped(0, 0, "");

	(void)state;
	assert_string_equal(a, "x\n          abcdefghij\n          \xc3\xa9klmnopqrs\n"
			       "          tuvw\n");
	assert_string_equal(b, "\n");
}

/* A cell has its columns exactly, whatever is in it. */
static void cells_have_their_columns(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	assert_int_equal(text_cell(&s, "\xc3\xa9", 3), 0);
	assert_int_equal(text_cell(&s, "abcdef", 4), 0);
	assert_int_equal(text_cell(&s, "", 1), 0);
	assert_string_equal(str_text(&s), "\xc3\xa9  ab.. ");
	str_clear(&s);
	assert_int_equal(text_cell(&s, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5), 0);
	assert_string_equal(str_text(&s), "\xe6\x97\xa5.. ");
}

/* Frames beyond the limit are counted. */
static void deep_stacks_are_counted(void **state)
{
	char *out = NULL;
	size_t len;
	struct text t = { .p = fixture_find("hostile"),
			  .width = 60,
			  .f = open_memstream(&out, &len) };

	(void)state;
	assert_int_equal(text_stack(&t, 0, 4, 7), 0);
	fclose(t.f);
	assert_int_equal(times_in(out, "\n"), 8);
	assert_non_null(strstr(out, "    and 293 outer frames\n"));
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_break_at_spaces),
		cmocka_unit_test(lists_break_at_bars),
		cmocka_unit_test(endless_words_are_cut),
		cmocka_unit_test(cells_have_their_columns),
		cmocka_unit_test(deep_stacks_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
