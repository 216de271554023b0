/* unwound.c: see unwound.h. */
#include "capture/unwound.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"
#include "capture/cost.h"
#include "capture/unwind_entry.h"
#include "capture/unwound_history.h"

#define REFRESH_PAUSE 5000000ULL    /* ns: files are mapped in bursts */
#define MISS_PAUSE    100000000ULL  /* ns: code made at run time is mapped without end */
#define REFRESH_BURST 2000000000ULL /* ns of reading that stacks may ask for at once */

/* A mapping of code that lies in a file. */
struct mapped {
	uint64_t start, end, offset, dev, ino;
	struct unwind_file *file; /* NULL: it cannot be opened */
	bool taken;		  /* by the list that follows this one */
};

struct unwound {
	struct process *process;
	bool told;
	bool dirty;   /* code of files, or in its place, was mapped since */
	bool unsure;  /* perhaps it was, but not told */
	bool missed;  /* other code was */
	bool publish; /* though nothing changed: it is not published */
	uint16_t generation;
	uint16_t born;	/* the generation at the last exec */
	uint64_t known; /* process->maps_at of what is known */
	uint64_t took;	/* ns, to learn it */
	struct cost cost;
	unsigned int unready, waiting; /* files: of the entry filled last, of the published one */
	VEC(struct mapped) mapped;     /* ascending */
	struct history history;
};

int unwound_new(struct process *p, bool told, struct unwound **ret_unwound)
{
	struct unwound *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->process = p;
	u->told = told;
	u->dirty = u->publish = true;
	*ret_unwound = u;
	return 0;
}

static void mapped_put(struct unwound *u, uint64_t now)
{
	for (size_t i = 0; i < u->mapped.count; i++)
		if (u->mapped.items[i].file && !u->mapped.items[i].taken)
			unwind_file_put(u->mapped.items[i].file, now);
	vec_release(&u->mapped);
}

struct unwound *unwound_free(struct unwound *u)
{
	if (!u)
		return NULL;
	mapped_put(u, now_ns());
	history_release(&u->history);
	free(u);
	return NULL;
}

void unwound_exec(struct unwound *u)
{
	mapped_put(u, now_ns());
	history_release(&u->history);
	u->waiting = 0;
	u->dirty = u->publish = true;
	u->born = ++u->generation;
}

