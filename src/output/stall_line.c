/* stall_line.c: the contract's stall line.
 *
 * Stable order, absent fields left out.  Knows no terminal and no stream.
 */
#include "output/stall_line.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

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
	if (r == 0 && why->klass == CLASS_LOCK && is_named_lock(t))
		return str_printf(out, " %s", t->text);
	if (r || t->kind == TARGET_NONE ||
	    (why->klass != CLASS_SYSCALL && why->klass != CLASS_FAULT))
		return r;
	if (*t->peer && *t->local)
		return str_printf(out, " %s %s>%s", target_kind_name(t->kind), t->local, t->peer);
	if (*t->text)
		return str_printf(out, " %s", t->text);
	return str_printf(out, " %s%s%s", target_kind_name(t->kind), *t->path ? " " : "", t->path);
}

/* A name from the program may hold blanks, which end a field; quoted it is still one. */
static int add_name(struct str *out, const char *name)
{
	int r;

	if (!strpbrk(name, " \"="))
		return str_add(out, name);
	r = str_add_char(out, '"');
	for (; *name && r == 0; name++)
		r = *name == '"' ? str_add(out, "\\\"") : str_add_char(out, *name);
	return r ? r : str_add_char(out, '"');
}

/* app.py:41:get_user; where the function has no name server+0x76e8c stands for it. */
static int add_frame(struct str *out, const struct frame *at)
{
	cleanup(str_releasep) struct str s = { 0 };
	bool nameless = at && !*at->fn && at->offset, lined = at && *at->file && at->line;
	const char *place;
	int r = 0;

	if (!at)
		return 0;
	place = *at->file ? path_short(NULL, at->file) : at->module;
	if (*place && (lined || !nameless))
		r = str_printf(&s, "%s:", place);
	if (r == 0 && lined)
		r = str_printf(&s, "%" PRIu32 ":", at->line);
	if (r == 0)
		r = nameless ? frame_folded(&s, at) : str_add(&s, *at->fn ? at->fn : "?");
	return r ? r : add_name(out, str_text(&s));
}

static int add_task(struct str *out, const struct stall *s)
{
	int r = *s->task ? str_add(out, " task=") : 0;

	return r || !*s->task ? r : add_name(out, s->task);
}

/* worker-3:encoder.py:214:JSONEncoder.iterencode, with its share where another held it too. */
static int add_holder(struct str *out, const struct profile *p, const struct stall *s)
{
	const struct holder *h = holder_shown(s);
	cleanup(str_releasep) struct str name = { 0 };
	int r;

	if (!h)
		return 0;
	r = owner_words(&name, p, s->proc, &h->owner);
	r = r ? r : str_add(out, " holder=");
	r = r ? r : add_name(out, str_text(&name));
	if (r == 0 && (h->at || h->leaf))
		r = str_add_char(out, ':');
	r = r ? r : add_frame(out, h->at ? h->at : h->leaf);
	return r || h->share >= 0.95 ? r : str_printf(out, " held=%.0f%%", h->share * 100);
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
	if (r == 0 && s->at)
		r = str_add(out, " at=");
	if (r == 0)
		r = add_frame(out, s->at);
	if (r == 0)
		r = add_task(out, s);
	if (r == 0)
		r = add_holder(out, p, s);
	if (r == 0)
		r = add_classes(out, s);
	if (r == 0 && s->clipped)
		r = str_add(out, " clipped=yes");
	if (r == 0)
		r = str_printf(out, " id=%s%s\n", s->id, ongoing ? " (still blocked)" : "");
	return r || !verbose ? r : add_stacks(out, p, s);
}
