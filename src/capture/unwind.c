/* unwind.c: see unwind.h. */
#include "capture/unwind.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "capture/internal.h"
#include "capture/mmap_events.h"
#include "capture/unwind_maps.h"
#include "capture/unwind_state.h"
#include "stallprof.skel.h"

#define SLICE	   (20 * NSEC_PER_MSEC)	 /* of building, between two looks into the ring */
#define PREPARE	   (200 * NSEC_PER_MSEC) /* of the same, at attach: python takes 15 ms, node 40 */
#define REAP_PAUSE NSEC_PER_SEC
/* Others' programs wake us, too, with each library they map: beyond a burst at most 20 times a
 * second; then their records wait for the next look at open periods, 50 ms away at most. */
#define WAKE_COST  (50 * NSEC_PER_MSEC)
#define WAKE_BURST 32

static int maps_open(struct capture *c, struct unwind *u)
{
	struct stallprof_bpf *skel = c->skel;
	int r = unwind_maps_open(bpf_map__fd(skel->maps.unwind_chunks),
				 bpf_map__fd(skel->maps.unwind_pages),
				 bpf_map__fd(skel->maps.unwind_procs), &u->maps);

	if (r == 0)
		r = unwind_space_new(&unwind_maps_chunks, u->maps, unwind_maps_directory(u->maps),
				     UNWIND_PAGES_MAX, &u->space);
	return r;
}

int unwind_open(struct capture *c)
{
	struct unwind *u = c->unwind = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	r = maps_open(c, u);
	if (r == 0)
		r = unwind_tables_new(u->space, &u->tables);
	if (r == 0)
		r = snapshots_new(&u->snapshots);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		unwind_close(c);
		emit_missing(c, "native frames without frame pointers", strerror(-r),
			     "build the program with -fno-omit-frame-pointer");
		return 0;
	}
	r = mmap_events_open(MMAP_EVENTS_ONLINE, &u->events);
	if (r < 0)
		emit_missing(c, "mappings of code as they are made", strerror(-r),
			     "run as root, or with CAP_PERFMON; libraries that are loaded while "
			     "watched are noticed later");
	return r == -ENOMEM ? r : 0;
}

void unwind_close(struct capture *c)
{
	struct unwind *u = c->unwind;

	if (!u)
		return;
	mmap_events_close(u->events);
	snapshots_free(u->snapshots);
	unwind_tables_free(u->tables);
	unwind_space_free(u->space);
	unwind_maps_close(u->maps);
	free(u);
	c->unwind = NULL;
}

static void tell_room(struct capture *c)
{
	struct unwind *u = c->unwind;
	struct unwind_tables_counts counts = unwind_tables_counts(u->tables);

	if (u->told_room || !counts.without_room)
		return;
	u->told_room = true;
	emit_missing(c, "some native frames",
		     "the tables of all files found no room: stacks in the rest are walked by "
		     "frame pointers",
		     "watch fewer programs at once");
}

static void tell_mappings(struct capture *c, struct watched *w, unsigned int unplaced)
{
	char why[128];

	c->unwind->unplaced += unplaced;
	if (!unplaced || c->unwind->told_mappings)
		return;
	c->unwind->told_mappings = true;
	snprintf(why, sizeof(why), "process %d has %u mappings of code more than the %d looked at",
		 w->process->pid, unplaced, UNWIND_MAPPINGS_MAX);
	emit_missing(c, "some native frames", why, "");
}

void unwind_publish(struct capture *c, struct watched *w)
{
	struct unwind *u = c->unwind;
	unsigned int unplaced = unwound_entry(w->unwound, &u->entry);

	if (unwind_maps_entry(u->maps, w->process->pid, &u->entry) < 0)
		unwound_unpublished(w->unwound);
	else
		unwound_published(w->unwound, now_ns());
	tell_mappings(c, w, unplaced);
}

int unwind_add(struct capture *c, struct watched *w)
{
	int r;

	if (!c->unwind)
		return 0;
	r = unwound_new(w->process, c->unwind->events && !c->unwind->deaf, &w->unwound);
	if (r < 0)
		return r;
	/* Nothing is known yet: what is met is sent to us. */
	unwound_entry_empty(w->unwound, &c->unwind->entry);
	unwind_maps_entry_first(c->unwind->maps, w->process->pid, &c->unwind->entry);
	return 0;
}

void unwind_exec(struct capture *c, struct watched *w)
{
	if (!c->unwind || !w->unwound)
		return;
	unwound_exec(w->unwound);
	unwound_entry_empty(w->unwound, &c->unwind->entry);
	unwind_maps_entry(c->unwind->maps, w->process->pid, &c->unwind->entry);
}

