/* syscalls.c: see syscalls.h.  The table is made by tools/gen-syscalls.sh. */
#include "model/syscalls.h"

#include <stddef.h>

static const char *const names[] = {
#include "model/syscall_names.h"
};

const char *syscall_name(int number)
{
	if (number < 0 || (size_t)number >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return names[number];
}
