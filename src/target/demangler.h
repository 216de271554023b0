/* demangler.h: readable names for those that are shown, each worked out once.
 *
 * Owns the cache and the worker that demangles.  A name that cannot be demangled, or not in time,
 * stays as it is.
 */
#ifndef STALLPROF_TARGET_DEMANGLER_H
#define STALLPROF_TARGET_DEMANGLER_H

#include "base/cleanup.h"

struct demangler;

int demangler_new(struct demangler **ret_demangler); /* 0 or -ENOMEM */
struct demangler *demangler_free(struct demangler *d);
DEFINE_CLEANUP(struct demangler *, demangler_free)

/* What to show for the name: belongs to d, or is the name itself.  d: NULL: always the name. */
const char *demangler_name(struct demangler *d, const char *name);

#endif
