/* text_pools.c: pools of worker threads: how busy, how long exhausted, and what their workers wait
 * in.
 *
 * All of it was sampled, and the interval is said.  Knows no loops.
 */
#include <errno.h>
#include <inttypes.h>

#include "output/text.h"
#include "output/units.h"

#define WAITS_SHOWN 3

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

/* up to 30 at once: waits on tcp 10.0.0.9:9000 (recvfrom) in db.py:31 query */
static int print_wait(const struct text *t, const struct thread_row *row)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = str_printf(&s, "up to %s at once: ", COUNT(row->at_once));

	r = r ? r : text_wait(&s, row);
	if (r == 0 && (row->at || row->leaf))
		r = str_add(&s, " at ");
	r = r ? r : place_words(&s, &t->paths, row->at, row->leaf);
	if (r == 0)
		text_wrap(t, 4, 6, str_text(&s));
	return r;
}

static int print_pool(const struct text *t, const struct pool *pool)
{
	size_t shown = pool->n_waits;
	cleanup(str_releasep) struct str s = { 0 };
	int r = pool_line(t, pool, &s);

	if (r)
		return r;
	text_wrap(t, 2, 4, str_text(&s));
	if (shown > WAITS_SHOWN && !t->verbose)
		shown = WAITS_SHOWN;
	for (size_t i = 0; i < shown && r == 0; i++)
		r = print_wait(t, pool->waits[i]);
	if (r == 0 && shown < pool->n_waits)
		fprintf(t->f, "    and %zu more places (-v shows them)\n", pool->n_waits - shown);
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
