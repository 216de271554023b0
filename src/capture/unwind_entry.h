/* unwind_entry.h: the executable mappings of one process, as the kernel side wants them.
 *
 * Owns which mappings are told, and in what form.  Must not know tables or libbpf.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_ENTRY_H
#define STALLPROF_CAPTURE_UNWIND_ENTRY_H

#include <stdbool.h>

#include "bpf/unwind.h"
#include "target/maps.h"

/* How the code in a mapping is to be walked, with its bias and pages.  False: not known yet. */
typedef bool unwind_entry_place(void *ctx, const struct mapping *m, struct unwind_mapping *ret);

/* Whether code runs there that the process has made or loaded itself: not the kernel's. */
bool unwind_entry_wants(const struct mapping *m);

/* Fills n, flags, start and map; what is not known yet is left out.  Returns how many mappings
 * found no room: those without a file go first. */
unsigned int unwind_entry_fill(struct unwind_proc *e, const struct maps *maps,
			       unwind_entry_place *place, void *ctx);

#endif
