/* text_loops.c: what was watched: each loop with its blocked time and its busy periods.
 *
 * Also says plainly when there was no loop, or no stall.  Knows nothing of causes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "output/text.h"
#include "output/units.h"

#define LOOPS_MOST 10
/* A program has a loop or two; more of them without a stall say little one by one. */
#define CALM_MOST 3

/* The loops, and the stall of each that was not over at the end; NULL: it has none. */
struct loops {
	const struct stall **open;
	size_t calm;
	bool fold; /* what is calm is one line */
};

static int loop_name(struct str *s, const struct loop *loop)
{
	int r = str_printf(s, "loop %" PRIu32 " %s", loop->tid, loop->comm);

	if (r == 0)
		r = str_printf(s, " (%s", loop->kind);
	if (r == 0 && *loop->poll)
		r = str_printf(s, ", %s", loop->poll);
	if (r == 0 && loop->fd >= 0)
		r = str_printf(s, " fd %d", loop->fd);
	return r ? r : str_printf(s, ")  %s iterations", COUNT(loop->iterations));
}

/* A loop that never came back has no ended stall, and yet it is the worst of all. */
static int loop_open(struct str *s, const struct stall *open)
{
	if (!open)
		return 0;
	return str_printf(s, "%sstill blocked at the end (%s)", s->len ? "  " : "",
			  DURATION(open->dur_ns));
}

static int loop_stalls(struct str *s, const struct loop *loop, bool say_utc)
{
	int r;

	if (!loop->stalls)
		return 0;
	r = str_printf(s, "%s stall%s, blocked %s", COUNT(loop->stalls),
		       loop->stalls == 1 ? "" : "s", DURATION(loop->stalled_ns));
	/* a recording that broke off does not know how long it watched */
	if (r == 0 && loop->observed_ns)
		r = str_printf(s, " of %s (%s)", DURATION(loop->observed_ns),
			       PERCENT(loop->stalled_ns, loop->observed_ns));
	if (r == 0 && loop->stalls > 1)
		r = str_printf(s, "  p50 %s  p99 %s", DURATION(loop->p50_ns),
			       DURATION(loop->p99_ns));
	return r ? r
		 : str_printf(s, "  longest %s at %s%s", DURATION(loop->longest_ns),
			      CLOCK(loop->longest_wall), say_utc ? " UTC" : "");
}

static int loop_calm(struct str *s, const struct loop *loop)
{
	if (!loop->iterations)
		return str_add(s, "never came back to its poll");
	return str_printf(s, "no stalls, longest busy period %s", DURATION(loop->longest_ns));
}

/* One step for each power of ten, and as many marks as its count has digits: 9,032 iterations
 * and the 2 that matter are both visible.  The buckets behind it are finer than a decade but do not
 * end at one: an iteration within 5 % of a step may be counted on its other side. */
static int loop_hist(struct str *s, const struct loop *loop)
{
	static const struct {
		uint64_t below;
		const char *name;
	} steps[] = {
		{ 100000, "<100us" },	       { 1000000, "<1ms" },   { 10000000, "<10ms" },
		{ 100000000, "<100ms" },       { 1000000000, "<1s" }, { 10000000000, "<10s" },
		{ UINT64_MAX, "10s or more" },
	};
	size_t k = 0;
	int r = str_add(s, "busy periods");

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == 0; i++) {
		uint64_t count = 0;

		for (; k < loop->n_hist &&
		       (loop->hist[k].bound_ns - loop->hist[k].bound_ns / 20 <= steps[i].below);
		     k++)
			count += loop->hist[k].count;
		if (!count)
			continue;
		r = str_printf(s, "  %s ", steps[i].name);
		for (uint64_t n = count; n && r == 0; n /= 10)
			r = str_add_char(s, '#');
		if (r == 0)
			r = str_printf(s, " %s", COUNT(count));
	}
	return r;
}

static int print_loop(const struct text *t, const struct loop *loop, const struct stall *open,
		      bool say_utc)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = loop_name(&s, loop);

	if (r)
		return r;
	text_wrap(t, 2, 4, str_text(&s));
	str_clear(&s);
	r = loop_stalls(&s, loop, say_utc);
	if (r == 0)
		r = loop_open(&s, open);
	if (r == 0 && !s.len)
		r = loop_calm(&s, loop);
	if (r)
		return r;
	text_wrap(t, 4, 6, str_text(&s));
	str_clear(&s);
	r = loop_hist(&s, loop);
	if (r == 0 && loop->n_hist)
		text_wrap(t, 4, 6, str_text(&s));
	return r ? r : text_depths(t, loop);
}

