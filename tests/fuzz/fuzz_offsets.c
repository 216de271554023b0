/* fuzz_offsets.c: any bytes as _Py_DebugOffsets or as code; what is accepted can be walked. */
#include <stdlib.h>
#include <string.h>

#include "runtime/cpython_offsets.h"
#include "runtime/cpython_slot.h"

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void check(const struct cpython_offsets *o)
{
	demand(o->frame_size <= 128 && o->frame_shim < o->frame_size);
	demand((o->frame_code | o->frame_prev | o->frame_ip) % 8 == 0);
	demand(o->frame_code + 8 <= o->frame_size && o->frame_prev + 8 <= o->frame_size);
	demand(o->frame_ip + 8 <= o->frame_size);
	demand(o->code_filename < CPYTHON_CODE_MAX && o->code_name < CPYTHON_CODE_MAX);
	demand(o->code_qualname < CPYTHON_CODE_MAX && o->code_lines < CPYTHON_CODE_MAX);
	demand(o->interp_next < 1u << 20 && o->interp_threads < 1u << 20);
}

/* The version in the block chooses the row, so that all three layouts are reached. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cpython_offsets *row = size > 10 ? cpython_offsets_find(data[10]) : NULL;
	struct cpython_offsets o;
	int64_t slot;

	if (cpython_slot_of_code(data, size, &slot))
		demand(slot < 0 && slot % 8 == 0);
	if (!row)
		return 0;
	o = *row;
	if (cpython_debug_offsets(&o, data, size) == 0)
		check(&o);
	return 0;
}
