/* fuzz_lines.c: any bytes as a line table of each format; the search ends and stays inside. */
#include <stdlib.h>
#include <string.h>

#include "runtime/cpython_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t first, off;
	uint8_t *table;
	int format;

	if (size < 8)
		return 0;
	memcpy(&first, data, 4);
	memcpy(&off, data + 4, 4);
	/* a copy of its own, so that a read past its end is seen */
	table = malloc(size - 8 + 1);
	if (!table)
		return 0;
	memcpy(table, data + 8, size - 8);
	table = realloc(table, size - 8 ? size - 8 : 1);
	for (format = CPYTHON_LNOTAB; format <= CPYTHON_LOCATIONS; format++) {
		uint32_t at;

		if (cpython_line(format, table, size - 8, first, off) > INT32_MAX)
			abort();
		for (at = 0; at < 64; at++)
			cpython_line(format, table, size - 8, first, at);
	}
	free(table);
	return 0;
}
