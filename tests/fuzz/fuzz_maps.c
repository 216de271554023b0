/* fuzz_maps.c: any text as a memory map; what comes out is sorted and can be searched. */
#include <stdlib.h>

#include "target/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maps m = { 0 };
	size_t i;

	if (maps_parse(&m, (const char *)data, size) < 0)
		return 0;
	for (i = 0; i < m.list.count; i++) {
		const struct mapping *one = &m.list.items[i];

		if (one->start >= one->end || (i && one[-1].end > one->start))
			abort();
		if (maps_find(&m, one->start) != one || maps_find(&m, one->end - 1) != one)
			abort();
		if (maps_first_of_file(&m, one->dev, one->ino) > one)
			abort();
		mapping_basename(one);
	}
	maps_release(&m);
	return 0;
}
