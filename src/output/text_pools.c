/* text_pools.c: pools of worker threads: how busy, how long exhausted, and what their workers wait
 * in.
 *
 * All of it was sampled, and the interval is said.  Knows no loops.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output/text.h"
#include "output/units.h"

#define WAITS_SHOWN 3
/* The places of a true pool are far fewer; the rest of them took little time. */
#define PLACES_MOST 256

/* "32 of 32 busy 4.1s of 10.0s, longest 2.2s", "up to 3 of 8 busy, never all". */
static int add_busy(struct str *s, const struct pool *pool)
{
	uint32_t all = pool->max ? pool->max : pool->threads_max;
	int r;

	if (!pool->busy_max)
		return str_printf(s, "%s thread%s, never seen busy", COUNT(pool->threads),
				  pool->threads == 1 ? "" : "s");
	if (!pool->exhausted_ns)
		return str_printf(s, "up to %s of %s busy, never seen exhausted",
				  COUNT(pool->busy_max), COUNT(all));
	r = str_printf(s, "%s of %s busy %s of %s", COUNT(all), COUNT(all),
		       DURATION(pool->exhausted_ns), DURATION(pool->observed_ns));
	if (r == 0 && pool->exhausted_longest_ns < pool->exhausted_ns)
		r = str_printf(s, ", longest %s", DURATION(pool->exhausted_longest_ns));
	return r;
}

static int add_queue(struct str *s, const struct pool *pool)
{
	int r = 0;

	if (pool->queued_max)
		r = str_printf(s, ", queue up to %s", COUNT(pool->queued_max));
	if (r == 0 && pool->queue_wait_max_ns)
		r = str_printf(s, ", waited up to %s", DURATION(pool->queue_wait_max_ns));
	return r;
}

static int pool_line(const struct text *t, const struct pool *pool, struct str *s)
{
	int r = str_add(s, *pool->name ? pool->name : *pool->kind ? pool->kind : "a pool");

	if (r == 0 && t->p->n_procs > 1)
		r = str_printf(s, " [%" PRIu32 "]", t->p->procs[pool->proc].pid);
	r = r ? r : str_add(s, "  ");
	r = r ? r : add_busy(s, pool);
	r = r ? r : add_queue(s, pool);
	if (r == 0 && pool->samples)
		r = str_printf(s, "  (looked at every %s)",
			       DURATION(pool->observed_ns / pool->samples));
	return r;
}

/* One place that workers were seen in, however many stacks lead there. */
struct place {
	struct str words; /* waits on tcp 10.0.0.9:9000 (recvfrom) at db.py:31 query */
	uint64_t at_once;
};

static int add_place(const struct text *t, const struct thread_row *row, struct place *places,
		     size_t *n)
{
	struct str *s = &places[*n].words;
	size_t k;
	int r = text_wait(s, row);

	if (r == 0 && (row->at || row->leaf))
		r = str_add(s, " at ");
	r = r ? r : place_words(s, &t->paths, row->at, row->leaf);
	if (r)
		return r;
	for (k = 0; k < *n && strcmp(str_text(&places[k].words), str_text(s)) != 0; k++)
		;
	places[k].at_once += row->at_once;
	if (k == *n)
		++*n;
	else
		str_release(s);
	return 0;
}

static int print_places(const struct text *t, const struct pool *pool, struct place *places)
{
	size_t looked = pool->n_waits < PLACES_MOST ? pool->n_waits : PLACES_MOST, n = 0, shown;
	int r = 0;

	for (size_t i = 0; i < looked && r == 0; i++)
		r = add_place(t, pool->waits[i], places, &n);
	shown = n > WAITS_SHOWN && !t->verbose ? WAITS_SHOWN : n;
	for (size_t i = 0; i < shown && r == 0; i++) {
		cleanup(str_releasep) struct str line = { 0 };
		/* Each of its stacks had so many, perhaps not at the same moment. */
		uint64_t most = places[i].at_once;

		if (pool->busy_max && most > pool->busy_max)
			most = pool->busy_max;
		r = str_printf(&line, "up to %s at once: %s", COUNT(most),
			       str_text(&places[i].words));
		if (r == 0)
			text_wrap(t, 4, 6, str_text(&line));
	}
	if (r == 0 && shown < n)
		fprintf(t->f, "    and %zu more places (-v shows them)\n", n - shown);
	return r;
}

static int print_pool(const struct text *t, const struct pool *pool)
{
	struct place places[PLACES_MOST + 1] = { 0 };
	cleanup(str_releasep) struct str s = { 0 };
	int r = pool_line(t, pool, &s);

	if (r)
		return r;
	text_wrap(t, 2, 4, str_text(&s));
	r = print_places(t, pool, places);
	for (size_t i = 0; i < PLACES_MOST + 1; i++)
		str_release(&places[i].words);
	return r;
}

int text_pools(const struct text *t)
{
	size_t shown = 0, unused = 0;
	int r = 0;

	for (size_t i = 0; i < t->p->n_pools && r == 0; i++) {
		const struct pool *pool = &t->p->pools[i];

		if ((!pool->busy_max || shown >= t->show) && !t->verbose) {
			unused++;
			continue;
		}
		if (!shown++) {
			fputc('\n', t->f);
			text_title(t, "  THREAD POOLS");
		}
		r = print_pool(t, pool);
	}
	if (r == 0 && shown && unused)
		fprintf(t->f, "  and %zu more pool%s (-v shows them)\n", unused,
			unused == 1 ? "" : "s");
	return r;
}
