/* fuzz_symbols.c: any bytes as the answer of a worker that a hostile file took over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/symbols_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str block = { 0 };
	struct symbols *s = NULL;
	uint64_t addr, vaddr;
	uint32_t crc;

	if (str_add_mem(&block, data, size) < 0)
		return 0;
	if (symbols_open_block(&block, &s) == 0) {
		for (addr = 0; addr < 0x4000; addr += 61) {
			const char *name = symbols_find(s, addr);

			if (name && strlen(name) > size)
				abort();
			symbols_vaddr(s, addr, &vaddr);
		}
		symbols_find(s, UINT64_MAX);
		if (strchr(symbols_debuglink(s, &crc), '/') || strlen(symbols_build_id(s)) > 128)
			abort();
	}
	symbols_free(s);
	str_release(&block);
	return 0;
}
