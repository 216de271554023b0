/* fuzz_lines_answer.c: any bytes as a worker's answer; every text that comes out lies inside. */
#include <stdlib.h>
#include <string.h>

#include "target/lines_answer.h"

static void check_text(const char *text, const char *begin, const char *end)
{
	if (text < begin || text >= end || strlen(text) > LINES_TEXT_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lines_cursor c;
	struct line_chain chain;
	size_t chains, i;
	/* a copy of its own, so that a read past its end is seen */
	char *bytes = malloc(size ? size : 1);

	if (!bytes)
		return 0;
	if (size)
		memcpy(bytes, data, size);
	c = (struct lines_cursor){ bytes, bytes + size };
	for (chains = 0; chains < LINES_BATCH_MAX; chains++) {
		const char *before = c.at;

		if (lines_answer_get(&c, &chain) < 0)
			break;
		if (c.at <= before || c.at > c.end || chain.count > LINES_DEPTH_MAX)
			abort();
		for (i = 0; i < chain.count; i++) {
			check_text(chain.places[i].fn, before, c.end);
			check_text(chain.places[i].file, before, c.end);
		}
	}
	free(bytes);
	return 0;
}
