/* cleanup.h: scope-bound release of memory, descriptors and streams.
 *
 * Owns the cleanup attribute and the few destructors that belong to the C library.  A type with a
 * destructor of its own adds one DEFINE_CLEANUP line beside its prototype.  Knows nothing else.
 */
#ifndef STALLPROF_BASE_CLEANUP_H
#define STALLPROF_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(fn) __attribute__((cleanup(fn)))

/* DEFINE_CLEANUP(struct foo *, foo_free) makes foo_freep() for `cleanup(foo_freep) struct foo *f`.
 */
#define DEFINE_CLEANUP(type, fn) \
	static inline void fn##p(type *p) \
	{ \
		if (*p) \
			fn(*p); \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_	 cleanup(freep)
#define _cleanup_close_	 cleanup(closep)
#define _cleanup_fclose_ cleanup(fclosep)

/* Hands a pointer or descriptor out of a cleanup variable. */
#define steal(p) \
	({ \
		__typeof__(p) stolen_ = (p); \
		(p) = NULL; \
		stolen_; \
	})

static inline int steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#endif
