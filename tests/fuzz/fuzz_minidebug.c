/* fuzz_minidebug.c: any bytes as a packed symbol table; what comes out is read like a file. */
#include <stdint.h>
#include <stdlib.h>

#include "target/elf.h"
#include "target/minidebug.h"

static int see(void *arg, const char *name, uint64_t value, uint64_t size)
{
	(void)arg;
	(void)value;
	(void)size;
	return *name == '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str file = { 0 };
	struct elf_image *e = NULL;
	uint8_t buf[8];

	if (minidebug_unpack(data, size, &file) == 0 && file.len > MINIDEBUG_UNPACKED_MAX)
		abort();
	/* the same bytes unpacked: the other half of the way */
	if (!file.len && str_add_mem(&file, data, size) < 0)
		return 0;
	if (elf_image_open_memory(file.text, file.len, &e) == 0) {
		elf_image_each_function(e, see, NULL);
		elf_image_read(e, 0, buf, sizeof(buf));
	}
	elf_image_close(e);
	str_release(&file);
	return 0;
}
