/* cpython_check.c: see cpython_check.h. */
#include "runtime/cpython_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/cpython_slot.h"
#include "runtime/walk_host.h"

#define TRIES	     20
#define TRY_NS	     2000000 /* between two tries */
#define THREADS_MAX  4096
#define INTERPS_MAX  256
#define GETTER_MAX   64		 /* bytes of PyGILState_GetThisThreadState that are looked at */
#define SELF_POINTER 0x10	 /* of a glibc thread control block */
#define INTERVAL_MAX 1000000000u /* microseconds; set by sys.setswitchinterval */

struct check {
	struct process *p;
	const struct cpython_offsets *o;
	const struct cpython_place *place;
	struct walk_plan plan;
	uint64_t interps[INTERPS_MAX]; /* the main one is the last */
	size_t n_interps;
	struct cpython_thread items[THREADS_MAX]; /* those of the main interpreter are the last */
	struct cpython_threads threads;
	struct cpython_slots slots; /* what all tries so far leave */
	bool gils_left;		    /* more than the plan has room for */
	bool gils_unset;	    /* an interpreter is being made and has none yet */
	bool idle;		    /* all fits, only there was no frame to look at */
	const char *why;
};

static int read_word(const struct check *c, uint64_t addr, uint64_t *ret)
{
	return process_read_u64(c->p, addr, ret);
}

static int fail(struct check *c, const char *why)
{
	c->why = why;
	return -EPROTO;
}

static int not_yet(struct check *c, const char *why)
{
	c->why = why;
	return -EAGAIN;
}

/* The list of interpreters moves too; a broken link ends it. */
static int list_interpreters(struct check *c)
{
	uint64_t words[2], next; /* head, main */
	int r = process_read_all(c->p, c->place->runtime + c->o->runtime_interp_head, words,
				 sizeof(words));

	if (r < 0) {
		c->why = "the interpreter's memory cannot be read";
		return r;
	}
	if (!words[1])
		return not_yet(c, "the interpreter is not initialised yet");
	if (!process_map(c->p, words[1]))
		return fail(c, "its main interpreter is not where this version keeps it");
	c->n_interps = 0;
	for (next = words[0]; next && c->n_interps < INTERPS_MAX - 1;) {
		if (next != words[1])
			c->interps[c->n_interps++] = next;
		if (read_word(c, next + c->o->interp_next, &next) < 0)
			break;
	}
	c->interps[c->n_interps++] = words[1];
	return 0;
}

/* The thread's pointer, if its control block confirms it; else 0. */
static uint64_t thread_pointer(const struct check *c, uint64_t state)
{
	uint64_t pointer, self;

	if (read_word(c, state + c->o->state_thread_id, &pointer) < 0 ||
	    read_word(c, pointer + SELF_POINTER, &self) < 0 || self != pointer)
		return 0;
	return pointer;
}

/* Newest first; the list moves while it is read, so a broken link ends it and is no failure. */
static int list_of(struct check *c, uint64_t interp)
{
	uint64_t state, owner;
	size_t before = c->threads.count;
	int r = read_word(c, interp + c->o->interp_threads, &state);

	if (r < 0)
		return r;
	while (state && c->threads.count < THREADS_MAX) {
		if (read_word(c, state + c->o->state_interp, &owner) < 0 || owner != interp)
			return c->threads.count > before ? 0 : -EPROTO;
		c->items[c->threads.count++] = (struct cpython_thread){ state,
									thread_pointer(c, state) };
		if (read_word(c, state + c->o->state_next, &state) < 0)
			break;
	}
	return 0;
}

static int list_threads(struct check *c)
{
	size_t i;
	int r = 0;

	c->threads = (struct cpython_threads){ c->items, 0 };
	for (i = 0; i < c->n_interps; i++)
		r = list_of(c, c->interps[i]);
	if (r < 0) /* of the main one */
		return fail(c, "its thread list is not where this version keeps it");
	if (!c->threads.count)
		return not_yet(c, "the interpreter is not initialised yet");
	return 0;
}

/* Whether that slot of the thread holds a state of the thread, in whichever interpreter. */
static bool confirmed(const struct check *c, const struct cpython_thread *t, int64_t slot)
{
	uint64_t word;

	return t->pointer && read_word(c, t->pointer + (uint64_t)slot, &word) == 0 &&
	       cpython_threads_has(&c->threads, t->pointer, word);
}