static const struct mapped *mapped_at(const struct unwound *u, uint64_t addr)
{
	size_t lo = 0, hi = u->mapped.count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (u->mapped.items[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < u->mapped.count && u->mapped.items[lo].start <= addr ? &u->mapped.items[lo]
									 : NULL;
}

/* A mapping of a file begins or lies in the range. */
static bool holds_file(const struct unwound *u, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < u->mapped.count; i++)
		if (u->mapped.items[i].start < end && start < u->mapped.items[i].end)
			return true;
	return false;
}

void unwound_mapped(struct unwound *u, const struct mmap_event *e)
{
	if (e->file || holds_file(u, e->start, e->end)) {
		u->dirty = true;
		history_touch(&u->history, e->start, e->end, e->ts);
	} else {
		u->missed = true;
	}
}

void unwound_lost(struct unwound *u)
{
	u->dirty = u->unsure = true;
}

void unwound_untold(struct unwound *u)
{
	u->told = false;
}

void unwound_missed(struct unwound *u)
{
	u->missed = true;
}

uint64_t unwound_due(const struct unwound *u)
{
	uint64_t pause = u->dirty ? REFRESH_PAUSE : MISS_PAUSE, share = u->took * COST_SHARE;
	uint64_t due = u->known + (share > pause ? share : pause);
	uint64_t allowed = cost_due(&u->cost, REFRESH_BURST);

	if (!u->dirty && !u->missed)
		return UINT64_MAX;
	return due > allowed ? due : allowed;
}

bool unwound_stale(const struct unwound *u, uint64_t ts)
{
	return u->publish || u->unsure || u->known != u->process->maps_at ||
	       (u->dirty && history_first(&u->history) <= ts);
}

/* The same mapping as before, if nothing says that its file may be another. */
static struct mapped *still_there(struct unwound *u, const struct mapping *m)
{
	struct mapped *old = (struct mapped *)mapped_at(u, m->start);

	if (!old || old->start != m->start || old->end != m->end || old->offset != m->offset ||
	    old->dev != m->dev || old->ino != m->ino || old->taken)
		return NULL;
	return u->told && !u->unsure && !history_touched(&u->history, m->start, m->end) ? old
											: NULL;
}

/* The main program and what every thread stands in come first. */
static unsigned int rank_of(const struct process *p, const struct mapping *m)
{
	static const char *const soon[] = { "libc.so", "libc-", "ld-", "libpython", "libnode" };
	const char *name = mapping_basename(m);

	if (strcmp(m->path, p->exe) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(soon) / sizeof(soon[0]); i++)
		if (strncmp(name, soon[i], strlen(soon[i])) == 0)
			return UNWIND_RANK_URGENT;
	return mapping_is_vdso(m) ? UNWIND_RANK_URGENT : UNWIND_RANK_URGENT + 1;
}

static struct file_identity identity_of(const struct mapped *now)
{
	return now->file ? *unwind_file_identity(now->file)
			 : (struct file_identity){ .dev = now->dev, .ino = now->ino };
}

/* One mapping of the new list.  True: it was not there before. */
static bool look_at(struct unwound *u, struct unwind_tables *t, const struct mapping *m,
		    struct mapped *ret_mapped)
{
	struct mapped *old = still_there(u, m);
	struct mapped now = { m->start, m->end, m->offset, m->dev, m->ino, NULL, false };
	struct file_identity identity;

	if (old) {
		old->taken = true;
		now.file = old->file;
		*ret_mapped = now;
		return false;
	}
	unwind_tables_get(t, u->process, m, rank_of(u->process, m), &now.file);
	*ret_mapped = now;
	identity = identity_of(&now);
	if (history_use(&u->history, m->start, m->end, m->offset, &identity, u->known,
			u->process->maps_at))
		u->generation++;
	return true;
}

/* Follows the mappings that the process has now. */
static int follow(struct unwound *u, struct unwind_tables *t)
{
	const struct maps *maps = &u->process->maps;
	__typeof__(u->mapped) list = { 0 };
	bool news = u->publish || u->missed;
	int r = 0;

	for (size_t i = 0; r == 0 && i < maps->list.count; i++) {
		const struct mapping *m = &maps->list.items[i];
		struct mapped now;

		if (!unwind_entry_wants(m) || !(m->ino || mapping_is_vdso(m)))
			continue;
		if (list.count >= UNWIND_MAPPINGS_MAX)
			break; /* the entry has no more either */
		news |= look_at(u, t, m, &now);
		r = vec_add(&list, now);
		if (r < 0 && now.file)
			unwind_file_put(now.file, now_ns());
	}
	for (size_t i = 0; i < u->mapped.count; i++)
		if (!u->mapped.items[i].taken)
			news = true;
	mapped_put(u, now_ns());
	memcpy(&u->mapped, &list, sizeof(list));
	history_settle(&u->history, u->process->maps_at);
	u->known = u->process->maps_at;
	u->dirty = u->unsure = u->missed = false;
	return r < 0 ? r : news;
}

int unwound_refresh(struct unwound *u, struct unwind_tables *t)
{
	uint64_t start = now_ns();
	int r = 0;

	if (!u->publish && !cost_allowed(&u->cost, start, REFRESH_BURST))
		return 0;
	if (u->dirty || u->missed)
		r = process_refresh_maps(u->process);
	if (r < 0) {
		u->dirty = u->unsure = u->missed = false; /* it is exiting */
		u->known = u->process->maps_at;
		return r;
	}
	if (u->known == u->process->maps_at && !u->publish)
		return 0;
	r = follow(u, t);
	u->took = now_ns() - start;
	cost_charge(&u->cost, start + u->took, u->took);
	return r;
}

static bool place(void *ctx, const struct mapping *m, struct unwind_mapping *ret)
{
	struct unwound *u = ctx;
	struct unwind_file *f = unwound_file(u, m->start);

	if (f && unwind_file_state(f) == UNWIND_FILE_WAITS) {
		u->unready++;
		return false;
	}
	if (f)
		unwind_file_place(f, m, ret);
	return true;
}

unsigned int unwound_entry(struct unwound *u, struct unwind_proc *ret_entry)
{
	unsigned int unplaced;

	u->unready = 0;
	unplaced = unwind_entry_fill(ret_entry, &u->process->maps, place, u);
	ret_entry->start_time = u->process->start_ticks;
	ret_entry->flags |= (uint32_t)u->generation << UNWIND_PROC_GENERATION;
	return unplaced;
}

void unwound_entry_empty(const struct unwound *u, struct unwind_proc *ret_entry)
{
	ret_entry->start_time = u->process->start_ticks;
	ret_entry->n = 0;
	ret_entry->flags = (uint32_t)u->generation << UNWIND_PROC_GENERATION;
}

void unwound_published(struct unwound *u, uint64_t now)
{
	u->publish = false;
	u->waiting = u->unready;
	history_published(&u->history, now);
}

void unwound_unpublished(struct unwound *u)
{
	u->publish = u->missed = true;
	u->waiting = u->unready;
}

bool unwound_waits(const struct unwound *u)
{
	return u->waiting > 0;
}

struct unwind_file *unwound_file(const struct unwound *u, uint64_t addr)
{
	const struct mapped *m = mapped_at(u, addr);

	return m ? m->file : NULL;
}

/* The kernel side deletes the entry at an exec; we may have stored that of the program before once
 * more until we are told. */
static bool of_program_before(const struct unwound *u, const struct event_stack *s)
{
	return s->user_stop != UNWIND_STOP_KERNEL && s->user_stop != UNWIND_STOP_BUSY &&
	       (int16_t)(s->generation - u->born) < 0;
}

/* There was no time to look at what was mapped before the stack was taken. */
static bool not_looked_at(const struct unwound *u, const struct event_stack *s)
{
	return u->unsure || (u->dirty && history_first(&u->history) <= s->head.ts);
}

bool unwound_sift(const struct unwound *u, struct event_stack *s)
{
	bool whole = history_sift(&u->history, s), unknown = not_looked_at(u, s);

	if (!s->n_user || !(unknown || of_program_before(u, s)))
		return whole;
	if (unknown)
		s->user[0] = 0;
	s->n_user = 1;
	s->user_stop = UNWIND_STOP_MAPPING;
	return false;
}
