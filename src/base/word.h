/* word.h: numbers out of bytes that another process, or a file, laid out.
 *
 * Low-level: may use the C library only.
 */
#ifndef STALLPROF_BASE_WORD_H
#define STALLPROF_BASE_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The u64 at any offset, aligned or not, in this machine's byte order.  The caller knows that eight
 * bytes are there. */
static inline uint64_t word_at(const uint8_t *bytes, size_t at)
{
	uint64_t v;

	memcpy(&v, bytes + at, sizeof(v));
	return v;
}

#endif
