/* cpython_check.c: see cpython_check.h. */
#include "runtime/cpython_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/walk_host.h"

#define TRIES	     20
#define TRY_NS	     2000000 /* between two tries */
#define THREADS_MAX  4096
#define INTERPS_MAX  64
#define SELF_POINTER 0x10	 /* of a glibc thread control block */
#define INTERVAL_MAX 1000000000u /* microseconds; set by sys.setswitchinterval */

struct check {
	struct process *p;
	const struct cpython_offsets *o;
	const struct cpython_place *place;
	struct walk_plan plan;
	uint64_t interp;
	uint64_t threads[THREADS_MAX];
	size_t n_threads;
	bool idle; /* all fits, only there was no frame to look at */
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

static int check_key(struct check *c)
{
	uint32_t key[2]; /* Py_tss_t: is_initialized, key */
	int r = process_read_all(c->p, c->place->runtime + c->o->runtime_key, key, sizeof(key));

	if (r < 0) {
		c->why = "the interpreter's memory cannot be read";
		return r;
	}
	if (key[0] == 0) {
		c->why = "the interpreter is not initialised yet";
		return -EAGAIN;
	}
	if (key[0] != 1 || key[1] >= CPYTHON_KEY_MAX)
		return fail(c, "its thread-state key is not where this version keeps it");
	cpython_plan(c->o, key[1], &c->plan);
	return 0;
}

static int check_interpreter(struct check *c)
{
	int r = read_word(c, c->place->runtime + c->o->runtime_interp_main, &c->interp);

	if (r < 0)
		return r;
	if (!c->interp) {
		c->why = "the interpreter is not initialised yet";
		return -EAGAIN;
	}
	if (!process_map(c->p, c->interp))
		return fail(c, "its main interpreter is not where this version keeps it");
	return 0;
}

/* Newest first; the list moves while it is read, so a broken link ends it and is no failure. */
static int list_threads(struct check *c)
{
	uint64_t state, interp;
	int r = read_word(c, c->interp + c->o->interp_threads, &state);

	if (r < 0)
		return r;
	c->n_threads = 0;
	while (state && c->n_threads < THREADS_MAX) {
		if (read_word(c, state + c->o->state_interp, &interp) < 0 || interp != c->interp)
			break;
		c->threads[c->n_threads++] = state;
		if (read_word(c, state + c->o->state_next, &state) < 0)
			break;
	}
	if (!c->n_threads)
		return fail(c, "its thread list is not where this version keeps it");
	return 0;
}

/* The thread's pointer, if its control block and the key's slot confirm it; else 0. */
static uint64_t thread_pointer(const struct check *c, uint64_t state)
{
	uint64_t pointer, self, slot;

	if (read_word(c, state + c->o->state_thread_id, &pointer) < 0 ||
	    read_word(c, pointer + SELF_POINTER, &self) < 0 || self != pointer ||
	    read_word(c, pointer + (uint64_t)c->plan.slot_off, &slot) < 0 || slot != state)
		return 0;
	return pointer;
}

static bool knows_thread(const struct check *c, uint64_t state)
{
	size_t i;

	for (i = 0; i < c->n_threads; i++)
		if (c->threads[i] == state)
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
	if (locked == 1 && gil == c->plan.gil[0] && !knows_thread(c, holder))
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
}

/* One for the process up to 3.11; from 3.12 on each interpreter points at its own or at the main
 * one. */
static int find_gils(struct check *c)
{
	uint64_t interp, gil;
	int n, r;

	memset(c->plan.gil, 0, sizeof(c->plan.gil));
	if (c->o->runtime_gil) {
		add_gil(c, c->place->runtime + c->o->runtime_gil);
		return check_gil(c, c->plan.gil[0]);
	}
	if (read_word(c, c->interp + c->o->interp_gil, &gil) < 0 || !gil)
		return fail(c, "its GIL is not where this version keeps it");
	add_gil(c, gil);
	r = check_gil(c, gil);
	if (r < 0)
		return r;
	if (read_word(c, c->place->runtime + c->o->runtime_interp_head, &interp) < 0)
		return 0;
	for (n = 0; interp && n < INTERPS_MAX; n++) {
		if (interp != c->interp && read_word(c, interp + c->o->interp_gil, &gil) == 0 &&
		    gil && check_gil(c, gil) == 0)
			add_gil(c, gil);
		if (read_word(c, interp + c->o->interp_next, &interp) < 0)
			break;
	}
	c->why = NULL;
	return 0;
}

/* Walks confirmed threads from outside until one shows a frame, whose code must be a code object.
 */
static int check_frames(struct check *c)
{
	struct interp_frame frames[STACK_PYTHON_MAX];
	size_t i, confirmed = 0;
	bool lost = false;

	for (i = c->n_threads; i-- > 0;) {
		uint64_t pointer = thread_pointer(c, c->threads[i]), type;
		uint16_t flags;
		size_t n;

		if (!pointer)
			continue;
		confirmed++;
		n = walk_host(c->p, &c->plan, pointer, frames, &flags);
		lost |= flags & STACK_PYTHON_LOST;
		if (!n)
			continue;
		if (read_word(c, (frames[0].code & ~7ull) + CPYTHON_OB_TYPE, &type) < 0 ||
		    type != c->place->code_type)
			return fail(c,
				    "its frames do not hold code objects where this version does");
		return 0;
	}
	if (!confirmed)
		return fail(c, "its thread states are not where this version keeps them");
	if (lost)
		return fail(c, "its frames are not where this version keeps them");
	c->idle = true;
	c->why = "no thread runs Python code yet";
	return -EAGAIN;
}

static int check_once(struct check *c)
{
	int r = check_key(c);

	c->idle = false;
	if (r == 0)
		r = check_interpreter(c);
	if (r == 0)
		r = list_threads(c);
	if (r == 0)
		r = find_gils(c);
	if (r == 0)
		r = check_frames(c);
	return r;
}

int cpython_check(struct process *p, const struct cpython_offsets *o,
		  const struct cpython_place *place, struct walk_plan *ret_plan, char *why,
		  size_t why_room)
{
	struct check c = { .p = p, .o = o, .place = place };
	int tries, r = -EAGAIN;

	for (tries = 0; tries < TRIES; tries++) {
		struct timespec pause = { .tv_nsec = TRY_NS };

		c.why = NULL;
		r = check_once(&c);
		/* an embedding program may never have a frame while it waits for work in native
		 * code */
		if (r == 0 || (c.idle && tries == TRIES - 1)) {
			*ret_plan = c.plan;
			return 0;
		}
		if (r == -ESRCH || r == -EPERM)
			break;
		nanosleep(&pause, NULL);
	}
	snprintf(why, why_room, "%s", c.why ? c.why : strerror(-r));
	return r;
}
