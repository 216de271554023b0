/* text_churn.c: what a process keeps making: event loops, and threads.
 *
 * Shown when it is more than a program makes once, with the places that made them and advice.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "output/text.h"
#include "output/units.h"

#define PLACES_SHOWN 3
/* The stacks of a true program are far fewer; the rest of them made little. */
#define PLACES_MOST 4096
/* A program makes a loop or two; so many are made for each piece of work. */
#define LOOPS_MANY 10
/* More threads than before by so many, and twice as many, is growth. */
#define THREADS_MANY 8

static int print_place(const struct text *t, const struct stack_count *c)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = str_printf(&s, "%s made ", COUNT(c->count));

	r = r ? r : str_add(&s, c->at || c->leaf ? "in " : "at a place that was not seen");
	r = r ? r : place_words(&s, &t->paths, c->at, c->leaf);
	if (r)
		return r;
	text_wrap(t, 4, 6, str_text(&s));
	return t->verbose && c->stack >= 0 ? text_stack(t, c->stack, 8, SIZE_MAX) : 0;
}

static bool same_place(const struct stack_count *a, const struct stack_count *b)
{
	return frame_same(a->at, b->at) && frame_same(a->leaf, b->leaf);
}

static int by_count(const void *a, const void *b)
{
	const struct stack_count *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

/* Stacks that end in the same place are one place for a reader; returns how many are left. */
static size_t merge_places(const struct stack_count *stacks, size_t n, struct stack_count *out)
{
	size_t kept = 0, k;

	for (size_t i = 0; i < n; i++) {
		for (k = 0; k < kept && !same_place(&out[k], &stacks[i]); k++)
			;
		if (k == kept)
			out[kept++] = stacks[i];
		else if (out[k].count > UINT64_MAX - stacks[i].count)
			out[k].count = UINT64_MAX;
		else
			out[k].count += stacks[i].count;
	}
	if (kept)
		qsort(out, kept, sizeof(*out), by_count);
	return kept;
}

static int print_places(const struct text *t, const struct stack_count *stacks, size_t n)
{
	size_t looked = n < PLACES_MOST ? n : PLACES_MOST, all, shown;
	_cleanup_free_ struct stack_count *places = calloc(looked + 1, sizeof(*places));
	int r = 0;

	if (!places)
		return -ENOMEM;
	all = merge_places(stacks, looked, places);
	shown = all > PLACES_SHOWN && !t->verbose ? PLACES_SHOWN : all;
	for (size_t i = 0; i < shown && r == 0; i++)
		r = print_place(t, &places[i]);
	if (r == 0 && shown < all)
		fprintf(t->f, "    and from %zu more places (-v shows them)\n", all - shown);
	return r;
}

static int add_proc(const struct text *t, struct str *s, int proc)
{
	if (t->p->n_procs < 2)
		return 0;
	return str_printf(s, "%s [%" PRIu32 "]  ", t->p->procs[proc].comm, t->p->procs[proc].pid);
}

static int churn_line(const struct text *t, const struct churn *c, struct str *s)
{
	int r = add_proc(t, s, c->proc);

	r = r ? r
	      : str_printf(s, "%s event loop%s made in %s", COUNT(c->made), c->made == 1 ? "" : "s",
			   DURATION(t->p->duration_ns));
	if (r == 0)
		r = str_printf(s, ", up to %s seen at once, %s left at the end",
			       COUNT(c->alive_max), COUNT(c->alive));
	if (r == 0 && c->lifetimes)
		r = str_printf(s, "; a closed one lived %s on average, %s at most",
			       DURATION(c->lifetime_mean_ns), DURATION(c->lifetime_max_ns));
	return r;
}

static void churn_advice(const struct text *t, const struct churn *c)
{
	if (c->made < LOOPS_MANY)
		return;
	text_wrap(t, 4, 6,
		  "Advice: a loop for each piece of work costs more than the work. Keep one loop "
		  "(asyncio.Runner holds it), and hand work to it from other threads "
		  "(asyncio.run_coroutine_threadsafe, anyio.from_thread).");
	if (c->alive >= LOOPS_MANY)
		text_wrap(t, 4, 6,
			  "A loop that is never closed keeps its descriptors: an epoll file and a "
			  "pair of sockets.");
}

int text_churn(const struct text *t)
{
	bool titled = false;
	int r = 0;

	for (size_t i = 0; i < t->p->n_churn && r == 0; i++) {
		const struct churn *c = &t->p->churn[i];
		cleanup(str_releasep) struct str s = { 0 };

		if (c->made < LOOPS_MANY && !t->verbose)
			continue;
		if (!titled) {
			fputc('\n', t->f);
			text_title(t, "  EVENT LOOPS MADE");
		}
		titled = true;
		r = churn_line(t, c, &s);
		if (r)
			return r;
		text_wrap(t, 2, 4, str_text(&s));
		r = print_places(t, c->stacks, c->n_stacks);
		if (r == 0)
			churn_advice(t, c);
	}
	return r;
}

static bool multiplies(const struct thread_growth *g)
{
	return g->max / 2 >= g->first && g->max - g->first >= THREADS_MANY;
}

static int growth_line(const struct text *t, const struct thread_growth *g, struct str *s)
{
	bool stays = g->last / 2 >= g->first && g->last >= g->max - g->max / 4;
	int r = add_proc(t, s, g->proc);

	r = r ? r
	      : str_printf(s, "%s -> %s threads (max %s)%s", COUNT(g->first), COUNT(g->last),
			   COUNT(g->max), multiplies(g) && stays ? " GROWING" : "");
	if (r == 0 && g->made)
		r = str_printf(s, ", %s made meanwhile", COUNT(g->made));
	return r;
}

int text_growth(const struct text *t)
{
	bool titled = false;
	int r = 0;

	for (size_t i = 0; i < t->p->n_growth && r == 0; i++) {
		const struct thread_growth *g = &t->p->growth[i];
		cleanup(str_releasep) struct str s = { 0 };

		if (!g->n_counts || (!multiplies(g) && !t->verbose))
			continue;
		if (!titled) {
			fputc('\n', t->f);
			text_title(t, "  THREADS MADE");
		}
		titled = true;
		r = growth_line(t, g, &s);
		if (r)
			return r;
		text_wrap(t, 2, 4, str_text(&s));
		r = print_places(t, g->stacks, g->n_stacks);
	}
	return r;
}
