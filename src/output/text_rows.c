/* text_rows.c: the table of causes and the classes of all stalled time.
 *
 * One row for stalls of the same kind: how long, how often, why, where.  Your frame comes first,
 * because that is the line you can change; its caller and the innermost frame follow as far as
 * there is room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/text.h"
#include "output/units.h"

#define WHY_COLUMN 24 /* where WHY starts */
#define WHY_LEAST  14
#define WHY_MOST   46
#define GAP	   2

static bool same_function(const struct frame *a, const struct frame *b)
{
	return a->kind == b->kind && strcmp(a->fn, b->fn) == 0 && strcmp(a->file, b->file) == 0 &&
	       strcmp(a->module, b->module) == 0;
}

/* The next outer frame of your code, in the heaviest stack that has `at`; NULL: none.  Between
 * frames of a script, native ones are an extension's; what calls itself was called by another. */
static const struct frame *caller_of(const struct profile *p, const struct row *row)
{
	const struct stall *s = &p->stalls[row->longest];

	for (size_t i = 0; i < s->n_stacks && row->at; i++) {
		const struct stack *st = &p->stacks[s->stacks[i].stack];
		bool found = false;

		for (size_t k = 0; k < st->n_frames; k++) {
			const struct frame *f = &st->frames[k];

			if (found && f->kind != FRAME_KERNEL && !f->library &&
			    !same_function(f, row->at) &&
			    (f->kind != FRAME_NATIVE || row->at->kind == FRAME_NATIVE))
				return f;
			found = found || frame_same(f, row->at);
		}
	}
	return NULL;
}

/* " < caller" or " > callee", when it still fits. */
static int add_if_fits(const struct text *t, struct str *where, const char *arrow,
		       const struct frame *f, size_t room)
{
	cleanup(str_releasep) struct str more = { 0 };
	int r = str_add(&more, arrow);

	if (r == 0)
		r = frame_short(&more, &t->paths, f);
	if (r || text_columns(str_text(where)) + text_columns(str_text(&more)) > room)
		return r;
	return str_add(where, str_text(&more));
}

/* Like add_if_fits, but what does not fit goes to the second line. */
static int add_somewhere(const struct text *t, struct str *where, struct str *rest,
			 const char *arrow, const struct frame *f, size_t room)
{
	size_t before = where->len;
	int r = add_if_fits(t, where, arrow, f, room);

	if (r || where->len > before)
		return r;
	r = str_add(rest, rest->len ? arrow : arrow + 1);
	return r ? r : frame_short(rest, &t->paths, f);
}

/* The C library's wrapper of the call that WHY names says nothing new: recv of recvfrom. */
static bool is_wrapper(const struct frame *leaf, const char *syscall)
{
	const char *fn = leaf->fn + strspn(leaf->fn, "_");

	return leaf->kind == FRAME_NATIVE && *fn && *syscall &&
	       (str_starts(syscall, fn) || str_starts(fn, syscall));
}

/* WHERE in at most two lines: your frame, its caller if there is one, the innermost if it differs.
 */
static int add_where(const struct text *t, const struct row *row, size_t room, struct str *where,
		     struct str *rest)
{
	const struct frame *caller = caller_of(t->p, row);
	int r;

	if (!row->at && !row->leaf)
		return str_add(where, "-");
	if (row->at)
		r = frame_short(where, &t->paths, row->at);
	else
		r = str_add(where, "> ") || frame_short(where, &t->paths, row->leaf) ? -ENOMEM : 0;
	if (r == 0 && caller)
		r = add_somewhere(t, where, rest, " < ", caller, room);
	if (r == 0 && row->at && row->leaf && !frame_same(row->leaf, row->at) &&
	    !is_wrapper(row->leaf, row->why.syscall))
		r = add_somewhere(t, where, rest, " > ", row->leaf, room);
	return r;
}

/* The second line of WHERE stands under the first, and further left if it needs the room. */
static int print_rest(const struct text *t, const char *rest, size_t start)
{
	cleanup(str_releasep) struct str line = { 0 };
	size_t columns = text_columns(rest), most = t->width - WHY_COLUMN;
	int r = text_clip(&line, rest, most);

	if (columns > most)
		columns = most;
	if (start + columns > t->width)
		start = t->width - columns;
	if (r == 0)
		fprintf(t->f, "%*s%s\n", (int)start, "", str_text(&line));
	return r;
}

static int print_numbers(const struct text *t, const char *time, const char *n, const char *max)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = str_add(&s, "  ");

	if (r == 0)
		r = text_cell(&s, time, 7);
	if (r == 0)
		r = str_add_char(&s, ' ');
	if (r == 0)
		r = text_cell(&s, n, 5);
	if (r == 0)
		r = str_add_char(&s, ' ');
	if (r == 0)
		r = text_cell(&s, max, WHY_COLUMN - 16);
	if (r == 0)
		fputs(str_text(&s), t->f);
	return r;
}

