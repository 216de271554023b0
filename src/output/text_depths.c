/* text_depths.c: how long the queues of a loop were, sampled while it was watched.
 *
 * One line under its loop: first and last length, and the longest where it is another.
 */
#include <errno.h>

#include "output/text.h"
#include "output/units.h"

/* A queue grows when it doubled, by more than chance, and still is near its longest. */
#define GROWTH_LEAST 16

static bool is_growing(const struct depth *d)
{
	return d->n >= 3 && d->last >= d->first && d->last - d->first >= GROWTH_LEAST &&
	       d->last / 2 >= d->first && d->last >= d->max - d->max / 4;
}

bool text_grows(const struct loop *loop)
{
	return is_growing(&loop->ready) || is_growing(&loop->scheduled) || is_growing(&loop->tasks);
}

static int add_depth(struct str *s, const char *name, const struct depth *d)
{
	int r;

	if (!d->n)
		return 0;
	r = str_printf(s, "%s%s %s", s->len ? "  " : "", name, COUNT(d->first));
	if (r == 0 && d->min != d->max)
		r = str_printf(s, " -> %s", COUNT(d->last));
	if (r == 0 && d->max > d->first && d->max > d->last)
		r = str_printf(s, " (max %s, mean %.*f)", COUNT(d->max), d->mean < 10, d->mean);
	return r || !is_growing(d) ? r : str_add(s, " GROWING");
}

int text_depths(const struct text *t, const struct loop *loop)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = add_depth(&s, "ready", &loop->ready);

	r = r ? r : add_depth(&s, "timers", &loop->scheduled);
	r = r ? r : add_depth(&s, "tasks", &loop->tasks);
	if (r == 0 && s.len)
		text_wrap(t, 4, 6, str_text(&s));
	return r;
}
