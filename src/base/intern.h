/* intern.h: memory that is freed all at once, and texts stored once.
 *
 * Two texts from the same struct intern are equal exactly when their pointers are.  All zero is
 * empty.  Low-level: may use other parts of base only.
 */
#ifndef STALLPROF_BASE_INTERN_H
#define STALLPROF_BASE_INTERN_H

#include "base/str.h"

struct arena_block;
struct arena {
	struct arena_block *last;
};

/* Zeroed memory for any type, valid until arena_release; NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t size);
void arena_release(struct arena *a);

struct intern_node;
struct intern {
	struct arena arena; /* others may allocate from it what shall live as long */
	struct intern_node *nodes;
	struct str scratch;
};

/* The one copy of that text; NULL when out of memory. */
const char *intern_text(struct intern *in, const char *text);
/* The same for text from outside, made printable (see str_add_printable). */
const char *intern_printable(struct intern *in, const char *text, size_t len);
const char *intern_printf(struct intern *in, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void intern_release(struct intern *in);

#endif
