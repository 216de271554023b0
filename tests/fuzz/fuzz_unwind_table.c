/* fuzz_unwind_table.c: any bytes as the answer of a worker that a hostile file took over.
 *
 * What passes the check must not lead outside, however it is looked at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/unwind_table_block.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_row(const struct unwind_table *t, const struct unwind_page *page, uint64_t vaddr)
{
	struct unwind_escape e = { 0 };
	uint64_t row = unwind_table_row(t, vaddr, &e);
	uint8_t kind = row >> 16 & 0xff;

	must(kind <= UNWIND_OTHER && kind != UNWIND_REGISTER);
	must(!page->rows || (uint16_t)row <= (uint16_t)vaddr);
	must(page->rows || row == 0);
	if (kind == UNWIND_ESCAPE) {
		must(row >> 32 >= page->rows && (row >> 32) + 2 <= page->words);
		must(e.cfa && e.cfa <= UNWIND_OTHER && e.cfa != UNWIND_ESCAPE && e.reg <= 15);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str block = { 0 };
	struct unwind_table *t = NULL;
	const struct unwind_page *pages;
	struct unwind_escape e;
	uint32_t first_page;
	uint64_t vaddr;
	size_t n, n_words, i;

	if (str_add_mem(&block, data, size) < 0)
		return 0;
	if (unwind_table_open_block(&block, &t) == 0) {
		pages = unwind_table_pages(t, &first_page, &n);
		unwind_table_words(t, &n_words);
		for (i = 0; i < n; i++) {
			must((uint64_t)pages[i].first + pages[i].words <= n_words);
			for (vaddr = 0; vaddr < 0x10000; vaddr += 4099)
				check_row(t, &pages[i],
					  ((uint64_t)first_page + i) << UNWIND_PAGE_SHIFT | vaddr);
		}
		must(unwind_table_row(t, UINT64_MAX, &e) == 0);
		for (vaddr = 0; vaddr < 0x4000; vaddr += 61)
			unwind_table_vaddr(t, vaddr, &(uint64_t){ 0 });
		must(strlen(unwind_table_build_id(t)) <= 2 * UNWIND_BUILD_ID_BYTES);
	}
	unwind_table_free(t);
	str_release(&block);
	return 0;
}
