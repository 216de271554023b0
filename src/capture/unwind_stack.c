/* unwind_stack.c: what a stack that arrives must go through before it is named.
 *
 * Code that was not known when it was taken is by now, as a rule: what was found by a guess is
 * looked at again, what was not found is walked from the copy.
 */
#include "capture/unwind_state.h"

#define FINISH_MAX (250 * NSEC_PER_MSEC) /* of building for one stack that waits */

void unwind_snapshot(struct capture *c, const struct event_snapshot *e)
{
	if (c->unwind)
		snapshots_keep(c->unwind->snapshots, e, now_ns());
}

/* The stack stands in code that is not in the entry: built at once if it can be. */
static bool learn(struct capture *c, struct watched *w, uint64_t code)
{
	struct unwind_file *f = unwound_file(w->unwound, code);

	if (!f || unwind_file_state(f) != UNWIND_FILE_WAITS)
		return false;
	unwind_tables_build(c->unwind->tables, f);
	drain_pull(c);
	c->unwind->built = true; /* for the others that wait for it */
	return true;
}

static void look_anew(struct capture *c, struct watched *w)
{
	unwound_missed(w->unwound);
	unwind_refresh(c, w);
}

/* Memory that holds no code: what was taken for a return address was none.  makecontext() of glibc
 * leaves such a stack. */
static void drop_astray(const struct watched *w, struct event_stack *s, uint64_t code)
{
	const struct mapping *m = maps_find(&w->process->maps, code);

	if (s->user_stop == UNWIND_STOP_MAPPING && m && !m->exec && s->n_user > 1)
		s->n_user--;
}

/* Virtual machines have their frames beside native ones; only the kernel side notes them, for their
 * objects may have been moved since. */
static bool placed(const struct watched *w)
{
	return resolver_jit(w->resolver)->enabled;
}

/* What has been found anew, beside the frames of a machine that were noted before. */
static void place(struct capture *c, struct event_stack *s, const struct event_stack *before,
		  unsigned int at)
{
	unwind_guess_replace(s, before, at);
	if (c->unwind->told_placed || !(s->flags & (STACK_PYTHON_CUT | STACK_PYTHON_LOST)))
		return;
	c->unwind->told_placed = true;
	emit_missing(c, "JavaScript frames of some stacks",
		     "a stack in code that was just loaded is walked from a copy, by which time "
		     "they may have been moved",
		     "");
}

static void finish(struct capture *c, struct watched *w, struct event_stack *s,
		   struct snapshot *snapshot)
{
	struct unwind *u = c->unwind;
	uint64_t until = now_ns() + FINISH_MAX;
	uint64_t code = snapshot_code(snapshot);
	struct event_stack before = *s;
	uint32_t jit;

	s->n_user = (uint16_t)snapshot_at(snapshot);
	if (!maps_find(&w->process->maps, code))
		look_anew(c, w);
	do {
		learn(c, w, code);
		unwound_entry(w->unwound, &u->entry);
		jit = u->entry.flags & UNWIND_PROC_JIT;
		u->entry.flags &= ~UNWIND_PROC_JIT; /* it may be one of a file that waits */
		snapshot_walk(snapshot, u->space, &u->entry, s);
		code = snapshot_code(snapshot);
	} while (s->user_stop == UNWIND_STOP_MAPPING && now_ns() < until && learn(c, w, code));
	if (s->user_stop == UNWIND_STOP_MAPPING && jit && !maps_find(&w->process->maps, code)) {
		u->entry.flags |= jit;
		snapshot_walk(snapshot, u->space, &u->entry, s);
	}
	drop_astray(w, s, snapshot_code(snapshot));
	if (placed(w))
		place(c, s, &before, snapshot_at(snapshot));
}

struct known {
	const struct unwind *u;
	const struct watched *w;
};

/* The entry has no room for all code that some programs make. */
static enum unwind_code code_at(void *ctx, uint64_t addr)
{
	const struct known *k = ctx;
	enum unwind_code code = unwind_code_at(k->u->space, &k->u->entry, addr);
	const struct mapping *m = maps_find(&k->w->process->maps, addr);

	if (code == UNWIND_CODE_UNKNOWN && m && m->exec && !m->ino && !mapping_is_vdso(m))
		return UNWIND_CODE_BARE;
	return code;
}

/* Looks again at what was left by its frame pointer: the first frame that should not have been,
 * s->n_user if none. */
static unsigned int check_guesses(struct capture *c, struct watched *w, struct event_stack *s)
{
	struct known known = { c->unwind, w };
	uint64_t until = now_ns() + FINISH_MAX;
	bool any = false, looked = false;

	for (unsigned int i = 0; i < s->n_user; i++) {
		uint64_t code = unwind_guess_code(s, i);

		if (!unwind_guess_at(s, i))
			continue;
		any = true;
		if (!looked && !maps_find(&w->process->maps, code)) {
			look_anew(c, w);
			looked = true;
		}
		if (now_ns() < until)
			learn(c, w, code);
	}
	if (!any)
		return s->n_user;
	unwound_entry(w->unwound, &c->unwind->entry);
	return unwind_guess_check(s, code_at, &known);
}

/* Before a stack is looked at.  What was mapped after it was taken can wait: until then the old
 * mappings are the right ones. */
static void catch_up(struct capture *c, struct watched *w, uint64_t ts)
{
	unwind_read_events(c);
	if (unwound_stale(w->unwound, ts))
		unwind_refresh(c, w);
	/* Names can take long; until then every stack would come with a copy. */
	unwind_build(c, UNWIND_RANK_URGENT, UNWIND_SLICE_URGENT);
}

static bool unfinished(const struct event_stack *s)
{
	return s->user_stop == UNWIND_STOP_MAPPING || s->user_stop == UNWIND_STOP_TABLE;
}

/* With what is known by now.  False: no more than it was. */
static bool improve(struct capture *c, struct watched *w, struct event_stack *s,
		    struct snapshot *snapshot)
{
	unsigned int wrong = check_guesses(c, w, s);

	if (snapshot && wrong + 1 >= snapshot_at(snapshot) && (wrong < s->n_user || unfinished(s)))
		finish(c, w, s, snapshot);
	else if (wrong < s->n_user)
		unwind_guess_cut(s, wrong + 1, placed(w));
	else
		return false;
	return true;
}

void unwind_stack(struct capture *c, struct watched *w, struct event_stack *s)
{
	struct snapshot *snapshot;

	if (!c->unwind || !w->unwound)
		return;
	catch_up(c, w, s->head.ts);
	snapshot = snapshots_claim(c->unwind->snapshots, s);
	if (!(unwound_sift(w->unwound, s) && improve(c, w, s, snapshot)) && unfinished(s))
		unwound_missed(w->unwound);
	snapshot_release(snapshot);
}

void unwind_rehash(struct capture *c, struct event_stack *s)
{
	struct watched *w = watched_find(c, s->head.tgid);
	struct event_stack copy = *s;

	if (!c->unwind || !w || !w->unwound)
		return;
	catch_up(c, w, s->head.ts);
	if (!unwound_sift(w->unwound, &copy) ||
	    (s->flags & STACK_USER_MORE && !snapshots_has(c->unwind->snapshots, s)))
		s->hash = hash_bytes(s->hash, &s->head.ts, sizeof(s->head.ts)) | 1;
}
