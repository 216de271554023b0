/* syscalls.h: names of system calls.  Knows the x86-64 numbers and nothing else. */
#ifndef STALLPROF_MODEL_SYSCALLS_H
#define STALLPROF_MODEL_SYSCALLS_H

/* Static text, NULL for a number without a name. */
const char *syscall_name(int number);

#endif
