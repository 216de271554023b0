/* lines.c: prints the source lines and inlined functions of addresses in a file, in the format of
 * `addr2line -a -i -f`.
 *
 * For tests: by the worker that stallprof itself asks.  Usage: lines FILE [ALTERNATE], addresses in
 * hexadecimal on standard input.  With the time that opening and asking took on standard error.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "target/lines_worker.h"

static int print(void *arg, uint64_t address, const struct line_chain *chain)
{
	size_t i;

	(void)arg;
	printf("0x%016" PRIx64 "\n", address);
	for (i = 0; i < chain->count; i++) {
		const struct line_place *p = &chain->places[i];

		printf("%s\n%s:%u\n", *p->fn ? p->fn : "??", *p->file ? p->file : "??", p->line);
	}
	if (!chain->count)
		printf("??\n??:0\n");
	return 0;
}

static size_t read_batch(uint64_t *addresses)
{
	char line[64];
	size_t n = 0;

	while (n < LINES_BATCH_MAX && fgets(line, sizeof(line), stdin))
		addresses[n++] = strtoull(line, NULL, 16);
	return n;
}

int main(int argc, char **argv)
{
	uint64_t addresses[LINES_BATCH_MAX], start = now_ns(), first = 0;
	int file = open(argc > 1 ? argv[1] : "", O_RDONLY);
	int alt = argc > 2 ? open(argv[2], O_RDONLY) : -1, r = 0;
	struct lines_worker w = { 0 };
	size_t n, count = 0;

	if (file < 0 || (argc > 2 && alt < 0)) {
		fprintf(stderr, "usage: lines FILE [ALTERNATE]\n");
		return 2;
	}
	while (r == 0 && (n = read_batch(addresses))) {
		r = lines_worker_ask(&w, file, alt, addresses, n);
		if (r == 0)
			r = lines_worker_wait(&w, UINT64_MAX, print, NULL);
		first = first ? first : now_ns() - start;
		count += n;
	}
	fprintf(stderr, "first answer %.1f ms, %.1f us for each of %zu\n", (double)first / 1e6,
		count > 64 ? (double)(now_ns() - start - first) / 1e3 / (double)(count - 64) : 0.0,
		count);
	lines_worker_stop(&w);
	if (r < 0)
		fprintf(stderr, "lines: %s\n", strerror(-r));
	return r < 0;
}
