/* unwind_entry.c: see unwind_entry.h. */
#include "capture/unwind_entry.h"

#include <string.h>

#include "target/mapped_file.h"

static bool has_image(const struct mapping *m)
{
	return m->ino || mapping_is_vdso(m);
}

bool unwind_entry_wants(const struct mapping *m)
{
	return m->exec && m->start < m->end && strcmp(m->path, "[vsyscall]") != 0;
}

/* Continues the last one: code made at run time comes in many small pieces side by side. */
static bool joins(struct unwind_proc *e, const struct mapping *m, const struct unwind_mapping *u)
{
	struct unwind_mapping *last = e->n ? &e->map[e->n - 1] : NULL;

	if (!last || last->kind != UNWIND_BY_POINTER || u->kind != UNWIND_BY_POINTER ||
	    last->end != m->start)
		return false;
	last->end = u->end;
	return true;
}

/* How many mappings without an image there is room for. */
static unsigned int room_for_others(const struct maps *maps)
{
	unsigned int images = 0;

	for (size_t i = 0; i < maps->list.count; i++)
		images += unwind_entry_wants(&maps->list.items[i]) &&
			  has_image(&maps->list.items[i]);
	return images < UNWIND_MAPPINGS_MAX ? UNWIND_MAPPINGS_MAX - images : 0;
}

unsigned int unwind_entry_fill(struct unwind_proc *e, const struct maps *maps,
			       unwind_entry_place *place, void *ctx)
{
	unsigned int others = room_for_others(maps), dropped = 0;

	e->n = 0;
	e->flags = 0;
	for (size_t i = 0; i < maps->list.count; i++) {
		const struct mapping *m = &maps->list.items[i];
		struct unwind_mapping u = { .end = m->end, .kind = UNWIND_BY_POINTER };
		bool image = has_image(m);

		if (!unwind_entry_wants(m))
			continue;
		if (!image)
			e->flags |= UNWIND_PROC_JIT;
		else if (!place(ctx, m, &u))
			continue;
		if (joins(e, m, &u))
			continue;
		if (e->n >= UNWIND_MAPPINGS_MAX || (!image && !others)) {
			dropped++;
			continue;
		}
		others -= !image;
		e->start[e->n] = m->start;
		e->map[e->n++] = u;
	}
	return dropped;
}
