/* fuzz_eh_frame.c: any bytes as a .eh_frame section; the rows and the pages keep their promises.
 *
 * The first two bytes say where the section lies and whether its size is known; the rest is the
 * section.  Its code lies in front of it, as in most files, so that pieces of real ones have rows.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/eh_frame.h"
#include "target/unwind_pages.h"
#include "target/unwind_table_block.h"

#define CODE_END 0x800000

struct seen {
	struct unwind_pages pages;
	struct unwind_escape last;
	uint64_t pc;
	size_t rows;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static int see(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	struct seen *s = arg;

	must(pc > s->pc && pc <= CODE_END);
	must(rule->cfa <= UNWIND_OTHER && rule->cfa != UNWIND_ESCAPE);
	must(!s->rows || memcmp(rule, &s->last, sizeof(*rule)) != 0);
	must(s->rows || rule->cfa != UNWIND_NONE);
	s->pc = pc;
	s->last = *rule;
	s->rows++;
	return unwind_pages_add(&s->pages, pc, rule);
}

/* What a worker would send, taken as the other side takes it. */
static struct unwind_table *open_pages(const struct unwind_pages *p)
{
	struct unwind_table_head head = { .pages = (uint32_t)p->pages.count,
					  .words = (uint32_t)p->words.count,
					  .first_page = p->first_page };
	struct unwind_table *t = NULL;
	struct str block = { 0 };

	must(str_add_mem(&block, &head, sizeof(head)) == 0 &&
	     str_add_mem(&block, p->pages.items, p->pages.count * sizeof(*p->pages.items)) == 0 &&
	     str_add_mem(&block, p->words.items, p->words.count * sizeof(uint64_t)) == 0);
	must(unwind_table_open_block(&block, &t) == 0);
	return t;
}

static const struct unwind_table *looked_in;

/* The same rows again: each must be found at its address, and hold up to the next. */
static int look_up(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	struct seen *s = arg;
	struct unwind_escape e;
	uint64_t row;
	uint8_t kind;

	if (s->rows) {
		row = unwind_table_row(looked_in, pc - 1, &e);
		kind = row >> 16 & 0xff;
		must((kind == UNWIND_ESCAPE ? e.cfa : kind) == s->last.cfa ||
		     kind == UNWIND_OTHER); /* a page too full */
		if (kind == UNWIND_ESCAPE)
			must(memcmp(&e, &s->last, sizeof(e)) == 0);
	}
	row = unwind_table_row(looked_in, pc, &e);
	kind = row >> 16 & 0xff;
	must((kind == UNWIND_ESCAPE ? e.cfa : kind) == rule->cfa || kind == UNWIND_OTHER);
	if (kind == UNWIND_ESCAPE)
		must(memcmp(&e, rule, sizeof(e)) == 0);
	else if (rule->cfa == UNWIND_RSP && kind == UNWIND_RSP)
		must((int16_t)(row >> 32) * 8 == rule->off);
	s->last = *rule;
	s->rows++;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct eh_range ranges[] = { { 0, CODE_END / 2 },
						  { CODE_END / 2 + 0x1000, CODE_END } };
	struct eh_frame f = { .ranges = ranges, .n_ranges = 2 };
	struct seen first = { 0 }, again = { 0 };
	struct unwind_table *t;
	uint64_t vaddr;

	if (size < 2)
		return 0;
	f.bytes = data + 2;
	f.len = size - 2;
	f.vaddr = (uint64_t)data[0] << 15;
	f.unending = data[1] & 1;
	eh_frame_hdr_target(f.bytes, f.len, f.vaddr, &vaddr);
	must(eh_frame_rows(&f, see, &first) == 0 && unwind_pages_finish(&first.pages) == 0);
	must(!first.rows || first.last.cfa == UNWIND_NONE);
	t = open_pages(&first.pages);
	looked_in = t;
	must(eh_frame_rows(&f, look_up, &again) == 0 && again.rows == first.rows);
	unwind_table_free(t);
	unwind_pages_release(&first.pages);
	return 0;
}
