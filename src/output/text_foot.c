/* text_foot.c: how far the figures can be trusted, and what to do next.
 *
 * Quality of the stacks, what this machine does not allow and the cure, notes, and what was lost;
 * "lost nothing" is said too.  Knows no stall by itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output/text.h"
#include "output/units.h"

#define NOTES_MOST 8
#define GAPS_MOST  4

struct quality_count {
	size_t full, partial, none;
};

static void count_quality(struct quality_count *q, enum quality quality)
{
	if (quality == QUALITY_FULL)
		q->full++;
	else if (quality == QUALITY_PARTIAL)
		q->partial++;
	else
		q->none++;
}

static int add_quality(struct str *s, const char *what, const struct quality_count *q)
{
	size_t all = q->full + q->partial + q->none;
	int r = 0;

	if (s->len)
		r = str_add(s, ", ");
	if (r)
		return r;
	if (q->full == all)
		return str_printf(s, "%s full", what);
	if (q->none == all)
		return str_printf(s, "no %s", what);
	r = str_printf(s, "%s full in %zu of %zu stalls", what, q->full, all);
	if (r == 0 && q->none)
		r = str_printf(s, " (none in %zu)", q->none);
	return r;
}

static const char *runtime_of(const struct profile *p, const struct stall *s)
{
	return s->proc >= 0 && (size_t)s->proc < p->n_procs ? p->procs[s->proc].runtime : "";
}

static int print_quality(const struct text *t)
{
	const struct profile *p = t->p;
	struct quality_count python = { 0 }, js = { 0 }, native = { 0 }, kernel = { 0 };
	cleanup(str_releasep) struct str s = { 0 };
	int r = 0;

	if (!p->n_stalls)
		return 0;
	for (size_t i = 0; i < p->n_stalls; i++) {
		const char *runtime = runtime_of(p, &p->stalls[i]);

		if (*runtime)
			count_quality(strcmp(runtime, "node") == 0 ? &js : &python,
				      p->stalls[i].python);
		count_quality(&native, p->stalls[i].native);
		count_quality(&kernel, p->stalls[i].kernel);
	}
	/* a program without Python lacks nothing */
	if (python.full || python.partial)
		r = add_quality(&s, "python", &python);
	if (r == 0 && (js.full || js.partial))
		r = add_quality(&s, "javascript", &js);
	if (r == 0)
		r = add_quality(&s, "native", &native);
	if (r == 0)
		r = add_quality(&s, "kernel", &kernel);
	if (r == 0)
		text_labelled(t, "stacks", str_text(&s));
	return r;
}

/* Which native stacks are not whole, and where the walk of them ended. */
static int print_gaps(const struct text *t)
{
	const struct profile *p = t->p;
	size_t shown = p->n_gaps > GAPS_MOST && !t->verbose ? GAPS_MOST : p->n_gaps;
	cleanup(str_releasep) struct str s = { 0 };
	uint64_t all = 0;
	int r;

	for (size_t i = 0; i < p->n_gaps; i++)
		all += p->gaps[i].stacks;
	if (!all)
		return 0;
	r = str_printf(&s, "%s of %s stacks not whole", COUNT(all), COUNT(p->native_stacks));
	for (size_t i = 0; i < shown && r == 0; i++) {
		const struct native_gap *g = &p->gaps[i];

		r = str_printf(&s, "%s %s%s%s%s", i ? "," : ":", g->why, *g->module ? " (" : "",
			       g->module, *g->module ? ")" : "");
		if (r == 0 && p->n_gaps > 1)
			r = str_printf(&s, " in %s", COUNT(g->stacks));
	}
	if (r == 0 && shown < p->n_gaps)
		r = str_printf(&s, ", and %zu more reasons", p->n_gaps - shown);
	if (r == 0)
		text_labelled(t, "native", str_text(&s));
	return r;
}

static int print_unlined(const struct text *t)
{
	cleanup(str_releasep) struct str s = { 0 };
	uint64_t n = t->p->unlined_stacks;
	int r;

	if (!n)
		return 0;
	r = str_printf(&s,
		       "%s stack%s may lack source lines: debug information was not read in time",
		       COUNT(n), n == 1 ? "" : "s");
	if (r == 0)
		text_labelled(t, "native", str_text(&s));
	return r;
}

