/* test_unwind_pages.c: what rows become, and that each page is whole by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "target/unwind_pages.h"

#define RULE(...) (&(struct unwind_escape){ .ra = UNWIND_RA_AT_CFA, __VA_ARGS__ })
#define NONE	  (&(struct unwind_escape){ .cfa = UNWIND_NONE })

static const uint64_t *words_of(const struct unwind_pages *p, size_t page)
{
	assert_true(page < p->pages.count);
	return p->words.items + p->pages.items[page].first;
}

/* The one row of a table with only it. */
static uint64_t row_of(const struct unwind_escape *rule, struct unwind_escape *ret_escape)
{
	cleanup(unwind_pages_releasep) struct unwind_pages p = { 0 };
	const uint64_t *words;

	assert_int_equal(unwind_pages_add(&p, 0x30000, rule), 0);
	assert_int_equal(unwind_pages_add(&p, 0x30100, NONE), 0);
	assert_int_equal(unwind_pages_finish(&p), 0);
	assert_int_equal(p.first_page, 3);
	assert_int_equal(p.pages.count, 1);
	assert_int_equal(p.pages.items[0].rows, 2);
	words = words_of(&p, 0);
	assert_int_equal(words[1], UNWIND_ROW(0x100, UNWIND_NONE, 0, 0, 0));
	assert_int_equal(p.pages.items[0].words, p.words.count);
	if (p.words.count == 4)
		memcpy(ret_escape, words + 2, sizeof(*ret_escape));
	else
		assert_int_equal(p.words.count, 2);
	return words[0];
}

/* Rules that a row holds, each with its largest numbers. */
static void test_rows(void **state)
{
	struct unwind_escape e = { 0 };

	(void)state;
	assert_int_equal(row_of(RULE(.cfa = UNWIND_RSP, .off = 8), &e),
			 UNWIND_ROW(0, UNWIND_RSP, 0, 1, 0));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_RBP, .off = -8 * 32768), &e),
			 UNWIND_ROW(0, UNWIND_RBP, 0, -32768, 0));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_RSP, .off = 8 * 32767, .rbp = UNWIND_RBP_AT_CFA,
				     .rbp_off = -32768),
				&e),
			 UNWIND_ROW(0, UNWIND_RSP, UNWIND_RBP_AT_CFA, 32767, -32768));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_PLT, .off = 8, .add = 11), &e),
			 UNWIND_ROW(0, UNWIND_PLT, 0, 1, 11));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_RSP_DEREF, .off = -8, .add = 8), &e),
			 UNWIND_ROW(0, UNWIND_RSP_DEREF, 0, -1, 8));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_RBP_DEREF, .off = -8, .rbp = UNWIND_RBP_AT_RBP,
				     .rbp_off = 3),
				&e),
			 UNWIND_ROW(0, UNWIND_RBP_DEREF, UNWIND_RBP_AT_RBP, -1, 3));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_RSP, .off = 8, .rbp = UNWIND_RBP_LOST), &e),
			 UNWIND_ROW(0, UNWIND_RSP, UNWIND_RBP_LOST, 1, 0));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_SIGNAL), &e),
			 UNWIND_ROW(0, UNWIND_SIGNAL, 0, 0, 0));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_END), &e), UNWIND_ROW(0, UNWIND_END, 0, 0, 0));
	assert_int_equal(row_of(RULE(.cfa = UNWIND_OTHER), &e),
			 UNWIND_ROW(0, UNWIND_OTHER, 0, 0, 0));
	assert_int_equal(e.cfa, 0);
}

