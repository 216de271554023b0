/* fuzz_perf_map.c: any bytes as a perf map that grows, and as what a worker sends back; each
 * address is in at most one function. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/perf_map_table.h"

static void check(const struct perf_map_table *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		const struct perf_map_entry *e = &t->entries[i];

		if (!e->size || e->name >= t->names.len || (i && e[-1].addr + e[-1].size > e->addr))
			abort();
		if (perf_map_table_find(t, e->addr) != t->names.text + e->name ||
		    perf_map_table_find(t, e->addr + e->size - 1) != t->names.text + e->name)
			abort();
	}
}

/* The first byte says after how many bytes the file is looked at for the first time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("map", MFD_CLOEXEC);
	struct perf_map_table grown = { 0 }, sent = { 0 };
	struct perf_map_mark mark = { 0 };
	struct str block = { 0 };
	size_t first = size ? data[0] : 0, at[3] = { 0, first < size ? first : size, size };

	for (int i = 0; i < 2; i++) {
		if (write(fd, data + at[i], at[i + 1] - at[i]) < 0)
			break;
		str_clear(&block);
		if (perf_map_block(fd, &mark, &block) == 0 &&
		    perf_map_table_add(&grown, &block, &mark) < 0)
			abort();
		check(&grown);
	}
	str_clear(&block);
	memset(&mark, 0, sizeof(mark));
	if (str_add_mem(&block, data, size) == 0 && perf_map_table_add(&sent, &block, &mark) == 0)
		check(&sent);
	perf_map_table_release(&grown);
	perf_map_table_release(&sent);
	str_release(&block);
	close(fd);
	return 0;
}
