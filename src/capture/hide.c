/* hide.c: keeps what we share with the kernel side out of the workers that parse hostile files.
 *
 * Workers are forked, and would have the maps and rings that are mapped into memory as their own,
 * to read and to write.  libbpf makes most of these mappings and does not say where: they are found
 * by name.  Those that are made later are kept back where they are made.
 */
#include "capture/internal.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/str.h"
#include "target/maps.h"

#define OWN_MAPS_MAX (1u << 20)

int hide_from_workers(void)
{
	cleanup(str_releasep) struct str text = { 0 };
	struct maps maps = { 0 };
	int r = file_read("/proc/self/maps", OWN_MAPS_MAX, &text);

	if (r == 0)
		r = maps_parse(&maps, str_text(&text), text.len);
	for (size_t i = 0; r == 0 && i < maps.list.count; i++) {
		const struct mapping *m = &maps.list.items[i];

		if (str_starts(m->path, "anon_inode:") &&
		    madvise((void *)(uintptr_t)m->start, m->end - m->start, MADV_DONTFORK) < 0)
			r = -errno;
	}
	maps_release(&maps);
	return r;
}
