/* by_proc.c: see by_proc.h. */
#include "output/by_proc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int by_proc_init(struct by_proc *b, size_t n_procs, const void *list, size_t count, size_t size,
		 size_t offset)
{
	b->first = malloc((n_procs + 1) * sizeof(*b->first));
	b->next = malloc((count + 1) * sizeof(*b->next));
	if (!b->first || !b->next) {
		by_proc_release(b);
		return -ENOMEM;
	}
	memset(b->first, -1, (n_procs + 1) * sizeof(*b->first));
	/* from the end, so that each chain has the order of the list */
	for (size_t i = count; i-- > 0;) {
		int proc;

		memcpy(&proc, (const char *)list + i * size + offset, sizeof(proc));
		if (proc < 0 || (size_t)proc >= n_procs)
			continue;
		b->next[i] = b->first[proc];
		b->first[proc] = (int)i;
	}
	return 0;
}

void by_proc_release(struct by_proc *b)
{
	free(b->first);
	free(b->next);
	*b = (struct by_proc){ 0 };
}
