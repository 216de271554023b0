/* jsonl_summary.c: the records behind the stalls: summary and offcpu.
 *
 * Totals as the model sealed them, nothing is computed here.  Knows no single stall.
 */
#include <errno.h>

#include "output/json.h"
#include "output/words.h"

static json_t *pair(uint64_t bound, uint64_t count)
{
	json_t *list = json_array();
	int r = json_array_append_new(list, json_u64(bound));

	return json_checked(list, json_array_append_new(list, json_u64(count)) | r);
}

static int put_depth(json_t *o, const char *key, const struct depth *d)
{
	json_t *depth;
	int r;

	if (!d->n)
		return 0;
	depth = json_object();
	r = json_put(depth, "samples", json_u64(d->n));
	r |= json_put(depth, "first", json_u64(d->first));
	r |= json_put(depth, "last", json_u64(d->last));
	r |= json_put(depth, "min", json_u64(d->min));
	r |= json_put(depth, "max", json_u64(d->max));
	r |= json_put(depth, "mean", json_real(d->mean));
	return r | json_put(o, key, depth);
}

static int put_depths(json_t *o, const struct loop *loop)
{
	json_t *depths;
	int r;

	if (!loop->ready.n && !loop->scheduled.n && !loop->tasks.n)
		return 0;
	depths = json_object();
	r = put_depth(depths, "ready", &loop->ready);
	r |= put_depth(depths, "scheduled", &loop->scheduled);
	r |= put_depth(depths, "tasks", &loop->tasks);
	return r | json_put(o, "loop_depth", depths);
}

static json_t *loop_totals(const struct loop *loop)
{
	json_t *o = json_object(), *hist = json_array();
	int r = json_put(o, "tid", json_integer(loop->tid));

	r |= json_put(o, "kind", json_string(loop->kind));
	if (loop->fd >= 0)
		r |= json_put(o, "fd", json_integer(loop->fd));
	r |= json_put(o, "iterations", json_u64(loop->iterations));
	r |= json_put(o, "poll_ns", json_u64(loop->poll_ns));
	r |= json_put(o, "busy_ns", json_u64(loop->busy_ns));
	r |= json_put(o, "stalls", json_u64(loop->stalls));
	r |= json_put(o, "stalled_ns", json_u64(loop->stalled_ns));
	r |= json_put(o, "longest_ns", json_u64(loop->longest_ns));
	if (loop->longest_ns)
		r |= json_put(o, "longest_ts", json_ts(loop->longest_wall));
	for (size_t i = 0; i < loop->n_hist; i++)
		r |= json_array_append_new(hist, pair(loop->hist[i].bound_ns, loop->hist[i].count));
	r |= json_put(o, "hist_ns", hist);
	r |= put_depths(o, loop);
	return json_checked(o, r);
}

static json_t *row_object(const struct row *row)
{
	json_t *o = json_object();
	int r = json_put(o, "key", json_string(row->key));

	r |= json_put(o, "count", json_u64(row->count));
	r |= json_put(o, "sum_ns", json_u64(row->sum_ns));
	r |= json_put(o, "max_ns", json_u64(row->max_ns));
	r |= json_put(o, "why", json_why(&row->why));
	if (row->at)
		r |= json_put(o, "at", json_at(row->at));
	if (row->holder)
		r |= json_put(o, "holder", json_holder(NULL, row->holder));
	if (row->convoy)
		r |= json_put(o, "convoy", json_true());
	return json_checked(o, r);
}

static json_t *notes_list(const struct profile *p)
{
	json_t *list = json_array();
	int r = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < p->n_notes; i++) {
		const struct note *n = &p->notes[i];
		json_t *o = json_object();

		r |= json_put(o, "ts", json_ts(n->wall_ns));
		if (n->pid)
			r |= json_put(o, "pid", json_integer(n->pid));
		r |= json_put(o, "text", json_string(n->text));
		r |= json_array_append_new(list, o);
	}
	return json_checked(list, r);
}

/* The three counters of the contract are always there, others when something was lost. */
static json_t *lost_object(const struct profile *p)
{
	json_t *o = json_pack("{s:i, s:i, s:i}", "events", 0, "stacks", 0, "parts", 0);
	int r = o ? 0 : -ENOMEM;

	for (size_t i = 0; i < p->n_lost; i++)
		r |= json_put(o, p->lost[i].what, json_u64(p->lost[i].count));
	return json_checked(o, r);
}

