/* fuzz_demangle.c: any text as a mangled name.  Short ones are worked out here, where a fault is
 * seen; long ones may take for ever and go to the worker, which must not matter. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/demangle.h"
#include "target/demangler.h"

#define HERE_MAX 96

/* libiberty forgets the buffer of a Rust identifier whose punycode ends too early
 * (print_ident, 12.2 and 2.44).  The memory is the worker's, which has a limit; here it would end
 * the run. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:rust-demangle\nleak:print_ident\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct demangler *d;
	char name[DEMANGLE_INPUT_MAX + 8], text[DEMANGLE_OUTPUT_ROOM];
	size_t len = size < sizeof(name) - 3 ? size : sizeof(name) - 3, room;

	name[0] = '_';
	name[1] = 'Z';
	memcpy(name + 2, data, len);
	name[len + 2] = '\0';
	if (!d && demangler_new(&d) < 0)
		abort();
	if (len > HERE_MAX)
		return !demangler_name(d, name);
	for (room = sizeof(text); room > 2; room /= 4) {
		if (demangle(name, text, room) == 0 && (!*text || strlen(text) >= room))
			abort();
		name[1] = 'R';
		if (demangle(name, text, room) == 0 && (!*text || strlen(text) >= room))
			abort();
		name[1] = 'Z';
	}
	return 0;
}
