/* unwind_pages.c: see unwind_pages.h. */
#include "target/unwind_pages.h"

#define PAGE_MASK ((1u << UNWIND_PAGE_SHIFT) - 1)
/* How many escapes of a page are looked through for an equal one: more than that differ nowhere,
 * and a hostile page must not cost the square of its rows. */
#define ESCAPES_SHARED 64

static bool in_row(int32_t v)
{
	return v == (int16_t)v;
}

/* Of which form a row of this rule is: false for an escape. */
static bool row_holds(const struct unwind_escape *rule, uint64_t *ret_row)
{
	int32_t last = rule->rbp == UNWIND_RBP_SAME ? rule->add : rule->rbp_off;

	if (rule->cfa == UNWIND_REGISTER ||
	    (rule->cfa != UNWIND_NONE && rule->ra != UNWIND_RA_AT_CFA))
		return false;
	if (rule->off % 8 != 0 || !in_row(rule->off / 8) || !in_row(last) ||
	    (rule->rbp != UNWIND_RBP_SAME && rule->add))
		return false;
	*ret_row = UNWIND_ROW(0, rule->cfa, rule->rbp, rule->off / 8, last);
	return true;
}

static int add_escape(struct unwind_pages *p, const struct unwind_escape *rule,
		      uint32_t *ret_number)
{
	size_t n = p->escapes.count, i;
	int r;

	for (i = n; i > 0 && n - i < ESCAPES_SHARED; i--) {
		if (memcmp(&p->escapes.items[i - 1], rule, sizeof(*rule)) == 0) {
			*ret_number = (uint32_t)(i - 1);
			return 0;
		}
	}
	r = vec_add(&p->escapes, *rule);
	*ret_number = (uint32_t)n;
	return r;
}

static int put(struct unwind_pages *p, uint32_t at, const struct unwind_escape *rule)
{
	uint32_t number;
	uint64_t row;
	int r;

	if (!row_holds(rule, &row)) {
		r = add_escape(p, rule, &number);
		if (r < 0)
			return r;
		row = UNWIND_ROW_ESCAPE(0, number);
	}
	return vec_add(&p->words, row | at);
}

static int put_escapes(struct unwind_pages *p, size_t rows)
{
	size_t i;
	int r;

	for (i = 0; p->escapes.count && i < rows; i++) {
		uint64_t *row = &p->words.items[p->first_word + i];
		uint64_t number = *row >> 32;

		if ((*row >> 16 & 0xff) == UNWIND_ESCAPE)
			*row = UNWIND_ROW_ESCAPE(*row, rows + number * UNWIND_ESCAPE_WORDS);
	}
	for (i = 0; i < p->escapes.count; i++) {
		uint64_t words[UNWIND_ESCAPE_WORDS];

		memcpy(words, &p->escapes.items[i], sizeof(words));
		r = vec_add(&p->words, words[0]);
		if (r == 0)
			r = vec_add(&p->words, words[1]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Ends the page and begins the next.  One of more words than its head can say, which no compiler
 * makes, is a page that is not followed. */
static int turn_page(struct unwind_pages *p)
{
	struct unwind_page page = { .first = (uint32_t)p->first_word };
	size_t rows;
	int r = 0;

	if (p->words.count == p->first_word && p->last.cfa != UNWIND_NONE)
		r = put(p, 0, &p->last);
	rows = p->words.count - p->first_word;
	if (rows + p->escapes.count * UNWIND_ESCAPE_WORDS > UINT16_MAX) {
		p->words.items[p->first_word] = UNWIND_ROW(0, UNWIND_OTHER, UNWIND_RBP_SAME, 0, 0);
		p->words.count = p->first_word + 1;
		p->escapes.count = 0;
		rows = 1;
	}
	if (r == 0)
		r = put_escapes(p, rows);
	if (r < 0)
		return r;
	page.rows = (__u16)rows;
	page.words = (__u16)(p->words.count - p->first_word);
	if (p->words.count > UNWIND_TABLE_WORDS_MAX || p->pages.count >= UNWIND_PAGES_MAX)
		return -EFBIG;
	p->escapes.count = 0;
	p->first_word = p->words.count;
	p->page++;
	return vec_add(&p->pages, page);
}

int unwind_pages_add(struct unwind_pages *p, uint64_t vaddr, const struct unwind_escape *rule)
{
	uint32_t page = (uint32_t)(vaddr >> UNWIND_PAGE_SHIFT), at = vaddr & PAGE_MASK;
	int r = 0;

	if (!p->begun) {
		p->begun = true;
		p->page = p->first_page = page;
	}
	while (r == 0 && p->page < page)
		r = turn_page(p);
	if (r == 0 && at && p->words.count == p->first_word)
		r = put(p, 0, &p->last);
	if (r == 0 && (at || rule->cfa != UNWIND_NONE))
		r = put(p, at, rule);
	p->last = *rule;
	return r;
}

int unwind_pages_finish(struct unwind_pages *p)
{
	return p->words.count > p->first_word ? turn_page(p) : 0;
}

void unwind_pages_release(struct unwind_pages *p)
{
	vec_release(&p->pages);
	vec_release(&p->words);
	vec_release(&p->escapes);
}
