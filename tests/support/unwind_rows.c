/* unwind_rows.c: prints the rows by which native frames of a file are walked.
 *
 * For tests and figures.  Usage: unwind_rows FILE: a line for each row, its address in hexadecimal
 * and cfa, off, add, rbp, rbp_off, reg, ra of bpf/unwind.h in decimal.  unwind_rows -t FILE...: a
 * line for each file, what its table holds and the time that it took here and in the sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "target/unwind_table.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void print_row(const struct unwind_table *t, uint64_t vaddr, uint64_t row)
{
	struct unwind_escape e = { .ra = UNWIND_RA_AT_CFA };
	int16_t last = (int16_t)(row >> 48);

	if ((row >> 16 & 0xff) == UNWIND_ESCAPE) {
		unwind_table_row(t, vaddr, &e);
	} else {
		e.cfa = row >> 16 & 0xff;
		e.rbp = row >> 24 & 0xff;
		e.off = (int16_t)(row >> 32) * 8;
		e.add = e.rbp == UNWIND_RBP_SAME ? last : 0;
		e.rbp_off = e.rbp == UNWIND_RBP_SAME ? 0 : last;
	}
	printf("%" PRIx64 " %d %d %d %d %d %d %d\n", vaddr, e.cfa, e.off, e.add, e.rbp, e.rbp_off,
	       e.reg, e.ra);
}

static int print_rows(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup(unwind_table_freep) struct unwind_table *t = NULL;
	const struct unwind_page *pages;
	const uint64_t *words;
	size_t n_pages, n_words, i, j;
	uint32_t first;
	int r = fd < 0 ? -errno : unwind_table_build(fd, &t);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return 1;
	}
	pages = unwind_table_pages(t, &first, &n_pages);
	words = unwind_table_words(t, &n_words);
	for (i = 0; i < n_pages; i++) {
		for (j = 0; j < pages[i].rows; j++) {
			uint64_t row = words[pages[i].first + j];

			print_row(t, (first + i) << UNWIND_PAGE_SHIFT | (uint16_t)row, row);
		}
	}
	return 0;
}

static size_t count_rows(const struct unwind_table *t, size_t *ret_escapes)
{
	const struct unwind_page *pages;
	size_t n_pages, i, rows = 0;
	uint32_t first;

	*ret_escapes = 0;
	pages = unwind_table_pages(t, &first, &n_pages);
	for (i = 0; i < n_pages; i++) {
		rows += pages[i].rows;
		*ret_escapes += (size_t)(pages[i].words - pages[i].rows) / 2;
	}
	return rows;
}

static int print_times(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup(unwind_table_freep) struct unwind_table *here = NULL, *safe = NULL;
	uint64_t start = now_ns(), middle, end;
	size_t rows, escapes;
	int r = fd < 0 ? -errno : unwind_table_build(fd, &here);

	middle = now_ns();
	if (r == 0)
		r = unwind_table_build_safely(fd, &safe);
	end = now_ns();
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return 1;
	}
	rows = count_rows(here, &escapes);
	printf("%s rows %zu escapes %zu bytes %zu us %" PRIu64 " safely %" PRIu64 "\n", path, rows,
	       escapes, unwind_table_memory(here), (middle - start) / 1000, (end - middle) / 1000);
	return unwind_table_memory(safe) != unwind_table_memory(here);
}

int main(int argc, char **argv)
{
	int i, failed = 0;

	if (argc == 2)
		return print_rows(argv[1]);
	if (argc < 3 || strcmp(argv[1], "-t") != 0) {
		fprintf(stderr, "usage: unwind_rows FILE | unwind_rows -t FILE...\n");
		return 2;
	}
	for (i = 2; i < argc; i++)
		failed |= print_times(argv[i]);
	return failed;
}
