/* vec.h: growing arrays of any element type.
 *
 * A vector is any struct with `items`, `count` and `room`, declared with VEC(type); all zero is
 * empty.  Low-level: may use the C library only.
 */
#ifndef STALLPROF_BASE_VEC_H
#define STALLPROF_BASE_VEC_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VEC(type) \
	struct { \
		type *items; \
		size_t count; \
		size_t room; \
	}

static inline int vec_grow_(void **items, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 8;
	void *p;

	if (count < *room)
		return 0;
	p = reallocarray(*items, more, size);
	if (!p)
		return -ENOMEM;
	memset((char *)p + count * size, 0, (more - count) * size);
	*items = p;
	*room = more;
	return 0;
}

/* Appends a copy of the value; 0 or -ENOMEM. */
#define vec_add(v, ...) \
	({ \
		int r_ = vec_grow_((void **)&(v)->items, (v)->count, &(v)->room, \
				   sizeof(*(v)->items)); \
		if (r_ == 0) \
			(v)->items[(v)->count++] = (__typeof__(*(v)->items))__VA_ARGS__; \
		r_; \
	})

#define vec_release(v) \
	do { \
		free((v)->items); \
		(v)->items = NULL; \
		(v)->count = (v)->room = 0; \
	} while (0)

#endif