static bool any_confirmed(const struct check *c, int64_t slot)
{
	size_t i;

	for (i = 0; i < c->threads.count; i++)
		if (confirmed(c, &c->items[i], slot))
			return true;
	return false;
}

/* From 3.13 on micro releases move the key, and no block states where it is.  The interpreter makes
 * its key before any extension can make one that holds the same. */
static bool slot_among_keys(struct check *c, int64_t *ret_slot)
{
	if (c->o->minor < 13 || !cpython_slots_look(&c->slots, c->p, &c->threads, CPYTHON_IN_KEYS))
		return false;
	*ret_slot = c->slots.at[0];
	return true;
}

static int slot_by_key(struct check *c, int64_t *ret_slot)
{
	uint32_t key[2]; /* Py_tss_t: is_initialized, key */
	int r = process_read_all(c->p, c->place->runtime + c->o->runtime_key, key, sizeof(key));

	if (r < 0) {
		c->why = "the interpreter's memory cannot be read";
		return r;
	}
	if (key[0] == 1 && key[1] < CPYTHON_KEY_MAX) {
		*ret_slot = cpython_slot_of_key(key[1]);
		if (!any_confirmed(c, *ret_slot))
			slot_among_keys(c, ret_slot);
		return 0;
	}
	if (slot_among_keys(c, ret_slot))
		return 0;
	if (key[0] == 0)
		return not_yet(c, "the interpreter is not initialised yet");
	return fail(c, "its thread-state key is not where this version keeps it");
}

/* Thread-local storage: the code says where, if it is of the simple kind; else look. */
static int slot_by_look(struct check *c, int64_t *ret_slot)
{
	uint8_t code[GETTER_MAX];

	if (c->place->getter && process_read_all(c->p, c->place->getter, code, sizeof(code)) == 0 &&
	    cpython_slot_of_code(code, sizeof(code), ret_slot) && any_confirmed(c, *ret_slot))
		return 0;
	if (!cpython_slots_look(&c->slots, c->p, &c->threads, CPYTHON_IN_TLS))
		return fail(c, "its threads do not keep their state at a fixed place "
			       "(libpython was loaded late)");
	if (c->slots.count > 1)
		return not_yet(c, "its threads are too busy to tell where they keep their state");
	*ret_slot = c->slots.at[0];
	return 0;
}

static int find_slot(struct check *c)
{
	int64_t slot;
	int r;

	if (maps_has(&c->p->maps, "ld-musl-"))
		return fail(c,
			    "it uses musl, whose threads keep their data elsewhere than glibc's");
	r = c->o->runtime_key ? slot_by_key(c, &slot) : slot_by_look(c, &slot);
	if (r < 0)
		return r;
	cpython_plan(c->o, slot, &c->plan);
	return 0;
}

static bool knows_state(const struct check *c, uint64_t state)
{
	size_t i;

	for (i = 0; i < c->threads.count; i++)
		if (c->items[i].state == state)
			return true;
	return false;
}

/* The holder stays set after release, also when its thread has ended: it counts only while locked.
 */
static int check_gil(struct check *c, uint64_t gil)
{
	uint64_t interval, holder;
	int32_t locked;

	if (read_word(c, gil + CPYTHON_GIL_INTERVAL, &interval) < 0 ||
	    read_word(c, gil + CPYTHON_GIL_HOLDER, &holder) < 0 ||
	    process_read_all(c->p, gil + CPYTHON_GIL_LOCKED, &locked, sizeof(locked)) < 0)
		return fail(c, "its GIL cannot be read");
	if (interval < 1 || interval > INTERVAL_MAX || locked < -1 || locked > 1)
		return fail(c, "its GIL is not where this version keeps it");
	if (locked == 1 && gil == c->plan.gil[0] && c->threads.count && !knows_state(c, holder))
		return fail(c, "its GIL has an unknown holder");
	return 0;
}

static void add_gil(struct check *c, uint64_t gil)
{
	size_t i;

	for (i = 0; i < sizeof(c->plan.gil) / sizeof(c->plan.gil[0]); i++) {
		if (c->plan.gil[i] == gil)
			return;
		if (!c->plan.gil[i]) {
			c->plan.gil[i] = gil;
			return;
		}
	}
	c->gils_left = true;
}

/* One for the process up to 3.11; from 3.12 on each interpreter points at its own or at the main
 * one. */
