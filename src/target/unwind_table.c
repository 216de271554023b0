/* unwind_table.c: see unwind_table.h.
 *
 * The table is what the worker sent, as one block, after a check that no part of it leads outside:
 * the worker may be the hostile file's by then, and the kernel side trusts the table.
 */
#include "target/unwind_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/symbols.h"
#include "target/unwind_pages.h"
#include "target/unwind_table_block.h"

struct unwind_table {
	char *block;
	size_t len;
	const struct unwind_table_head *head;
	const struct elf_load *loads;
	const struct unwind_page *pages;
	const uint64_t *words;
	char build_id[2 * UNWIND_BUILD_ID_BYTES + 1];
};

_Static_assert(sizeof(struct unwind_table_head) % 8 == 0 && sizeof(struct elf_load) % 8 == 0,
	       "what follows them in a block is aligned");

static bool escape_is_sound(const uint64_t *words)
{
	struct unwind_escape e;

	memcpy(&e, words, sizeof(e));
	return e.cfa != UNWIND_NONE && e.cfa != UNWIND_ESCAPE && e.cfa <= UNWIND_OTHER &&
	       e.rbp <= UNWIND_RBP_LOST && e.reg <= 15 && (e.ra <= 15 || e.ra == UNWIND_RA_AT_CFA);
}

static bool page_is_sound(const struct unwind_page *page, const uint64_t *words)
{
	size_t i;

	if (page->words < page->rows || (!page->rows && page->words))
		return false;
	for (i = 0; i < page->rows; i++) {
		uint64_t row = words[i];
		uint64_t kind = row >> 16 & 0xff, place = row >> 32;

		if (i ? (uint16_t)row <= (uint16_t)words[i - 1] : (uint16_t)row != 0)
			return false;
		if (kind > UNWIND_OTHER || (row >> 24 & 0xff) > UNWIND_RBP_LOST)
			return false;
		if (kind != UNWIND_ESCAPE && kind != UNWIND_REGISTER)
			continue;
		if (kind == UNWIND_REGISTER || place < page->rows ||
		    place + UNWIND_ESCAPE_WORDS > page->words || !escape_is_sound(words + place))
			return false;
	}
	return true;
}

/* Pages lie behind each other, so that copying them all copies each word once. */
static bool block_is_sound(const struct unwind_table *t)
{
	uint32_t first = 0, i;

	if (t->head->build_id_len > UNWIND_BUILD_ID_BYTES ||
	    t->head->first_page > (UNWIND_VADDR_MAX >> UNWIND_PAGE_SHIFT))
		return false;
	for (i = 0; i < t->head->loads; i++)
		if (*(const uint8_t *)&t->loads[i].exec > 1) /* no bool */
			return false;
	for (i = 0; i < t->head->pages; i++) {
		const struct unwind_page *page = &t->pages[i];

		if (page->first != first || page->words > t->head->words - first ||
		    !page_is_sound(page, t->words + first))
			return false;
		first += page->words;
	}
	return first == t->head->words;
}

int unwind_table_open_block(struct str *block, struct unwind_table **ret_table)
{
	cleanup(unwind_table_freep) struct unwind_table *t = NULL;
	const struct unwind_table_head *head = (const struct unwind_table_head *)block->text;
	const char *at;

	if (block->len < sizeof(*head) || head->loads > ELF_LOADS_MAX ||
	    head->pages > UNWIND_PAGES_MAX || head->words > UNWIND_TABLE_WORDS_MAX ||
	    block->len != sizeof(*head) + head->loads * sizeof(struct elf_load) +
				  head->pages * sizeof(struct unwind_page) +
				  head->words * sizeof(uint64_t))
		return -EIO;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->head = head;
	at = block->text + sizeof(*head);
	t->loads = (const struct elf_load *)at;
	at += head->loads * sizeof(struct elf_load);
	t->pages = (const struct unwind_page *)at;
	at += head->pages * sizeof(struct unwind_page);
	t->words = (const uint64_t *)at;
	if (!block_is_sound(t))
		return -EIO;
	symbols_hex(head->build_id, head->build_id_len, t->build_id);
	t->block = block->text;
	t->len = block->len;
	*block = (struct str){ 0 };
	*ret_table = steal(t);
	return 0;
}

int unwind_table_build(int fd, struct unwind_table **ret_table)
{
	cleanup(str_releasep) struct str block = { 0 };
	int r = unwind_table_block(fd, NULL, &block);

	return r < 0 ? r : unwind_table_open_block(&block, ret_table);
}

struct unwind_table *unwind_table_free(struct unwind_table *t)
{
	if (!t)
		return NULL;
	free(t->block);
	free(t);
	return NULL;
}

const struct unwind_page *unwind_table_pages(const struct unwind_table *t, uint32_t *ret_first_page,
					     size_t *ret_count)
{
	*ret_first_page = t->head->first_page;
	*ret_count = t->head->pages;
	return t->pages;
}

const uint64_t *unwind_table_words(const struct unwind_table *t, size_t *ret_count)
{
	*ret_count = t->words ? t->head->words : 0;
	return t->words;
}

bool unwind_table_vaddr(const struct unwind_table *t, uint64_t offset, uint64_t *ret_vaddr)
{
	size_t i;

	for (i = 0; i < t->head->loads; i++) {
		const struct elf_load *l = &t->loads[i];

		if (l->exec && offset >= l->offset && offset - l->offset < l->filesz) {
			*ret_vaddr = l->vaddr + (offset - l->offset);
			return true;
		}
	}
	return false;
}

const char *unwind_table_build_id(const struct unwind_table *t)
{
	return t->build_id;
}

size_t unwind_table_memory(const struct unwind_table *t)
{
	return sizeof(*t) + t->len;
}

static size_t shape_len(const struct unwind_table *t)
{
	return (const char *)(t->pages + t->head->pages) - t->block;
}

bool unwind_table_same_shape(const struct unwind_table *a, const struct unwind_table *b)
{
	return shape_len(a) == shape_len(b) && memcmp(a->block, b->block, shape_len(a)) == 0;
}

void unwind_table_forget_words(struct unwind_table *t)
{
	size_t len = shape_len(t);
	ptrdiff_t loads = (const char *)t->loads - t->block;
	ptrdiff_t pages = (const char *)t->pages - t->block;
	char *smaller = realloc(t->block, len);

	t->words = NULL;
	if (!smaller)
		return;
	t->block = smaller;
	t->len = len;
	t->head = (const struct unwind_table_head *)smaller;
	t->loads = (const struct elf_load *)(smaller + loads);
	t->pages = (const struct unwind_page *)(smaller + pages);
}

uint64_t unwind_table_row(const struct unwind_table *t, uint64_t vaddr,
			  struct unwind_escape *ret_escape)
{
	uint64_t number = (vaddr >> UNWIND_PAGE_SHIFT) - t->head->first_page;
	const struct unwind_page *page;
	const uint64_t *words;
	size_t low = 0, high;

	if (!t->words || vaddr >> UNWIND_PAGE_SHIFT < t->head->first_page ||
	    number >= t->head->pages)
		return 0;
	page = &t->pages[number];
	if (!page->rows)
		return 0;
	words = t->words + page->first;
	high = page->rows; /* the row wanted is in [low, high): the first one begins at 0 */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if ((uint16_t)words[mid] <= (uint16_t)vaddr)
			low = mid;
		else
			high = mid;
	}
	if ((words[low] >> 16 & 0xff) == UNWIND_ESCAPE)
		memcpy(ret_escape, words + (words[low] >> 32), sizeof(*ret_escape));
	return words[low];
}
