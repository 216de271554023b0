/* test_cpython_reader.c: few reads, inside the range, of what is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_python.h"

static struct fake *f;

static int start(void **state)
{
	(void)state;
	f = fake_new(11);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	f = fake_free(f);
	return 0;
}

/* Words of one page cost one read until the next question. */
static void test_pages(void **state)
{
	uint64_t at = FAKE_BASE + 0x40000, word, before;

	(void)state;
	fake_put(f, at, 23);
	before = f->rd.calls;
	assert_int_equal(cpython_read_word(&f->rd, at, &word), 0);
	assert_int_equal(word, 23);
	assert_int_equal(cpython_read_word(&f->rd, at + 4088, &word), 0);
	assert_int_equal(f->rd.calls, before + 1);
	memset(fake_at(f, at), 0, 8); /* the process moves on */
	assert_int_equal(cpython_read_word(&f->rd, at, &word), 0);
	assert_int_equal(word, 23);
	assert_int_equal(cpython_read_fresh(&f->rd, at, &word, sizeof(word)), 0);
	assert_int_equal(word, 0);
	cpython_reader_begin(&f->rd);
	assert_int_equal(cpython_read_word(&f->rd, at, &word), 0);
	assert_int_equal(word, 0);
	assert_int_equal(f->rd.calls, before + 3);
}

/* A read over the edge of a page is whole; one over the edge of what is there is none. */
static void test_edges(void **state)
{
	uint64_t edge = FAKE_BASE + 0x50000, word;
	static uint8_t big[20 * FAKE_PAGE];

	(void)state;
	fake_put(f, edge - 4, 0x1122334455667788);
	assert_int_equal(cpython_read_word(&f->rd, edge - 4, &word), 0);
	assert_true(word == 0x1122334455667788);
	assert_int_equal(cpython_read(&f->rd, edge - 16, big, sizeof(big)), 0);
	assert_memory_equal(big + 12, &word, 8);
	f->hole[(edge - FAKE_BASE) / FAKE_PAGE] = true;
	cpython_reader_begin(&f->rd);
	assert_int_equal(cpython_read_word(&f->rd, edge - 4, &word), -EFAULT);
	assert_int_equal(cpython_read_word(&f->rd, edge - 8, &word), 0);
	assert_int_equal(cpython_read(&f->rd, edge - 16, big, sizeof(big)), -EFAULT);
	assert_int_equal(cpython_read_fresh(&f->rd, edge, &word, 8), -EFAULT);
}

/* No address outside a user's range gets as far as the process. */
static void test_range(void **state)
{
	static const uint64_t wild[] = {
		0, 8, 4095, 1ull << 47, UINT64_MAX, UINT64_MAX - 6, (1ull << 47) - 4, 1ull << 63
	};
	uint64_t before = f->rd.calls, word = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		assert_int_equal(cpython_read_word(&f->rd, wild[i], &word), -EFAULT);
		assert_int_equal(cpython_read_fresh(&f->rd, wild[i], &word, 8), -EFAULT);
	}
	assert_int_equal(cpython_read(&f->rd, FAKE_BASE, &word, SIZE_MAX), -EFAULT);
	assert_int_equal(cpython_read(&f->rd, FAKE_BASE, &word, (1u << 20) + 1), -EFAULT);
	assert_int_equal(f->rd.calls, before);
	assert_int_equal(word, 7);
}

/* A process that ended is told from a bad address, from a page read before as well. */
static void test_gone(void **state)
{
	uint64_t word;

	(void)state;
	f->gone = true;
	cpython_reader_begin(&f->rd);
	assert_int_equal(cpython_read_word(&f->rd, FAKE_BASE, &word), -ESRCH);
	assert_int_equal(cpython_read_word(&f->rd, FAKE_BASE, &word), -ESRCH);
	assert_int_equal(cpython_read_fresh(&f->rd, FAKE_BASE, &word, 8), -ESRCH);
}

/* A question may be limited; the next one is not. */
static void test_limit(void **state)
{
	uint64_t word;

	(void)state;
	cpython_reader_limit(&f->rd, 2);
	assert_int_equal(cpython_read_word(&f->rd, FAKE_BASE, &word), 0);
	assert_int_equal(cpython_read_word(&f->rd, FAKE_BASE + FAKE_PAGE, &word), 0);
	assert_int_equal(cpython_read_word(&f->rd, FAKE_BASE + 2 * FAKE_PAGE, &word), -EFAULT);
	assert_int_equal(cpython_read_fresh(&f->rd, FAKE_BASE, &word, 8), -EFAULT);
	assert_int_equal(cpython_read_word(&f->rd, FAKE_BASE + 8, &word), 0);
	cpython_reader_begin(&f->rd);
	assert_int_equal(cpython_read_word(&f->rd, FAKE_BASE + 2 * FAKE_PAGE, &word), 0);
}

/* More pages than are kept push each other out and are right all the same. */
static void test_many(void **state)
{
	uint64_t page, word, round;

	(void)state;
	for (page = 64; page < FAKE_SIZE / FAKE_PAGE; page++)
		fake_put(f, FAKE_BASE + page * FAKE_PAGE + 256, page);
	for (round = 0; round < 3; round++)
		for (page = 64; page < FAKE_SIZE / FAKE_PAGE; page++) {
			assert_int_equal(cpython_read_word(
						 &f->rd, FAKE_BASE + page * FAKE_PAGE + 256, &word),
					 0);
			assert_int_equal(word, page);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pages, start, stop),
		cmocka_unit_test_setup_teardown(test_edges, start, stop),
		cmocka_unit_test_setup_teardown(test_range, start, stop),
		cmocka_unit_test_setup_teardown(test_gone, start, stop),
		cmocka_unit_test_setup_teardown(test_limit, start, stop),
		cmocka_unit_test_setup_teardown(test_many, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
