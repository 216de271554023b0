/* text.c: the summary for people, its order and its head.
 *
 * Thirty seconds of reading for somebody who never saw the tool.  The parts are in text_*.c; here
 * is what the reader sees first.
 */
#include "output/text.h"

#include <errno.h>
#include <inttypes.h>

#include "output/units.h"

#define WIDTH_DEFAULT 100
#define WIDTH_LEAST   60 /* a table needs that much */
#define SHOW_DEFAULT  20

static int add_proc(struct str *s, const struct proc *proc)
{
	int r = str_printf(s, "pid %" PRIu32 " %s", proc->pid, proc->comm);

	if (r == 0 && *proc->runtime)
		r = str_printf(s, "  %s%s%s", proc->runtime, *proc->version ? " " : "",
			       proc->version);
	return r;
}

/* stallprof  pid 4242 uvicorn  python 3.11.2  30.0s  threshold 100ms  17 stalls */
static int head_line(const struct text *t, struct str *s)
{
	const struct profile *p = t->p;
	int r = str_add(s, "stallprof  ");

	if (r == 0 && p->n_procs == 1)
		r = add_proc(s, &p->procs[0]);
	else if (r == 0)
		r = str_printf(s, "%zu processes", p->n_procs);
	if (r == 0 && p->is_tasks)
		return str_printf(s, "  tasks at %.8s UTC", CLOCK(p->wall_ns));
	if (r == 0)
		r = str_printf(s, "  %s", DURATION(p->duration_ns));
	if (r == 0 && p->is_offcpu)
		return str_add(s, "  every wait of every thread (off-CPU)");
	if (r == 0)
		r = str_printf(s, "  threshold %s  %s stall%s", DURATION(p->threshold_ns),
			       COUNT(p->n_stalls), p->n_stalls == 1 ? "" : "s");
	return r;
}

int text_head(const struct text *t)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str s = { 0 };
	int r = head_line(t, &s);

	if (r)
		return r;
	text_title(t, str_text(&s));
	if (*p->incomplete) {
		str_clear(&s);
		r = str_printf(&s, "INCOMPLETE: %s", p->incomplete);
		if (r)
			return r;
		text_title(t, str_text(&s));
	}
	for (size_t i = 0; i < p->n_procs && p->n_procs > 1; i++) {
		str_clear(&s);
		r = add_proc(&s, &p->procs[i]);
		if (r)
			return r;
		text_wrap(t, 2, 4, str_text(&s));
	}
	return 0;
}

/* The whole text of a profile with loops. */
static int write_stalls(const struct text *t)
{
	int r = text_loops(t);

	if (r == 0)
		r = text_rows(t);
	if (r == 0)
		r = text_classes(t);
	if (r == 0)
		r = text_threads(t);
	if (r == 0)
		r = text_pools(t);
	if (r == 0)
		r = text_growth(t);
	return r ? r : text_churn(t);
}

int text_write(const struct profile *p, const struct writer_opts *o, FILE *f)
{
	static const struct writer_opts defaults;
	const struct writer_opts *use = o ? o : &defaults;
	struct text t = {
		.p = p,
		.f = f,
		.width = use->width ? use->width : WIDTH_DEFAULT,
		.show = use->show ? use->show : SHOW_DEFAULT,
		.color = use->color,
		.verbose = use->verbose,
		.tree = use->tree,
	};
	int r;

	if (t.width < WIDTH_LEAST)
		t.width = WIDTH_LEAST;
	r = paths_init(&t.paths, p);
	if (r == 0)
		r = text_head(&t);
	if (r == 0 && !p->is_tasks)
		r = p->is_offcpu ? text_offcpu(&t) : write_stalls(&t);
	if (r == 0)
		r = text_tasks(&t);
	if (r == 0)
		r = text_foot(&t);
	paths_release(&t.paths);
	return r ? r : writer_status(f);
}
