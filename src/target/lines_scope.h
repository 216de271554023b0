/* lines_scope.h: the full name of a C++ function that has no linkage name; part of lines_dwarf.h.
 *
 * gcc gives functions that it only inlined no linkage name: "~vector" alone would say little.  Owns
 * the namespaces and types of each unit that was asked for.
 */
#ifndef STALLPROF_TARGET_LINES_SCOPE_H
#define STALLPROF_TARGET_LINES_SCOPE_H

#include <elfutils/libdw.h>

#include "base/intern.h"
#include "base/vec.h"

struct lines_scope_unit;

/* All zero: empty. */
struct lines_scopes {
	VEC(struct lines_scope_unit *) units;
	struct intern texts;
};

void lines_scopes_release(struct lines_scopes *x);

/* "shop::Cart::total" for an entry whose own name is "total".  The own name where it is not C++, or
 * lies in a function or in a type without a name; "" if there is none.  Belongs to x, or to the
 * library. */
const char *lines_scopes_name(struct lines_scopes *x, Dwarf_Die *die);

#endif
