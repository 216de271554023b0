/* fuzz_recording.c: any bytes as a .stall file: the reader must end, and never crash. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "recording/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(recording_closep) struct recording_reader *r = NULL;
	struct chunk chunk;
	FILE *file;

	if (size == 0)
		return 0;
	file = fmemopen((void *)data, size, "r");
	if (!file || recording_open_stream(file, &r) < 0)
		return 0;
	while (recording_next(r, &chunk) > 0)
		for (uint32_t i = 0; i < chunk.len; i++)
			(void)((const volatile unsigned char *)chunk.payload)[i];
	if (recording_state(r) > RECORDING_CORRUPT || recording_bytes_read(r) > size)
		__builtin_trap();
	return 0;
}
