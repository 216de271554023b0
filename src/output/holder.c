/* holder.c: who kept a loop waiting, as a phrase.
 *
 * One phrase for a thread that held the GIL, one for a thread that released a lock, one for many
 * that passed the GIL around.  Knows no table and no format.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output/units.h"
#include "output/words.h"

/* A second thread is worth its words from this share on. */
#define SECOND_SHARE 0.2

int owner_words(struct str *s, const struct profile *p, int proc, const struct owner *o)
{
	const struct proc *of = proc >= 0 && (size_t)proc < p->n_procs ? &p->procs[proc] : NULL;

	if (!*o->name)
		return str_printf(s, "thread %" PRIu32, o->tid);
	if (o->pid)
		return str_printf(s, "%s [%" PRIu32 "]", o->name, o->pid);
	if (of && of->pid != o->tid && strcmp(of->comm, o->name) == 0)
		return str_printf(s, "%s [%" PRIu32 "]", o->name, o->tid);
	return str_add(s, o->name);
}

int place_words(struct str *s, const struct paths *paths, const struct frame *at,
		const struct frame *leaf)
{
	int r = at ? frame_short(s, paths, at) : 0;

	if (r || !leaf || (at && frame_same(at, leaf)))
		return r;
	r = at ? str_add(s, " > ") : 0;
	return r ? r : frame_short(s, paths, leaf);
}

const struct holder *holder_shown(const struct stall *stall)
{
	const struct holder *h = stall->n_holders ? &stall->holders[0] : NULL;

	return h && h->ns >= stall->dur_ns / 10 ? h : NULL;
}

static int add_place(struct str *s, const struct paths *paths, const char *before,
		     const struct holder *h)
{
	int r;

	if (!h->at && !h->leaf)
		return 0;
	r = str_add(s, before);
	return r ? r : place_words(s, paths, h->at, h->leaf);
}

/* The next thread that held the GIL for a good part of the wait too. */
static int add_second(struct str *s, const struct profile *p, const struct stall *stall)
{
	int r;

	for (size_t i = 1; i < stall->n_holders; i++) {
		const struct holder *h = &stall->holders[i];

		if (h->klass != CLASS_GIL || h->share < SECOND_SHARE)
			continue;
		r = str_add(s, ", ");
		r = r ? r : owner_words(s, p, stall->proc, &h->owner);
		return r ? r : str_printf(s, " %.0f%%", h->share * 100);
	}
	return 0;
}

static int gil_words(struct str *s, const struct profile *p, const struct paths *paths,
		     const struct stall *stall, const struct holder *h)
{
	int r = str_add(s, "GIL ");

	/* Where something else took longer the share alone would seem to be one of the stall. */
	if (r == 0 && stall->why.klass != CLASS_GIL)
		r = str_printf(s, "(%s) ", DURATION(stall->ns[CLASS_GIL]));
	r = r ? r : str_add(s, "held by ");
	r = r ? r : owner_words(s, p, stall->proc, &h->owner);
	r = r ? r : add_place(s, paths, " in ", h);
	r = r ? r : str_printf(s, " %.0f%%", h->share * 100);
	return r ? r : add_second(s, p, stall);
}

/* A condition, a queue or the end of a thread is no lock that somebody held. */
static bool is_lock(const struct stall *stall, const struct holder *h)
{
	const struct target *t = &stall->why.target;

	return h->klass != CLASS_LOCK || stall->why.klass != CLASS_LOCK || !is_named_lock(t) ||
	       strstr(t->text, "mutex") || strstr(t->text, "rwlock");
}

static int lock_words(struct str *s, const struct profile *p, const struct paths *paths,
		      const struct stall *stall, const struct holder *h)
{
	bool is_file = h->klass == CLASS_SYSCALL;
	uint64_t ns = is_file ? h->ns : stall->ns[CLASS_LOCK];
	int r = 0;

	if (is_lock(stall, h)) {
		r = str_add(s, is_file ? "file lock " : "lock ");
		if (r == 0 && stall->why.klass != h->klass)
			r = str_printf(s, "(%s) ", DURATION(ns));
		r = r ? r : str_add(s, "released by ");
	} else {
		r = str_add(s, "woken by ");
	}
	r = r ? r : owner_words(s, p, stall->proc, &h->owner);
	r = r ? r : add_place(s, paths, " at ", h);
	return r || h->share >= 0.95 ? r : str_printf(s, " %.0f%%", h->share * 100);
}

static int convoy_words(struct str *s, const struct profile *p, const struct paths *paths,
			const struct stall *stall)
{
	const struct holder *most = NULL;
	size_t n = 0;
	int r;

	for (size_t i = stall->n_holders; i-- > 0;)
		if (stall->holders[i].klass == CLASS_GIL) {
			most = &stall->holders[i];
			n++;
		}
	if (!most)
		return 0;
	r = str_printf(s, "GIL convoy: %zu threads, none seen for more than %.0f%%; most by ", n,
		       most->share * 100);
	r = r ? r : owner_words(s, p, stall->proc, &most->owner);
	return r ? r : add_place(s, paths, " in ", most);
}

int holder_words(struct str *s, const struct profile *p, const struct paths *paths,
		 const struct stall *stall)
{
	const struct holder *h = holder_shown(stall);

	if (stall->convoy)
		return convoy_words(s, p, paths, stall);
	if (!h)
		return 0;
	return h->klass == CLASS_GIL ? gil_words(s, p, paths, stall, h)
				     : lock_words(s, p, paths, stall, h);
}