static int find_gils(struct check *c)
{
	uint64_t gil;
	size_t i;
	int r;

	c->gils_left = c->gils_unset = false;
	if (c->o->runtime_gil) {
		add_gil(c, c->place->runtime + c->o->runtime_gil);
		return check_gil(c, c->plan.gil[0]);
	}
	if (read_word(c, c->interps[c->n_interps - 1] + c->o->interp_gil, &gil) < 0 || !gil)
		return fail(c, "its GIL is not where this version keeps it");
	add_gil(c, gil);
	r = check_gil(c, gil);
	if (r < 0)
		return r;
	for (i = 0; i + 1 < c->n_interps; i++) {
		if (read_word(c, c->interps[i] + c->o->interp_gil, &gil) < 0 || !gil ||
		    check_gil(c, gil) < 0)
			c->gils_unset = true;
		else
			add_gil(c, gil);
	}
	c->why = NULL;
	return 0;
}

/* Walks confirmed threads from outside until one shows a frame, whose code must be a code object.
 */
static int check_frames(struct check *c)
{
	struct interp_frame frames[STACK_PYTHON_MAX];
	size_t i, seen = 0;
	bool lost = false;

	for (i = c->threads.count; i-- > 0;) {
		uint64_t type;
		uint16_t flags;
		size_t n;

		if (!confirmed(c, &c->items[i], c->plan.slot_off))
			continue;
		seen++;
		n = walk_host(c->p, &c->plan, c->items[i].pointer, frames, &flags);
		lost |= flags & STACK_PYTHON_LOST;
		if (!n)
			continue;
		if (read_word(c, (frames[0].code & ~7ull) + CPYTHON_OB_TYPE, &type) < 0 ||
		    type != c->place->code_type)
			return fail(c,
				    "its frames do not hold code objects where this version does");
		return 0;
	}
	if (!seen)
		return fail(c, "its thread states are not where this version keeps them");
	if (lost)
		return fail(c, "its frames are not where this version keeps them");
	c->idle = true;
	c->why = "no thread runs Python code yet";
	return -EAGAIN;
}

static int check_once(struct check *c)
{
	int r = list_interpreters(c);

	c->idle = false;
	if (r == 0)
		r = list_threads(c);
	if (r == 0)
		r = find_slot(c);
	if (r == 0)
		r = find_gils(c);
	if (r == 0)
		r = check_frames(c);
	return r;
}

/* What the walker will not see though all fits. */
static const char *remark(const struct check *c)
{
	if (c->gils_left)
		return "it has more GILs than are watched: waits for the others count as locks";
	if (c->o->runtime_gil && c->n_interps > 1)
		return "before Python 3.12 code inside a sub-interpreter cannot be seen";
	return "";
}

int cpython_check(struct process *p, const struct cpython_offsets *o,
		  const struct cpython_place *place, struct walk_plan *ret_plan, char *why,
		  size_t why_room)
{
	_cleanup_free_ struct check *c = calloc(1, sizeof(*c));
	int tries, r = -EAGAIN;

	if (!c)
		return -ENOMEM;
	c->p = p;
	c->o = o;
	c->place = place;
	for (tries = 0; tries < TRIES; tries++) {
		struct timespec pause = { .tv_nsec = TRY_NS };

		c->why = NULL;
		r = check_once(c);
		/* an embedding program may never have a frame while it waits for work in native
		 * code */
		if (r == 0 || (c->idle && tries == TRIES - 1)) {
			*ret_plan = c->plan;
			snprintf(why, why_room, "%s", remark(c));
			return 0;
		}
		if (r == -ESRCH || r == -EPERM)
			break;
		nanosleep(&pause, NULL);
	}
	snprintf(why, why_room, "%s", c->why ? c->why : strerror(-r));
	return r;
}

int cpython_check_gils(struct process *p, const struct cpython_offsets *o, uint64_t runtime,
		       uint64_t ret_gil[4], char *why, size_t why_room)
{
	_cleanup_free_ struct check *c = calloc(1, sizeof(*c));
	struct cpython_place place = { .runtime = runtime };
	int r;

	if (!c)
		return -ENOMEM;
	c->p = p;
	c->o = o;
	c->place = &place;
	r = list_interpreters(c);
	if (r == 0)
		r = find_gils(c);
	if (r < 0)
		return r;
	memcpy(ret_gil, c->plan.gil, sizeof(c->plan.gil));
	snprintf(why, why_room, "%s", remark(c));
	return c->gils_unset;
}
