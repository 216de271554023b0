/* syscalls.c: see syscalls.h.  The table is made by tools/gen-syscalls.sh. */
#include "model/syscalls.h"

#include <stddef.h>

#include "model/syscall_names.h"

const char *syscall_name(int number)
{
	if (number < 0 || (size_t)number >= sizeof(syscall_names) / sizeof(syscall_names[0]))
		return NULL;
	return syscall_names[number];
}
