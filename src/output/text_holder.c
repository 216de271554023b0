/* text_holder.c: who held up the stalls of a row.
 *
 * The line under a row of the table; the phrase is in holder.c.
 */
#include <errno.h>
#include <string.h>

#include "output/text.h"

int text_holder(const struct text *t, const struct row *row, size_t indent)
{
	cleanup(str_releasep) struct str s = { 0 };
	size_t before;
	int r;

	if (!row->holder || row->longest < 0)
		return 0;
	r = row->count > 1 ? str_add(&s, "in the longest: ") : 0;
	before = s.len;
	r = r ? r : holder_words(&s, t->p, &t->paths, &t->p->stalls[row->longest]);
	if (r == 0 && s.len > before)
		text_wrap(t, indent, indent + 2, str_text(&s));
	return r;
}

/* What the loop's own thread runs around its poll, by the last part of the name. */
static bool is_poll_frame(const struct frame *f)
{
	static const char *const names[] = { "select", "_run_once", "run_forever",
					     "run_until_complete", "run" };
	const char *dot = strrchr(f->fn, '.'), *name = dot ? dot + 1 : f->fn;

	if (!f->library || (!strstr(f->file, "/asyncio/") && !str_ends(f->file, "/selectors.py")))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool text_is_after_poll(const struct profile *p, const struct row *row)
{
	const struct stall *s = row->longest < 0 ? NULL : &p->stalls[row->longest];
	const struct stack *st;

	if (!s || row->why.klass != CLASS_GIL || s->why.klass != CLASS_GIL || !s->n_stacks)
		return false;
	st = &p->stacks[s->stacks[0].stack];
	for (size_t i = 0; i < st->n_frames; i++)
		if (st->frames[i].kind == FRAME_PYTHON)
			return is_poll_frame(&st->frames[i]);
	return false;
}
