/* by_proc.h: which entries of a list of the profile belong to which process.
 *
 * For writers that tell process by process; looking through the whole list for each would take the
 * square of a hostile recording.  Knows no list by name.
 */
#ifndef STALLPROF_OUTPUT_BY_PROC_H
#define STALLPROF_OUTPUT_BY_PROC_H

#include <stddef.h>

struct by_proc {
	int *first; /* of each process: index of its first entry, -1: none */
	int *next;  /* of each entry: of the next of the same process, -1: none */
};

/* Entries of `size` bytes with an `int proc` at `offset`; one of no process is in no chain.  0 or
 * -ENOMEM. */
int by_proc_init(struct by_proc *b, size_t n_procs, const void *list, size_t count, size_t size,
		 size_t offset);
void by_proc_release(struct by_proc *b);

#define BY_PROC_INIT(b, n_procs, list, count) \
	by_proc_init(b, n_procs, list, count, sizeof(*(list)), offsetof(typeof(*(list)), proc))

#endif