static void say_no_loop(const struct text *t)
{
	if (t->p->n_threads) {
		text_wrap(
			t, 2, 2,
			"No event loop was seen: no thread came back to one and the same poll "
			"call. Below is where its threads wait, which were looked at from time to "
			"time. --off-cpu shows every wait of every thread.");
		return;
	}
	text_wrap(t, 2, 2,
		  "No event loop was seen: no thread came back to one and the same poll call "
		  "(epoll_wait, poll, select, io_uring).");
	text_wrap(t, 2, 2,
		  "Try --tid TID to name the thread that is the loop, whatever it waits in, or "
		  "--off-cpu to see every wait of every thread. An idle program needs some work "
		  "while "
		  "it is watched.");
}

static int say_no_stall(const struct text *t)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str s = { 0 };
	uint64_t iterations = 0, longest = 0;
	int r;

	for (size_t i = 0; i < p->n_loops; i++) {
		iterations += p->loops[i].iterations;
		if (p->loops[i].longest_ns > longest)
			longest = p->loops[i].longest_ns;
	}
	r = str_printf(
		&s,
		"No stalls. %s iterations of %zu loop%s were watched for %s; the longest busy "
		"period was %s, under the threshold of %s.",
		COUNT(iterations), p->n_loops, p->n_loops == 1 ? "" : "s", DURATION(p->duration_ns),
		DURATION(longest), DURATION(p->threshold_ns));
	if (r)
		return r;
	fputc('\n', t->f);
	text_wrap(t, 2, 2, str_text(&s));
	return 0;
}

static bool is_calm(const struct loop *loop, const struct stall *open)
{
	return !loop->stalls && !open && !text_grows(loop);
}

static int look_at_loops(const struct text *t, struct loops *l)
{
	const struct profile *p = t->p;

	l->open = calloc(p->n_loops + 1, sizeof(*l->open));
	if (!l->open)
		return -ENOMEM;
	for (size_t i = p->n_stalls; i-- > 0;)
		if (p->stalls[i].state == STALL_STATE_ONGOING)
			l->open[p->stalls[i].loop] = &p->stalls[i];
	for (size_t i = 0; i < p->n_loops; i++)
		l->calm += is_calm(&p->loops[i], l->open[i]);
	l->fold = l->calm > CALM_MOST && !t->verbose;
	return 0;
}

/* All calm ones: made for each request, or idle. */
static int print_calm(const struct text *t, const struct loops *l)
{
	cleanup(str_releasep) struct str s = { 0 };
	uint64_t iterations = 0, longest = 0;
	int r;

	for (size_t i = 0; i < t->p->n_loops; i++) {
		const struct loop *loop = &t->p->loops[i];

		if (!is_calm(loop, l->open[i]))
			continue;
		iterations += loop->iterations;
		longest = loop->longest_ns > longest ? loop->longest_ns : longest;
	}
	r = str_printf(&s,
		       "%s%s loops without a stall  %s iterations, longest busy period %s "
		       "(-v shows each)",
		       l->calm < t->p->n_loops ? "and " : "", COUNT(l->calm), COUNT(iterations),
		       DURATION(longest));
	if (r == 0)
		text_wrap(t, 2, 4, str_text(&s));
	return r;
}

static int print_loops(const struct text *t, const struct loops *l)
{
	const struct profile *p = t->p;
	size_t all = l->fold ? p->n_loops - l->calm : p->n_loops, shown = 0;
	size_t most = all > LOOPS_MOST && !t->verbose ? LOOPS_MOST : all;
	bool say_utc = true;
	int r = 0;

	for (size_t i = 0; i < p->n_loops && shown < most && r == 0; i++) {
		if (l->fold && is_calm(&p->loops[i], l->open[i]))
			continue;
		r = print_loop(t, &p->loops[i], l->open[i], say_utc);
		say_utc = say_utc && !p->loops[i].stalls;
		shown++;
	}
	if (r == 0 && most < all)
		fprintf(t->f, "  and %zu more loop%s with less stalled time (-v shows them)\n",
			all - most, all - most == 1 ? "" : "s");
	return r || !l->fold ? r : print_calm(t, l);
}

int text_loops(const struct text *t)
{
	struct loops l = { 0 };
	int r;

	if (!t->p->n_loops && !t->p->n_stalls) {
		say_no_loop(t);
		return 0;
	}
	r = look_at_loops(t, &l);
	r = r ? r : print_loops(t, &l);
	free(l.open);
	return r || t->p->n_stalls ? r : say_no_stall(t);
}
