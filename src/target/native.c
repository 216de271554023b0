/* native.c: see native.h. */
#include "target/native.h"

#include <string.h>

#define CALL_MAX 7 /* longest near call without segment or address-size prefixes */

/* Length of "FF /2" with its ModRM, SIB and displacement, or 0 when at[0..room) is not one. */
static size_t indirect_call_length(const uint8_t *at, size_t room)
{
	uint8_t mod, rm;
	size_t len = 2;

	if (room < 2 || at[0] != 0xff || ((at[1] >> 3) & 7) != 2)
		return 0;
	mod = at[1] >> 6;
	rm = at[1] & 7;
	if (mod == 3)
		return len;
	if (rm == 4) { /* SIB follows; base 5 without displacement size means 32 bits */
		if (room < 3)
			return 0;
		len++;
		if (mod == 0 && (at[2] & 7) == 5)
			return len + 4;
	} else if (mod == 0 && rm == 5) {
		return len + 4;
	}
	return len + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

bool native_ends_in_call(const uint8_t *bytes, size_t len)
{
	size_t n;

	if (len >= 5 && bytes[len - 5] == 0xe8)
		return true;
	for (n = 2; n <= CALL_MAX && n <= len; n++)
		if (indirect_call_length(bytes + len - n, n) == n)
			return true;
	return false;
}

bool native_executable(struct process *p, uint64_t addr)
{
	const struct mapping *m = process_map(p, addr);

	return m && m->exec;
}

bool native_plausible(struct process *p, uint64_t addr)
{
	uint8_t bytes[CALL_MAX];

	/* the call itself must lie in the mapping too */
	if (addr < CALL_MAX || !native_executable(p, addr - 1))
		return false;
	if (process_read_all(p, addr - CALL_MAX, bytes, CALL_MAX) == 0)
		return native_ends_in_call(bytes, CALL_MAX);
	/* at the very start of a mapping fewer bytes can be read */
	if (process_read_all(p, addr - 5, bytes, 5) == 0)
		return native_ends_in_call(bytes, 5);
	return process_read_all(p, addr - 2, bytes, 2) == 0 && native_ends_in_call(bytes, 2);
}