static int print_hooks(const struct text *t)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str s = { 0 };
	int r = 0;

	for (size_t i = 0; i < p->n_hooks && r == 0; i++)
		r = str_printf(&s, "%s%s=%s", i ? "  " : "", p->hooks[i].need, p->hooks[i].rung);
	if (r == 0 && s.len)
		text_labelled(t, "hooks", str_text(&s));
	return r;
}

static int print_missing(const struct text *t)
{
	int r = 0;

	for (size_t i = 0; i < t->p->n_missing && r == 0; i++) {
		const struct missing *m = &t->p->missing[i];
		cleanup(str_releasep) struct str s = { 0 };

		r = str_add(&s, m->what);
		if (r == 0 && *m->why)
			r = str_printf(&s, ": %s", m->why);
		if (r == 0 && *m->cure)
			r = str_printf(&s, ". Cure: %s", m->cure);
		if (r == 0)
			text_labelled(t, "missing", str_text(&s));
	}
	return r;
}

static int print_notes(const struct text *t)
{
	const struct profile *p = t->p;
	size_t shown = p->n_notes > NOTES_MOST && !t->verbose ? NOTES_MOST : p->n_notes;
	int r = 0;

	for (size_t i = 0; i < shown && r == 0; i++) {
		cleanup(str_releasep) struct str s = { 0 };

		r = str_printf(&s, "%s %s", CLOCK(p->notes[i].wall_ns), p->notes[i].text);
		if (r == 0)
			text_labelled(t, "note", str_text(&s));
	}
	if (r == 0 && shown < p->n_notes)
		fprintf(t->f, "  %-7s and %zu more notes (-v shows them)\n", "note",
			p->n_notes - shown);
	return r;
}

static int print_lost(const struct text *t)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str s = { 0 };
	int r = 0;

	for (size_t i = 0; i < p->n_lost && r == 0; i++)
		r = str_printf(&s, "%s%s %s", i ? ", " : "", COUNT(p->lost[i].count),
			       p->lost[i].what);
	if (r == 0)
		text_labelled(t, "lost", p->n_lost ? str_text(&s) : "nothing");
	return r;
}

/* Which machine and when: a report is often read elsewhere. */
static int print_origin(const struct text *t)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str s = { 0 };
	int r = str_printf(&s, "%.19sZ", RFC3339(p->wall_ns));

	if (r == 0 && *p->host)
		r = str_printf(&s, " on %s", p->host);
	if (r == 0 && *p->kernel)
		r = str_printf(&s, ", kernel %s", p->kernel);
	if (r == 0 && *p->version)
		r = str_printf(&s, ", stallprof %s", p->version);
	if (r == 0)
		text_labelled(t, "taken", str_text(&s));
	return r;
}

/* The chain of a task that runs is not whole in any object: its thread's stack is needed. */
static const struct task_list *running_list(const struct profile *p)
{
	for (size_t i = 0; i < p->n_task_lists; i++)
		for (size_t k = 0; k < p->task_lists[i].n_tasks; k++)
			if (p->task_lists[i].tasks[k].state == TASK_RUNNING)
				return &p->task_lists[i];
	return NULL;
}

static int print_next(const struct text *t)
{
	const struct task_list *list = t->p->is_tasks ? running_list(t->p) : NULL;
	cleanup(str_releasep) struct str s = { 0 };
	int r = 0;

	if (list)
		r = str_printf(&s,
			       "stallprof -p %" PRIu32 " says where a task is that keeps running",
			       t->p->procs[list->proc].pid);
	else if (!t->verbose && (t->p->n_rows || t->p->n_offcpu))
		r = str_add(&s, "-v adds the stacks; -o out.svg draws them as a flame graph");
	if (r == 0 && s.len)
		text_labelled(t, "next", str_text(&s));
	return r;
}

int text_foot(const struct text *t)
{
	int r = print_quality(t);

	if (r == 0)
		r = print_gaps(t);
	if (r == 0)
		r = print_unlined(t);
	if (r == 0 && t->verbose)
		r = print_hooks(t);
	if (r == 0)
		r = print_missing(t);
	if (r == 0)
		r = print_notes(t);
	if (r == 0)
		r = print_lost(t);
	if (r == 0)
		r = print_origin(t);
	return r ? r : print_next(t);
}
