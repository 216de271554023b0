/* test_unwind_space.c: tables are put, found, retired and their room used again, without a kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/unwind_space.h"

#define PAGES	   97
#define PAGE_WORDS 60013 /* two of them fit into a chunk */

struct memory {
	uint64_t *chunks[UNWIND_CHUNKS_MAX];
	int open, opened, refuse; /* refuse: opens that fail from now on */
};

static int chunk_open(void *ctx, uint32_t number, uint64_t **ret_words)
{
	struct memory *m = ctx;

	assert_null(m->chunks[number]);
	if (m->refuse)
		return -EPERM;
	*ret_words = m->chunks[number] = calloc(UNWIND_CHUNK_WORDS, sizeof(uint64_t));
	m->open++;
	m->opened++;
	return 0;
}

static void chunk_close(void *ctx, uint32_t number, uint64_t *words)
{
	struct memory *m = ctx;

	assert_ptr_equal(m->chunks[number], words);
	m->chunks[number] = NULL;
	m->open--;
	free(words);
}

static const struct unwind_chunks two = { chunk_open, chunk_close, 2 };

struct fixture {
	struct memory memory;
	struct unwind_page directory[PAGES];
	struct unwind_space *space;
	uint64_t *words;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->words = calloc(3 * PAGE_WORDS, sizeof(*f->words));
	for (uint32_t i = 0; i < 3 * PAGE_WORDS; i++)
		f->words[i] = i * 7 + 1;
	*state = f;
	return unwind_space_new(&two, &f->memory, f->directory, PAGES, &f->space);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unwind_space_free(f->space);
	assert_int_equal(f->memory.open, 0);
	free(f->words);
	free(f);
	return 0;
}

static const struct unwind_page small[] = { { 0, 11, 13 }, { 0, 0, 0 }, { 13, 5, 5 } };

/* Each page is found with its own words, a page without rows is none. */
static void test_put(void **state)
{
	struct fixture *f = *state;
	uint32_t place, again, n, rows;
	const uint64_t *words;

	assert_int_equal(unwind_space_put(f->space, small, 3, f->words, 18, &place), 0);
	words = unwind_space_page(f->space, place, &n, &rows);
	assert_non_null(words);
	assert_int_equal(n, 13);
	assert_int_equal(rows, 11);
	assert_memory_equal(words, f->words, 13 * sizeof(*words));
	assert_null(unwind_space_page(f->space, place + 1, &n, &rows));
	words = unwind_space_page(f->space, place + 2, &n, &rows);
	assert_memory_equal(words, f->words + 13, 5 * sizeof(*words));
	assert_null(unwind_space_page(f->space, PAGES, &n, &rows));
	assert_int_equal(unwind_space_put(f->space, small, 3, f->words, 18, &again), 0);
	assert_int_equal(again, place + 3);
	assert_int_equal(unwind_space_chunks(f->space), 1);
}

/* Room is used again, but not before the grace time is over; an empty chunk is given back. */
static void test_grace(void **state)
{
	struct fixture *f = *state;
	const struct unwind_page big[] = { { 0, 7, PAGE_WORDS }, { PAGE_WORDS, 7, PAGE_WORDS } };
	uint32_t first, second, third, n, rows;

	assert_int_equal(unwind_space_put(f->space, big, 2, f->words, 2 * PAGE_WORDS, &first), 0);
	assert_int_equal(unwind_space_put(f->space, big, 2, f->words, 2 * PAGE_WORDS, &second), 0);
	assert_int_equal(unwind_space_chunks(f->space), 2);
	unwind_space_retire(f->space, first, 2, 1000);
	unwind_space_reclaim(f->space, 1000 + UNWIND_GRACE - 1);
	assert_non_null(unwind_space_page(f->space, first, &n, &rows));
	assert_int_equal(unwind_space_put(f->space, big, 2, f->words, 2 * PAGE_WORDS, &third),
			 -ENOSPC);
	unwind_space_reclaim(f->space, 1000 + UNWIND_GRACE);
	assert_null(unwind_space_page(f->space, first, &n, &rows));
	assert_int_equal(unwind_space_chunks(f->space), 1);
	assert_int_equal(unwind_space_put(f->space, big, 2, f->words, 2 * PAGE_WORDS, &third), 0);
	assert_int_equal(third, first);
	assert_int_equal(f->memory.opened, 3);
}

/* A table that does not fit leaves nothing behind: neither words nor pages nor an empty chunk. */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct unwind_page pages[PAGES + 1];
	uint32_t place, before = 0;

	for (int i = 0; i < PAGES + 1; i++)
		pages[i] = (struct unwind_page){ 0, 3, PAGE_WORDS };
	for (int turn = 0; turn < 3; turn++) {
		assert_int_equal(unwind_space_put(f->space, pages, 5, f->words, PAGE_WORDS, &place),
				 -ENOSPC); /* words */
		assert_int_equal(unwind_space_chunks(f->space), 0);
		assert_int_equal(unwind_space_put(f->space, pages, PAGES + 1, f->words, PAGE_WORDS,
						  &place),
				 -ENOSPC); /* pages */
		assert_int_equal(unwind_space_put(f->space, pages, 4, f->words, PAGE_WORDS, &place),
				 0);
		assert_true(turn == 0 || place == before);
		before = place;
		unwind_space_retire(f->space, place, 4, 0);
		unwind_space_reclaim(f->space, UNWIND_GRACE);
	}
	f->memory.refuse = 1;
	assert_int_equal(unwind_space_put(f->space, small, 3, f->words, 18, &place), -EPERM);
}

/* A page that says more than there is, is refused. */
static void test_damaged(void **state)
{
	struct fixture *f = *state;
	const struct unwind_page beyond = { 6, 3, 13 }, rows = { 0, 14, 13 };
	const struct unwind_page far = { 0xffffffff, 3, 13 };
	uint32_t place;

	assert_int_equal(unwind_space_put(f->space, &beyond, 1, f->words, 18, &place), -EINVAL);
	assert_int_equal(unwind_space_put(f->space, &rows, 1, f->words, 18, &place), -EINVAL);
	assert_int_equal(unwind_space_put(f->space, &far, 1, f->words, 18, &place), -EINVAL);
	assert_int_equal(unwind_space_chunks(f->space), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
