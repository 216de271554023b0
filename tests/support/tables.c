/* tables.c: what the unwind tables of ELF files are, and how long they take to compile.
 *
 * For the benchmark.  Usage: tables ROUNDS FILE...; a line of JSON for each file: rows, words,
 * bytes of code, ns of the fastest round.
 */
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/unwind_table.h"

static uint64_t code_bytes(int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	uint64_t bytes = 0;
	size_t n = 0;

	if (elf && elf_getphdrnum(elf, &n) == 0) {
		for (size_t i = 0; i < n; i++) {
			GElf_Phdr p;

			if (gelf_getphdr(elf, i, &p) && p.p_type == PT_LOAD && p.p_flags & PF_X)
				bytes += p.p_filesz;
		}
	}
	elf_end(elf);
	return bytes;
}

static void print_table(const char *path, const struct unwind_table *t, uint64_t code, uint64_t ns)
{
	const struct unwind_page *pages;
	uint32_t first_page;
	size_t n_pages, words;
	uint64_t rows = 0;

	pages = unwind_table_pages(t, &first_page, &n_pages);
	unwind_table_words(t, &words);
	for (size_t i = 0; i < n_pages; i++)
		rows += pages[i].rows;
	printf("{\"file\": \"%s\", \"rows\": %llu, \"words\": %zu, \"code\": %llu, \"ns\": %llu}\n",
	       path, (unsigned long long)rows, words, (unsigned long long)code,
	       (unsigned long long)ns);
}

static void measure(const char *path, int rounds)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t best = UINT64_MAX;

	if (fd < 0)
		return;
	for (int i = 0; i < rounds; i++) {
		cleanup(unwind_table_freep) struct unwind_table *t = NULL;
		uint64_t start = now_ns(), took;

		if (unwind_table_build(fd, &t) < 0)
			break;
		took = now_ns() - start;
		best = took < best ? took : best;
		if (i == rounds - 1)
			print_table(path, t, code_bytes(fd), best);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0;

	if (rounds < 1) {
		fprintf(stderr, "usage: tables ROUNDS FILE...\n");
		return 2;
	}
	elf_version(EV_CURRENT);
	for (int i = 2; i < argc; i++)
		measure(argv[i], rounds);
	return 0;
}