static int print_row(const struct text *t, const struct row *row, const char *why,
		     size_t why_columns)
{
	size_t start = WHY_COLUMN + why_columns + GAP, room = t->width - start;
	cleanup(str_releasep) struct str where = { 0 };
	cleanup(str_releasep) struct str rest = { 0 };
	cleanup(str_releasep) struct str line = { 0 };
	int r = print_numbers(t, DURATION(row->sum_ns), COUNT(row->count), DURATION(row->max_ns));

	if (r == 0)
		r = text_cell(&line, why, why_columns);
	if (r == 0)
		r = text_cell(&line, "", GAP);
	if (r == 0)
		r = add_where(t, row, room, &where, &rest);
	if (r == 0)
		r = text_clip(&line, str_text(&where), room);
	if (r)
		return r;
	fprintf(t->f, "%s\n", str_text(&line));
	r = rest.len ? print_rest(t, str_text(&rest), start) : 0;
	return r ? r : text_holder(t, row, WHY_COLUMN);
}

/* With -v: when the longest of the row was, what it was made of, and its heaviest stack. */
static int print_detail(const struct text *t, const struct row *row)
{
	const struct stall *s = &t->p->stalls[row->longest];
	cleanup(str_releasep) struct str line = { 0 };
	int r = str_printf(&line, "longest %s at %s:", DURATION(s->dur_ns), CLOCK(s->wall_ns));

	for (int c = 0; c < CLASS_COUNT && r == 0; c++)
		if (s->ns[c])
			r = str_printf(&line, " %s %s", class_name(c), DURATION(s->ns[c]));
	if (r == 0)
		r = str_printf(&line, "%s  id=%s", s->clipped ? "  (began before the watch)" : "",
			       s->id);
	if (r == 0 && (*s->task || *s->coro))
		r = str_printf(&line, "  %s%s%s%s", *s->task ? "task " : "coroutine ", s->task,
			       *s->task && *s->coro ? " of " : "", s->coro);
	if (r)
		return r;
	text_wrap(t, 6, 8, str_text(&line));
	return s->n_stacks ? text_stack(t, s->stacks[0].stack, 8, SIZE_MAX) : 0;
}

/* The cause of each row as text; as wide a column as they need. */
static int all_words(const struct profile *p, size_t shown, struct str *words, size_t *columns)
{
	for (size_t i = 0; i < shown; i++) {
		size_t n;
		int r = why_share_words(&words[i], &p->rows[i].why);

		if (r == 0 && text_is_after_poll(p, &p->rows[i]))
			r = str_add(&words[i], " after the poll");
		if (r)
			return r;
		n = text_columns(str_text(&words[i]));
		if (n > *columns)
			*columns = n < WHY_MOST ? n : WHY_MOST;
	}
	return 0;
}

static int print_table(const struct text *t, size_t shown, struct str *words)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str head = { 0 };
	size_t columns = WHY_LEAST, start;
	int r = all_words(p, shown, words, &columns);

	/* the place matters as much as the cause: never less than a third of the line */
	if (columns > (t->width - WHY_COLUMN) * 6 / 10)
		columns = (t->width - WHY_COLUMN) * 6 / 10;
	start = WHY_COLUMN + columns + GAP;
	r = r ? r : text_cell(&head, "WHY", columns + GAP);
	if (r == 0)
		r = text_clip(&head, "WHERE (yours < caller > leaf)", t->width - start);
	fprintf(t->f, "\n%s  TIME    N     MAX     %s%s\n", t->color ? "\033[1m" : "",
		str_text(&head), t->color ? "\033[0m" : "");
	for (size_t i = 0; i < shown && r == 0; i++) {
		r = print_row(t, &p->rows[i], str_text(&words[i]), columns);
		if (r == 0 && t->verbose)
			r = print_detail(t, &p->rows[i]);
	}
	return r;
}

int text_rows(const struct text *t)
{
	const struct profile *p = t->p;
	size_t shown = p->n_rows < t->show ? p->n_rows : t->show;
	struct str *words;
	uint64_t count = 0, ns = 0;
	int r;

	if (!p->n_rows)
		return 0;
	words = calloc(shown, sizeof(*words));
	if (!words)
		return -ENOMEM;
	r = print_table(t, shown, words);
	for (size_t i = 0; i < shown; i++)
		str_release(&words[i]);
	free(words);
	for (size_t i = shown; i < p->n_rows; i++) {
		count += p->rows[i].count;
		ns += p->rows[i].sum_ns;
	}
	if (r == 0 && count)
		fprintf(t->f, "  %-7s %-5s and %zu more rows (%s of the stalled time)\n",
			DURATION(ns), COUNT(count), p->n_rows - shown, PERCENT(ns, p->stalled_ns));
	return r;
}

int text_classes(const struct text *t)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str s = { 0 };
	bool done[CLASS_COUNT] = { false };
	int r;

	if (!p->stalled_ns)
		return 0;
	r = str_add(&s, "where the time went:  ");
	for (int n = 0; n < CLASS_COUNT && r == 0; n++) {
		int best = -1;

		for (int c = 0; c < CLASS_COUNT; c++)
			if (!done[c] && (best < 0 || p->class_ns[c] > p->class_ns[best]))
				best = c;
		done[best] = true;
		/* what nobody can explain is always said, also when it is nothing */
		if (p->class_ns[best] || best == CLASS_UNEXPLAINED)
			r = str_printf(&s, "%s%s %s", n ? " | " : "", class_name(best),
				       PERCENT(p->class_ns[best], p->stalled_ns));
	}
	if (r == 0) {
		fputc('\n', t->f);
		text_wrap(t, 2, 24, str_text(&s));
	}
	return r;
}
