/* jsonl_threads.c: the records about threads at large: pool, threads and churn.
 *
 * Totals as the model sealed them, nothing is computed here.  Knows no stall.
 */
#include <errno.h>

#include "output/by_proc.h"
#include "output/json.h"
#include "output/words.h"

static json_t *start(const struct profile *p, const char *type, int proc, int *ret_failed)
{
	json_t *record = json_record(type);

	*ret_failed = json_put(record, "ts", json_ts(p->wall_ns + p->duration_ns));
	*ret_failed |= json_put(record, "proc", json_proc(&p->procs[proc], 0));
	return record;
}

/* Where a thread was seen to wait; `stacks` of the record gets its stack. */
static json_t *wait_object(const struct profile *p, const struct thread_row *row, json_t *stacks)
{
	json_t *o = json_object(), *stack;
	int r = json_put(o, "weight_ns", json_u64(row->ns));

	r |= json_put(o, "samples", json_u64(row->samples));
	r |= json_put(o, "at_once", json_integer(row->at_once));
	r |= json_put_text(o, "group", row->group);
	if (row->idle)
		r |= json_put(o, "idle", json_true());
	r |= json_put(o, "class", json_string(class_name(row->klass)));
	r |= json_put_text(o, "syscall", row->syscall);
	if (row->target.kind != TARGET_NONE)
		r |= json_put(o, "target", json_target(&row->target));
	if (row->at)
		r |= json_put(o, "at", json_at(row->at));
	if (row->stack < 0)
		return json_checked(o, r);
	r |= json_put(o, "stack", json_integer(json_array_size(stacks)));
	stack = json_object();
	r |= json_put(stack, "weight_ns", json_u64(row->ns));
	r |= json_put(stack, "frames", json_frames(&p->stacks[row->stack]));
	r |= json_array_append_new(stacks, stack);
	return json_checked(o, r);
}

/* Two lists of the same order: which thread, and how long it was busy. */
static int put_workers(json_t *record, const struct pool *pool)
{
	json_t *tids = json_array(), *busy = json_array();
	int r = json_put(record, "tids", tids);

	r |= json_put(record, "busy_ns", busy);
	for (size_t i = 0; i < pool->n_workers && r == 0; i++) {
		r |= json_array_append_new(tids, json_integer(pool->workers[i].tid));
		r |= json_array_append_new(busy, json_u64(pool->workers[i].busy_ns));
	}
	return r;
}

static int write_pool(const struct profile *p, const struct pool *pool, FILE *f)
{
	json_t *waits = json_array(), *stacks = json_array();
	int r;
	json_t *record = start(p, "pool", pool->proc, &r);

	r |= json_put(record, "name", json_string(pool->name));
	r |= json_put(record, "kind", json_string(pool->kind));
	r |= json_put(record, "threads", json_integer(pool->threads));
	r |= json_put(record, "threads_max", json_integer(pool->threads_max));
	if (pool->max)
		r |= json_put(record, "max", json_integer(pool->max));
	r |= put_workers(record, pool);
	r |= json_put(record, "busy_max", json_integer(pool->busy_max));
	r |= json_put(record, "exhausted_ns", json_u64(pool->exhausted_ns));
	r |= json_put(record, "exhausted_longest_ns", json_u64(pool->exhausted_longest_ns));
	r |= json_put(record, "queue_wait_max_ns", json_u64(pool->queue_wait_max_ns));
	r |= json_put(record, "queued_max", json_integer(pool->queued_max));
	r |= json_put(record, "observed_ns", json_u64(pool->observed_ns));
	r |= json_put(record, "samples", json_u64(pool->samples));
	for (size_t i = 0; i < pool->n_waits; i++)
		r |= json_array_append_new(waits, wait_object(p, pool->waits[i], stacks));
	r |= json_put(record, "waits", waits);
	r |= json_put(record, "stacks", stacks);
	return json_line(record, r, f);
}

