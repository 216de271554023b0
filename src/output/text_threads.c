/* text_threads.c: where the threads of a program wait.
 *
 * Sampled, by groups of threads that are called alike.  What only waits for work comes last, on
 * one line.  Knows no stalls.
 */
#include <errno.h>
#include <inttypes.h>

#include "output/text.h"
#include "output/units.h"

#define GROUP_COLUMNS 22
#define WHY_START     (16 + GROUP_COLUMNS + 2)

static int add_group(const struct text *t, const struct thread_row *row, struct str *s)
{
	const char *group = *row->group ? row->group : "?";

	if (t->p->n_procs < 2)
		return str_add(s, group);
	return str_printf(s, "%s [%" PRIu32 "]", group, t->p->procs[row->proc].pid);
}

int text_wait(struct str *s, const struct thread_row *row)
{
	const struct why why = { row->klass, 1, row->syscall, row->target };

	if (row->klass == CLASS_CPU)
		return str_add(s, "on CPU, or ready for one");
	if (row->klass == CLASS_LOCK && row->stack < 0 && !is_named_lock(&row->target))
		return str_add(s, "waits on a futex (lock, condition)");
	return why_words(s, &why);
}

/* The place stands beside the cause, or under it where there is no room. */
static int print_place(const struct text *t, const struct thread_row *row, const char *start)
{
	cleanup(str_releasep) struct str place = { 0 };
	size_t used = text_columns(start);
	int r = !row->at && row->leaf ? str_add(&place, "> ") : 0;

	r = r ? r : place_words(&place, &t->paths, row->at, row->leaf);

	if (r)
		return r;
	if (used + 2 + text_columns(str_text(&place)) <= t->width) {
		fprintf(t->f, "%s  %s\n", start, place.len ? str_text(&place) : "-");
		return 0;
	}
	fprintf(t->f, "%s\n", start);
	text_wrap(t, WHY_START + 2, WHY_START + 4, str_text(&place));
	return 0;
}

static int print_row(const struct text *t, const struct thread_row *row)
{
	cleanup(str_releasep) struct str group = { 0 };
	cleanup(str_releasep) struct str words = { 0 };
	cleanup(str_releasep) struct str line = { 0 };
	cleanup(str_releasep) struct str cut = { 0 };
	int r = add_group(t, row, &group);

	r = r ? r : text_wait(&words, row);
	r = r ? r : str_printf(&line, "  %-7s %-5s ", DURATION(row->ns), COUNT(row->at_once));
	r = r ? r : text_cell(&line, str_text(&group), GROUP_COLUMNS);
	r = r ? r : str_add(&line, "  ");
	r = r ? r : str_add(&line, str_text(&words));
	r = r ? r : text_clip(&cut, str_text(&line), t->width);
	r = r ? r : print_place(t, row, str_text(&cut));
	if (r == 0 && t->verbose && row->stack >= 0)
		r = text_stack(t, row->stack, 8, SIZE_MAX);
	return r;
}

/* "waiting for work: asyncio 12, MainThread 1": the most at one moment. */
static int print_idle(const struct text *t, size_t from)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = 0;

	for (size_t i = from; i < t->p->n_threads && i < from + t->show && r == 0; i++) {
		const struct thread_row *row = &t->p->threads[i];

		r = str_add(&s, s.len ? ", " : "waiting for work: ");
		r = r ? r : add_group(t, row, &s);
		r = r ? r : str_printf(&s, " %s", COUNT(row->at_once));
	}
	if (r == 0 && t->p->n_threads > from + t->show)
		r = str_printf(&s, " and %zu more", t->p->n_threads - from - t->show);
	if (r == 0 && s.len)
		text_wrap(t, 2, 4, str_text(&s));
	return r;
}

/* Looked at from outside only an interpreter's stack is seen. */
static void say_no_stacks(const struct text *t, size_t busy)
{
	for (size_t i = 0; i < busy; i++)
		if (t->p->threads[i].stack >= 0)
			return;
	if (busy)
		text_wrap(t, 2, 2,
			  "A native stack is taken as a wait begins or ends: --off-cpu shows "
			  "these. Of "
			  "threads that do neither, as in a deadlock, gdb or eu-stack -p PID shows "
			  "where they are, and stops the program meanwhile.");
}

int text_threads(const struct text *t)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str head = { 0 };
	size_t busy = 0, shown;
	int r;

	if (!p->n_threads || (p->n_loops && !t->verbose))
		return 0;
	while (busy < p->n_threads && !p->threads[busy].idle)
		busy++;
	shown = busy < t->show ? busy : t->show;
	r = str_printf(&head, "  TIME    MOST  %-*s  WHY  WHERE (yours > leaf), sampled",
		       GROUP_COLUMNS, "THREADS");
	/* A sample weighs the time to the next one. */
	if (r == 0 && p->threads[0].samples)
		r = str_printf(&head, " every %s",
			       DURATION(p->threads[0].ns / p->threads[0].samples));
	fputc('\n', t->f);
	if (r == 0)
		text_title(t, str_text(&head));
	for (size_t i = 0; i < shown && r == 0; i++)
		r = print_row(t, &p->threads[i]);
	if (r == 0 && shown < busy)
		fprintf(t->f, "  and %zu more rows\n", busy - shown);
	if (r == 0 && !p->n_loops)
		say_no_stacks(t, busy);
	return r ? r : print_idle(t, busy);
}
