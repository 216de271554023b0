/* cpython_types.h: types, and the bits of tp_flags, the same in 3.8 to 3.15.
 *
 * Owns reading types, and keeps those that last.  For the readers of objects only.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_TYPES_H
#define STALLPROF_RUNTIME_CPYTHON_TYPES_H

#include "runtime/cpython_objects.h"

#define TYPE_HAS_INLINE_VALUES (1ull << 2) /* from 3.13 */
#define TYPE_HAS_MANAGED_DICT  (1ull << 4) /* from 3.11 */
#define TYPE_IS_HEAP	       (1ull << 9)
#define TYPE_IS_INT	       (1ull << 24)
#define TYPE_IS_LIST	       (1ull << 25)
#define TYPE_IS_TUPLE	       (1ull << 26)
#define TYPE_IS_STR	       (1ull << 28)
#define TYPE_IS_DICT	       (1ull << 29)
#define TYPE_IS_TYPE	       (1ull << 31)

/* The flags of the object's type; errors as in cpython_objects.h. */
int cpython_type_flags(struct cpython_reader *rd, uint64_t object, uint64_t *ret_flags);

#endif