/* All others are escapes, which say the same. */
static void test_escapes(void **state)
{
	const struct unwind_escape rules[] = {
		*RULE(.cfa = UNWIND_RSP, .off = 4),
		*RULE(.cfa = UNWIND_RSP, .off = 8 * 32768),
		*RULE(.cfa = UNWIND_RBP, .off = -8 * 32769),
		*RULE(.cfa = UNWIND_RSP, .off = 8, .rbp = UNWIND_RBP_AT_CFA, .rbp_off = 32768),
		*RULE(.cfa = UNWIND_RSP_DEREF, .off = 8, .add = -32769),
		*RULE(.cfa = UNWIND_RSP_DEREF, .off = 8, .add = 8, .rbp = UNWIND_RBP_AT_CFA),
		*RULE(.cfa = UNWIND_PLT, .off = 8, .add = 11, .rbp = UNWIND_RBP_LOST),
		*RULE(.cfa = UNWIND_REGISTER, .off = 8, .reg = 10),
		*RULE(.cfa = UNWIND_REGISTER, .off = 8),
		{ .cfa = UNWIND_RSP, .off = 8, .ra = 5 },
		{ .cfa = UNWIND_RSP, .off = 8, .ra = 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct unwind_escape e = { 0 };

		assert_int_equal(row_of(&rules[i], &e), UNWIND_ROW_ESCAPE(0, 2));
		assert_memory_equal(&e, &rules[i], sizeof(e));
	}
}

/* A page shares equal escapes and knows nothing of another page's. */
static void test_shared(void **state)
{
	cleanup(unwind_pages_releasep) struct unwind_pages p = { 0 };
	const struct unwind_escape *a = RULE(.cfa = UNWIND_REGISTER, .off = 8, .reg = 10);
	const struct unwind_escape *b = RULE(.cfa = UNWIND_REGISTER, .off = 16, .reg = 10);
	const uint64_t *words;

	(void)state;
	assert_int_equal(unwind_pages_add(&p, 0x0, a), 0);
	assert_int_equal(unwind_pages_add(&p, 0x8, b), 0);
	assert_int_equal(unwind_pages_add(&p, 0x10, a), 0);
	assert_int_equal(unwind_pages_add(&p, 0x10001, b), 0);
	assert_int_equal(unwind_pages_add(&p, 0x1ffff, NONE), 0);
	assert_int_equal(unwind_pages_finish(&p), 0);
	assert_int_equal(p.pages.count, 2);
	assert_int_equal(p.pages.items[0].rows, 3);
	assert_int_equal(p.pages.items[0].words, 7);
	words = words_of(&p, 0);
	assert_int_equal(words[0], UNWIND_ROW_ESCAPE(0, 3));
	assert_int_equal(words[1], UNWIND_ROW_ESCAPE(8, 5));
	assert_int_equal(words[2], UNWIND_ROW_ESCAPE(0x10, 3));
	/* a is carried over */
	assert_int_equal(p.pages.items[1].first, 7);
	assert_int_equal(p.pages.items[1].rows, 3);
	assert_int_equal(p.pages.items[1].words, 7);
	words = words_of(&p, 1);
	assert_int_equal(words[0], UNWIND_ROW_ESCAPE(0, 3));
	assert_int_equal(words[1], UNWIND_ROW_ESCAPE(1, 5));
	assert_int_equal(words[2], UNWIND_ROW(0xffff, UNWIND_NONE, 0, 0, 0));
	assert_memory_equal(words + 3, a, sizeof(*a));
	assert_memory_equal(words + 5, b, sizeof(*b));
}

/* A row reaches into every page that it covers; a gap that does has pages without rows. */
static void test_pages(void **state)
{
	static const uint16_t rows[] = { 2, 1, 1, 2, 0, 0, 2, 2 };
	cleanup(unwind_pages_releasep) struct unwind_pages p = { 0 };
	const struct unwind_escape *a = RULE(.cfa = UNWIND_RSP, .off = 8);
	size_t i;

	(void)state;
	assert_int_equal(unwind_pages_add(&p, 0x10010, a), 0);
	assert_int_equal(unwind_pages_add(&p, 0x40010, NONE), 0);
	assert_int_equal(unwind_pages_add(&p, 0x70020, a), 0);
	assert_int_equal(unwind_pages_add(&p, 0x80030, NONE), 0);
	assert_int_equal(unwind_pages_finish(&p), 0);
	assert_int_equal(p.first_page, 1);
	assert_int_equal(p.pages.count, 8);
	for (i = 0; i < 8; i++)
		assert_int_equal(p.pages.items[i].rows, rows[i]);
	/* in front of the first row there is nothing */
	assert_int_equal(words_of(&p, 0)[0], UNWIND_ROW(0, UNWIND_NONE, 0, 0, 0));
	assert_int_equal(words_of(&p, 0)[1], UNWIND_ROW(0x10, UNWIND_RSP, 0, 1, 0));
	assert_int_equal(words_of(&p, 2)[0], UNWIND_ROW(0, UNWIND_RSP, 0, 1, 0));
	assert_int_equal(words_of(&p, 3)[1], UNWIND_ROW(0x10, UNWIND_NONE, 0, 0, 0));
	assert_int_equal(words_of(&p, 6)[0], UNWIND_ROW(0, UNWIND_NONE, 0, 0, 0));
	assert_int_equal(words_of(&p, 7)[0], UNWIND_ROW(0, UNWIND_RSP, 0, 1, 0));
}

/* Rows and gaps that begin or end with a page. */
static void test_borders(void **state)
{
	cleanup(unwind_pages_releasep) struct unwind_pages p = { 0 };
	const struct unwind_escape *a = RULE(.cfa = UNWIND_RSP, .off = 8);

	(void)state;
	assert_int_equal(unwind_pages_add(&p, 0x10000, a), 0);
	assert_int_equal(unwind_pages_add(&p, 0x20000, NONE), 0);
	assert_int_equal(unwind_pages_add(&p, 0x20040, a), 0);
	assert_int_equal(unwind_pages_add(&p, 0x30000, a), 0);
	assert_int_equal(unwind_pages_add(&p, 0x40000, NONE), 0);
	assert_int_equal(unwind_pages_finish(&p), 0);
	assert_int_equal(p.pages.count, 3);
	assert_int_equal(p.pages.items[0].rows, 1);
	assert_int_equal(p.pages.items[1].rows, 2);
	assert_int_equal(words_of(&p, 1)[0], UNWIND_ROW(0, UNWIND_NONE, 0, 0, 0));
	assert_int_equal(words_of(&p, 1)[1], UNWIND_ROW(0x40, UNWIND_RSP, 0, 1, 0));
	assert_int_equal(p.pages.items[2].rows, 1);
}

/* A page of more words than its head can say is not followed, and costs only itself. */
static void test_overfull(void **state)
{
	cleanup(unwind_pages_releasep) struct unwind_pages p = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i < 0x10000; i++) /* one row too many */
		assert_int_equal(
			unwind_pages_add(&p, i, RULE(.cfa = UNWIND_RSP, .off = 8 + i % 2 * 8)), 0);
	for (i = 0; i < 0xffff; i++) /* as many as can be */
		assert_int_equal(unwind_pages_add(&p, 0x10000 + i,
						  RULE(.cfa = UNWIND_RSP, .off = 8 + i % 2 * 8)),
				 0);
	for (i = 0; i < 0x5556; i++) /* three words each */
		assert_int_equal(unwind_pages_add(&p, 0x20000 + i,
						  RULE(.cfa = UNWIND_REGISTER, .off = (int)i)),
				 0);
	assert_int_equal(unwind_pages_add(&p, 0x30000, RULE(.cfa = UNWIND_RSP, .off = 24)), 0);
	assert_int_equal(unwind_pages_finish(&p), 0);
	assert_int_equal(p.pages.count, 4);
	assert_int_equal(p.pages.items[0].words, 1);
	assert_int_equal(words_of(&p, 0)[0], UNWIND_ROW(0, UNWIND_OTHER, 0, 0, 0));
	assert_int_equal(p.pages.items[1].rows, 0xffff);
	assert_int_equal(words_of(&p, 1)[0xfffe], UNWIND_ROW(0xfffe, UNWIND_RSP, 0, 1, 0));
	assert_int_equal(p.pages.items[2].words, 1);
	assert_int_equal(words_of(&p, 2)[0], UNWIND_ROW(0, UNWIND_OTHER, 0, 0, 0));
	assert_int_equal(words_of(&p, 3)[0], UNWIND_ROW(0, UNWIND_RSP, 0, 3, 0));
}