/* Nothing for stacks that were walked by frame pointer only. */
static int put_native(json_t *record, const struct profile *p)
{
	json_t *o, *list;
	int r;

	if (!p->native_stacks && !p->unlined_stacks)
		return 0;
	o = json_object();
	list = json_array();
	r = json_put(o, "stacks", json_u64(p->native_stacks));
	for (size_t i = 0; i < p->n_gaps; i++) {
		const struct native_gap *g = &p->gaps[i];
		json_t *gap = json_object();

		r |= json_put(gap, "why", json_string(g->why));
		r |= json_put_text(gap, "module", g->module);
		r |= json_put(gap, "stacks", json_u64(g->stacks));
		r |= json_array_append_new(list, gap);
	}
	r |= json_put(o, "gaps", list);
	if (p->unlined_stacks)
		r |= json_put(o, "unlined", json_u64(p->unlined_stacks));
	return r | json_put(record, "native", o);
}

int jsonl_summary(const struct profile *p, FILE *f)
{
	json_t *record = json_record("summary"), *loops = json_array(), *rows = json_array();
	int r = json_put(record, "ts", json_ts(p->wall_ns + p->duration_ns));

	r |= json_put(record, "duration_ns", json_u64(p->duration_ns));
	for (size_t i = 0; i < p->n_loops; i++)
		r |= json_array_append_new(loops, loop_totals(&p->loops[i]));
	r |= json_put(record, "loops", loops);
	for (size_t i = 0; i < p->n_rows; i++)
		r |= json_array_append_new(rows, row_object(&p->rows[i]));
	r |= json_put(record, "rows", rows);
	r |= json_put(record, "lost", lost_object(p));
	r |= put_native(record, p);
	r |= json_put(record, "stalls", json_u64(p->n_stalls));
	r |= json_put(record, "stalled_ns", json_u64(p->stalled_ns));
	r |= json_put(record, "ns", json_class_ns(p->class_ns));
	r |= json_put(record, "notes", notes_list(p));
	r |= json_put_text(record, "incomplete", p->incomplete);
	return json_line(record, r, f);
}

static const char *by_name(enum offcpu_by by)
{
	return by == OFFCPU_BY_STACK ? "stack" : by == OFFCPU_BY_SYSCALL ? "syscall" : "thread";
}

static json_t *hist_list(const uint32_t hist[OFFCPU_HIST_BUCKETS])
{
	json_t *list = json_array();
	int r = list ? 0 : -ENOMEM;

	for (int i = 0; i < OFFCPU_HIST_BUCKETS; i++)
		if (hist[i])
			r |= json_array_append_new(list, pair(2ULL << i, hist[i]));
	return json_checked(list, r);
}

int jsonl_offcpu(const struct profile *p, const struct offcpu_row *row, FILE *f)
{
	json_t *record = json_record("offcpu");
	int r = json_put(record, "ts", json_ts(p->wall_ns + p->duration_ns));

	r |= json_put(record, "by", json_string(by_name(row->by)));
	if (row->proc >= 0 && (size_t)row->proc < p->n_procs)
		r |= json_put(record, "proc", json_proc(&p->procs[row->proc], 0));
	if (row->by == OFFCPU_BY_THREAD)
		r |= json_put(record, "thread",
			      json_pack("{s:i, s:s}", "tid", (int)row->tid, "comm", row->comm));
	r |= json_put(record, "class", json_string(class_name(row->klass)));
	r |= json_put_text(record, "syscall", row->syscall);
	if (row->target.kind != TARGET_NONE)
		r |= json_put(record, "target", json_target(&row->target));
	if (row->overflow)
		r |= json_put(record, "overflow", json_true());
	r |= json_put(record, "count", json_u64(row->count));
	r |= json_put(record, "sum_ns", json_u64(row->sum_ns));
	r |= json_put(record, "max_ns", json_u64(row->max_ns));
	r |= json_put(record, "hist_ns", hist_list(row->hist));
	if (row->stack >= 0)
		r |= json_put(record, "frames", json_frames(&p->stacks[row->stack]));
	return json_line(record, r, f);
}