void unwind_forget(struct capture *c, uint32_t tgid)
{
	if (c->unwind)
		unwind_maps_forget(c->unwind->maps, tgid);
}

void unwind_release(struct watched *w)
{
	w->unwound = unwound_free(w->unwound);
}

static void on_mapping(void *ctx, const struct mmap_event *event)
{
	struct watched *w = watched_find(ctx, event->tgid);

	if (w && !w->gone_at && w->unwound)
		unwound_mapped(w->unwound, event);
}

void unwind_read_events(struct capture *c)
{
	if (!c->unwind->events || !mmap_events_read(c->unwind->events, on_mapping, c))
		return;
	for (size_t i = 0; i < c->watched.count; i++)
		if (c->watched.items[i].unwound)
			unwound_lost(c->watched.items[i].unwound);
}

void unwind_refresh(struct capture *c, struct watched *w)
{
	int news = w->gone_at ? 0 : unwound_refresh(w->unwound, c->unwind->tables);

	if (news > 0)
		unwind_publish(c, w);
}

/* Processors can be added to a machine, and come back.  What was mapped there since is not told. */
static void follow_processors(struct capture *c)
{
	struct unwind *u = c->unwind;
	int r = u->events ? mmap_events_follow(u->events) : 0;

	if (!r)
		return;
	if (r < 0 && !u->deaf)
		emit_missing(c, "mappings of code as they are made", strerror(-r),
			     "on processors that came later: libraries that are loaded there are "
			     "noticed later");
	u->deaf |= r < 0;
	for (size_t i = 0; i < c->watched.count; i++) {
		struct unwound *unwound = c->watched.items[i].unwound;

		if (!unwound)
			continue;
		unwound_lost(unwound);
		if (u->deaf)
			unwound_untold(unwound);
	}
}

int unwind_fd(const struct capture *c)
{
	const struct unwind *u = c->unwind;

	if (!u || !u->events || now_ns() + WAKE_BURST * WAKE_COST < u->wakes_at)
		return -1;
	return mmap_events_fd(u->events);
}

void unwind_woken(struct capture *c, uint64_t now)
{
	struct unwind *u = c->unwind;

	u->wakes_at = (u->wakes_at > now ? u->wakes_at : now) + WAKE_COST;
}

bool unwind_build(struct capture *c, unsigned int last, uint64_t ns)
{
	struct unwind *u = c->unwind;
	uint64_t until = now_ns() + ns;
	bool more;

	do {
		more = unwind_tables_build_next(u->tables, last);
		u->built |= more;
		if (drain_pull(c) < 0)
			break; /* whoever drains next meets it again */
	} while (more && now_ns() < until);
	for (size_t i = 0; u->built && i < c->watched.count; i++) {
		struct watched *w = &c->watched.items[i];

		if (w->unwound && !w->gone_at && unwound_waits(w->unwound))
			unwind_publish(c, w);
	}
	u->built = false;
	tell_room(c);
	return more;
}

void unwind_prepare(struct capture *c)
{
	if (!c->unwind)
		return;
	for (size_t i = 0; i < c->watched.count; i++)
		if (c->watched.items[i].unwound)
			unwind_refresh(c, &c->watched.items[i]);
	unwind_build(c, UNWIND_RANK_URGENT, PREPARE);
}

uint64_t unwind_work(struct capture *c, uint64_t now)
{
	struct unwind *u = c->unwind;
	uint64_t until = UINT64_MAX;

	if (!u)
		return until;
	unwind_read_events(c);
	for (size_t i = 0; i < c->watched.count; i++) {
		struct watched *w = &c->watched.items[i];
		uint64_t due;

		if (!w->unwound || w->gone_at)
			continue;
		if (unwound_due(w->unwound) <= now)
			unwind_refresh(c, w);
		due = unwound_due(w->unwound);
		until = due < until ? due : until;
	}
	if (now >= u->reap_at) {
		u->reap_at = now + REAP_PAUSE;
		unwind_tables_reap(u->tables, now);
		snapshots_reap(u->snapshots, now);
		follow_processors(c);
	}
	unwind_build(c, UNWIND_RANK_URGENT, UNWIND_SLICE_URGENT);
	return unwind_build(c, UINT_MAX, SLICE) ? now : until;
}

void unwind_losses(struct capture *c)
{
	struct unwind_tables_counts counts;

	if (!c->unwind)
		return;
	counts = unwind_tables_counts(c->unwind->tables);
	emit_loss(c, "unwind tables", counts.without_room + counts.failed);
	emit_loss(c, "code mappings", c->unwind->unplaced);
}