/* Code that is spread too wide is refused, before its directory is made. */
static void test_too_wide(void **state)
{
	cleanup(unwind_pages_releasep) struct unwind_pages p = { 0 };

	(void)state;
	assert_int_equal(unwind_pages_add(&p, 0x1000, RULE(.cfa = UNWIND_END)), 0);
	assert_int_equal(unwind_pages_add(&p, 0x2000, NONE), 0);
	assert_int_equal(unwind_pages_add(&p, UNWIND_VADDR_MAX - 1, RULE(.cfa = UNWIND_END)),
			 -EFBIG);
	assert_int_equal(p.pages.count, UNWIND_PAGES_MAX);
}

/* So is code of too many rows. */
static void test_too_long(void **state)
{
	cleanup(unwind_pages_releasep) struct unwind_pages p = { 0 };
	uint64_t at;
	int r = 0;

	(void)state;
	for (at = 0; r == 0 && at < 2 * UNWIND_TABLE_WORDS_MAX; at++)
		if ((at & 0xffff) != 0xffff)
			r = unwind_pages_add(&p, at,
					     RULE(.cfa = UNWIND_RSP, .off = 8 + at % 2 * 8));
	assert_int_equal(r, -EFBIG);
	assert_true(p.words.count <= UNWIND_TABLE_WORDS_MAX + 0x10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	 cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_shared),	 cmocka_unit_test(test_pages),
		cmocka_unit_test(test_borders),	 cmocka_unit_test(test_overfull),
		cmocka_unit_test(test_too_wide), cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests_name("unwind_pages", tests, NULL, NULL);
}
