/* fuzz_elf.c: any bytes as an ELF file; reading it ends, and a table that is built can be searched.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/elf.h"
#include "target/symbols.h"

static void read_all(const struct elf_image *e)
{
	struct elf_symbol symbol;
	uint64_t addr, size;
	uint8_t buf[64];
	size_t n;

	elf_image_symbol(e, "_PyRuntime", &symbol);
	elf_image_build_id(e, buf, sizeof(buf));
	if (elf_image_section(e, ".text", &addr, &size) == 0)
		elf_image_read(e, addr, buf, sizeof(buf));
	elf_bias(elf_image_loads(e, &n), n, 0x7f0000000000, 0x1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	struct elf_image *e = NULL;
	struct symbols *s = NULL;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (elf_image_open(fd, &e) == 0)
		read_all(e);
	elf_image_close(e);
	if (symbols_build(fd, &s) == 0) {
		uint64_t addr;

		for (addr = 0; addr < 0x20000; addr += 257) {
			symbols_find(s, addr);
			symbols_find_offset(s, addr);
		}
		symbols_find(s, UINT64_MAX);
	}
	symbols_free(s);
	close(fd);
	return 0;
}