static json_t *made_list(const struct profile *p, const struct stack_count *stacks, size_t n)
{
	json_t *list = json_array();
	int r = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		r |= json_put(o, "count", json_u64(stacks[i].count));
		if (stacks[i].at)
			r |= json_put(o, "at", json_at(stacks[i].at));
		if (stacks[i].stack >= 0)
			r |= json_put(o, "frames", json_frames(&p->stacks[stacks[i].stack]));
		r |= json_array_append_new(list, o);
	}
	return json_checked(list, r);
}

static int write_churn(const struct profile *p, const struct churn *churn, FILE *f)
{
	json_t *lifetime;
	int r;
	json_t *record = start(p, "churn", churn->proc, &r);

	r |= json_put(record, "loops_created", json_u64(churn->made));
	r |= json_put(record, "alive", json_u64(churn->alive));
	r |= json_put(record, "alive_max", json_u64(churn->alive_max));
	lifetime = json_object();
	r |= json_put(lifetime, "count", json_u64(churn->lifetimes));
	r |= json_put(lifetime, "mean", json_u64(churn->lifetime_mean_ns));
	r |= json_put(lifetime, "max", json_u64(churn->lifetime_max_ns));
	r |= json_put(record, "lifetime_ns", lifetime);
	r |= json_put(record, "stacks", made_list(p, churn->stacks, churn->n_stacks));
	return json_line(record, r, f);
}

static int put_growth(json_t *record, const struct profile *p, const struct thread_growth *g)
{
	json_t *counts = json_array();
	int r = counts ? 0 : -ENOMEM;

	if (g->n_counts) {
		r |= json_put(record, "first", json_integer(g->first));
		r |= json_put(record, "last", json_integer(g->last));
		r |= json_put(record, "max", json_integer(g->max));
	}
	r |= json_put(record, "made", json_u64(g->made));
	for (size_t i = 0; i < g->n_counts; i++) {
		json_t *o = json_object();

		r |= json_put(o, "ts", json_ts(g->counts[i].wall_ns));
		r |= json_put(o, "threads", json_integer(g->counts[i].threads));
		r |= json_array_append_new(counts, o);
	}
	r |= json_put(record, "counts", counts);
	return r | json_put(record, "made_from", made_list(p, g->stacks, g->n_stacks));
}

/* One for each process of which anything is known; `growth` and `rows`: what is of which. */
static int write_threads(const struct profile *p, int proc, const struct by_proc *growth,
			 const struct by_proc *rows, FILE *f)
{
	json_t *waits, *stacks, *record;
	int r;

	if (growth->first[proc] < 0 && rows->first[proc] < 0)
		return 0;
	waits = json_array();
	stacks = json_array();
	record = start(p, "threads", proc, &r);
	if (growth->first[proc] >= 0)
		r |= put_growth(record, p, &p->growth[growth->first[proc]]);
	for (int i = rows->first[proc]; i >= 0; i = rows->next[i])
		r |= json_array_append_new(waits, wait_object(p, &p->threads[i], stacks));
	r |= json_put(record, "waits", waits);
	r |= json_put(record, "stacks", stacks);
	return json_line(record, r, f);
}

int jsonl_threads(const struct profile *p, FILE *f)
{
	cleanup(by_proc_release) struct by_proc growth = { 0 }, rows = { 0 };
	int r = BY_PROC_INIT(&growth, p->n_procs, p->growth, p->n_growth);

	r = r ? r : BY_PROC_INIT(&rows, p->n_procs, p->threads, p->n_threads);

	for (size_t i = 0; i < p->n_pools && r == 0; i++)
		r = write_pool(p, &p->pools[i], f);
	for (size_t i = 0; i < p->n_procs && r == 0; i++)
		r = write_threads(p, (int)i, &growth, &rows, f);
	for (size_t i = 0; i < p->n_churn && r == 0; i++)
		r = write_churn(p, &p->churn[i], f);
	return r;
}
