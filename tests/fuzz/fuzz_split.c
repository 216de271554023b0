/* fuzz_split.c: any bytes as an .eh_frame_hdr and as code; the part found is one of the functions.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/elf_split.h"

#define STARTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t starts[STARTS_MAX], vaddr;
	struct elf_range part;
	size_t header, n, i;

	if (size < 10)
		return 0;
	memcpy(&vaddr, data, 8);
	header = data[8] < size - 9 ? data[8] : size - 9;
	n = elf_split_starts(data + 9, header, vaddr & 0xffffff, starts, STARTS_MAX);
	for (i = 1; i < n; i++)
		if (starts[i] <= starts[i - 1])
			abort();
	part = elf_split_part(data + 9 + header, size - 9 - header, vaddr & 0xffff, starts, n);
	for (i = 0; i + 1 < n; i++)
		if (part.start == starts[i] && part.end == starts[i + 1])
			return 0;
	if (part.start || part.end)
		abort();
	return 0;
}
