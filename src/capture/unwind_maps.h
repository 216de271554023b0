/* unwind_maps.h: the kernel side's maps of unwind.h, as memory.
 *
 * Owns the mapped directory and the chunks: made, mapped, put into the array of maps and taken out
 * again.  Must not know what lies in them.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_MAPS_H
#define STALLPROF_CAPTURE_UNWIND_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "bpf/unwind.h"
#include "capture/unwind_space.h"

struct unwind_maps;

/* Descriptors of the maps unwind_chunks, unwind_pages and unwind_procs; they must stay open.
 * 0 or negative errno. */
int unwind_maps_open(int chunks, int pages, int procs, struct unwind_maps **ret_maps);
struct unwind_maps *unwind_maps_close(struct unwind_maps *m);
DEFINE_CLEANUP(struct unwind_maps *, unwind_maps_close)

struct unwind_page *unwind_maps_directory(struct unwind_maps *m); /* UNWIND_PAGES_MAX */
/* For unwind_space_new, with the maps as ctx. */
extern const struct unwind_chunks unwind_maps_chunks;

/* Stores the entry, with a serial of its own.  0; or negative errno (-ENOMEM: the kernel takes one
 * from a small stock for each CPU), then the process has none: that of before may lead to tables
 * that are others' by and by. */
int unwind_maps_entry(struct unwind_maps *m, uint32_t tgid, struct unwind_proc *e);
/* Unless it has one already: the kernel side gives a child that of its parent. */
int unwind_maps_entry_first(struct unwind_maps *m, uint32_t tgid, struct unwind_proc *e);
void unwind_maps_forget(struct unwind_maps *m, uint32_t tgid);

#endif
