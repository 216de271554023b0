/* stall_line.c: the contract's stall line.
 *
 * Stable order, absent fields left out.  Knows no terminal and no stream.
 */
#include "output/stall_line.h"

#include <errno.h>
#include <inttypes.h>

#include "output/units.h"
#include "output/words.h"

#define STACKS_SHOWN 3

/* Syscall and object of a wait, the bare class of everything else. */
static int add_why(struct str *out, const struct why *why)
{
	const struct target *t = &why->target;
	int r;

	r = str_printf(out, " why=%s",
		       why->klass == CLASS_SYSCALL && *why->syscall ? why->syscall
								    : class_name(why->klass));
	if (r || t->kind == TARGET_NONE ||
	    (why->klass != CLASS_SYSCALL && why->klass != CLASS_FAULT))
		return r;
	if (*t->peer && *t->local)
		return str_printf(out, " %s %s>%s", target_kind_name(t->kind), t->local, t->peer);
	if (*t->text)
		return str_printf(out, " %s", t->text);
	return str_printf(out, " %s%s%s", target_kind_name(t->kind), *t->path ? " " : "", t->path);
}

static int add_at(struct str *out, const struct frame *at)
{
	const char *fn, *place;
	int r;

	if (!at)
		return 0;
	fn = *at->fn ? at->fn : "?";
	place = *at->file ? path_short(NULL, at->file) : at->module;
	r = str_add(out, " at=");
	if (r == 0 && *place)
		r = str_printf(out, "%s:", place);
	if (r == 0 && *at->file && at->line)
		r = str_printf(out, "%" PRIu32 ":", at->line);
	return r ? r : str_add(out, fn);
}

/* What else took part.  Under 1 ms and 1 % it would only be noise on every line. */
static int add_classes(struct str *out, const struct stall *s)
{
	int r = 0;

	for (int c = 0; c < CLASS_COUNT && r == 0; c++) {
		if (c == (int)s->why.klass || (s->ns[c] < 1000000 && s->ns[c] < s->dur_ns / 100) ||
		    s->ns[c] == 0)
			continue;
		r = str_printf(out, " %s=%s", class_name(c), DURATION(s->ns[c]));
	}
	return r;
}

static int add_stacks(struct str *out, const struct profile *p, const struct stall *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n_stacks && i < STACKS_SHOWN && r == 0; i++) {
		const struct stack *stack = &p->stacks[s->stacks[i].stack];

		r = str_printf(out, "    %s\n", DURATION(s->stacks[i].weight_ns));
		for (size_t k = 0; k < stack->n_frames && r == 0; k++) {
			r = str_add(out, "        ");
			if (r == 0)
				r = frame_short(out, NULL, &stack->frames[k]);
			if (r == 0)
				r = str_add_char(out, '\n');
		}
	}
	if (r == 0 && s->n_stacks > STACKS_SHOWN)
		r = str_printf(out, "    and %zu lighter stacks\n", s->n_stacks - STACKS_SHOWN);
	return r;
}

int stall_line(struct str *out, const struct profile *p, const struct stall *s, bool verbose)
{
	const struct loop *loop = &p->loops[s->loop];
	bool ongoing = s->state == STALL_STATE_ONGOING;
	int r;

	r = str_printf(out, "%s STALL %s%s loop=%" PRIu32, CLOCK(s->wall_ns), ongoing ? ">" : "",
		       DURATION(s->dur_ns), loop->tid);
	if (r == 0 && loop->fd >= 0)
		r = str_printf(out, "/%d", loop->fd);
	if (r == 0)
		r = add_why(out, &s->why);
	if (r == 0)
		r = add_at(out, s->at);
	if (r == 0)
		r = add_classes(out, s);
	if (r == 0 && s->clipped)
		r = str_add(out, " clipped=yes");
	if (r == 0)
		r = str_printf(out, " id=%s%s\n", s->id, ongoing ? " (still blocked)" : "");
	return r || !verbose ? r : add_stacks(out, p, s);
}
