/* fixtures.c: profiles made by hand for the tests of the writers.
 *
 * Each fixture describes its stalls; the sums, rows and samples that the model would make of them
 * are made here in the plainest way.  Numbers are round where that helps reading and odd where
 * rounding matters.
 */
#include "tests/golden/fixtures.h"

#include <stdio.h>
#include <string.h>

#define MS	   1000000ULL
#define S	   (1000 * MS)
#define WALL	   1795262441000000000ULL /* 2026-11-21 12:00:41 UTC */
#define MONO	   (5000 * S)
#define STALLS	   16
#define COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

#define NO_TARGET \
	{ \
		.fd = -1, .path = "", .local = "", .peer = "", .comm = "", .text = "", .group = "" \
	}

/* What a fixture says about one stall: a main part with its stack, and time on CPU around it. */
struct plan {
	const char *key, *syscall, *tip;
	enum stall_class klass;
	uint64_t at_ns; /* since the start of the watch */
	uint64_t main_ns, cpu_ns, runqueue_ns, unexplained_ns;
	struct target target;
	int stack, loop, at, leaf; /* indexes; at and leaf in the stack, -1: none */
	bool ongoing, clipped;
};

/* A profile with the storage behind it. */
struct built {
	struct profile p;
	struct stall stalls[STALLS];
	struct part parts[STALLS][2];
	struct stall_stack weights[STALLS];
	struct row rows[STALLS];
	struct sample samples[4 * STALLS];
	uint64_t sampled_ns;
};

static void add_sample(struct built *b, int stack, enum stall_class klass, const char *tip,
		       uint64_t ns)
{
	uint64_t before = (b->sampled_ns + 500) / 1000;

	if (!ns)
		return;
	b->sampled_ns += ns;
	b->samples[b->p.n_samples++] = (struct sample){
		.stack = stack,
		.klass = klass,
		.tip = tip,
		.ns = ns,
		.us = (b->sampled_ns + 500) / 1000 - before,
	};
}

static void add_parts(struct built *b, struct stall *s, const struct plan *plan)
{
	size_t i = (size_t)(s - b->stalls);
	struct part *part = b->parts[i];
	bool on_cpu = plan->klass == CLASS_CPU;

	part[0] = (struct part){
		.at_ns = plan->cpu_ns / 2,
		.dur_ns = plan->main_ns,
		.count = on_cpu ? 41 : 1,
		.klass = plan->klass,
		.syscall = plan->syscall,
		.target = plan->target,
		.stack = plan->stack,
		.flags = on_cpu		 ? PART_SAMPLED
			 : plan->ongoing ? PART_OPEN
					 : 0,
		.episodes = 1,
		.owner = { .name = "", .stack = -1 },
	};
	s->parts = part;
	s->n_parts = 1;
	if (plan->stack >= 0) {
		b->weights[i] = (struct stall_stack){ plan->stack, plan->main_ns };
		s->stacks = &b->weights[i];
		s->n_stacks = 1;
	}
}

static void add_row(struct built *b, const struct stall *s, int index)
{
	struct row *row = b->rows;

	while (row < b->rows + b->p.n_rows && strcmp(row->key, s->key) != 0)
		row++;
	if (row == b->rows + b->p.n_rows) {
		b->p.n_rows++;
		row->key = s->key;
	}
	row->count++;
	row->sum_ns += s->dur_ns;
	if (s->dur_ns <= row->max_ns)
		return;
	row->max_ns = s->dur_ns;
	row->why = s->why;
	row->at = s->at;
	row->leaf = s->leaf;
	row->longest = index;
}

static void add_stall(struct built *b, const struct plan *plan)
{
	int index = (int)b->p.n_stalls++;
	struct stall *s = &b->stalls[index];
	const struct stack *stack = plan->stack >= 0 ? &b->p.stacks[plan->stack] : NULL;

	snprintf(s->id, sizeof(s->id), "a1f%x", index);
	snprintf(s->key, sizeof(s->key), "%s", plan->key);
	s->state = plan->ongoing ? STALL_STATE_ONGOING : STALL_STATE_ENDED;
	s->clipped = plan->clipped;
	s->loop = plan->loop;
	s->wall_ns = WALL + plan->at_ns;
	s->start_ns = MONO + plan->at_ns;
	s->threshold_ns = b->p.threshold_ns;
	s->iteration = 100 + 7 * (uint64_t)index;
	s->ns[plan->klass] += plan->main_ns;
	s->ns[CLASS_CPU] += plan->cpu_ns;
	s->ns[CLASS_RUNQUEUE] += plan->runqueue_ns;
	s->ns[CLASS_UNEXPLAINED] += plan->unexplained_ns;
	s->dur_ns = plan->main_ns + plan->cpu_ns + plan->runqueue_ns + plan->unexplained_ns;
	s->why = (struct why){ plan->klass, (double)plan->main_ns / (double)s->dur_ns,
			       plan->syscall, plan->target };
	s->at = stack && plan->at >= 0 ? &stack->frames[plan->at] : NULL;
	s->leaf = stack && plan->leaf >= 0 ? &stack->frames[plan->leaf] : NULL;
	s->task = s->coro = "";
	s->python = s->leaf ? QUALITY_FULL : QUALITY_NONE;
	s->native = stack ? index % 3 == 1 ? QUALITY_PARTIAL : QUALITY_FULL : QUALITY_NONE;
	s->kernel = stack ? QUALITY_FULL : QUALITY_NONE;
	add_parts(b, s, plan);
	add_row(b, s, index);
	add_sample(b, plan->stack, plan->klass, plan->tip, plan->main_ns);
	add_sample(b, -1, CLASS_CPU, "[cpu]", plan->cpu_ns);
	add_sample(b, -1, CLASS_RUNQUEUE, "[runqueue]", plan->runqueue_ns);
	add_sample(b, -1, CLASS_UNEXPLAINED, "[unexplained]", plan->unexplained_ns);
}

/* Totals and orders, once all stalls are in. */
static void seal(struct built *b)
{
	struct profile *p = &b->p;

	for (size_t i = 0; i < p->n_stalls; i++) {
		const struct stall *s = &b->stalls[i];
		struct loop *loop = &p->loops[s->loop];

		p->stalled_ns += s->dur_ns;
		loop->stalls++;
		loop->stalled_ns += s->dur_ns;
		if (s->dur_ns > loop->longest_ns) {
			loop->longest_ns = loop->max_ns = loop->p99_ns = s->dur_ns;
			loop->longest_wall = s->wall_ns;
		}
		for (int c = 0; c < CLASS_COUNT; c++)
			p->class_ns[c] += s->ns[c];
	}
	for (size_t i = 0; i < p->n_samples; i++)
		p->stalled_us += b->samples[i].us;
	for (size_t i = 1; i < p->n_rows; i++)
		for (size_t k = i; k > 0 && b->rows[k].sum_ns > b->rows[k - 1].sum_ns; k--) {
			struct row swap = b->rows[k];

			b->rows[k] = b->rows[k - 1];
			b->rows[k - 1] = swap;
		}
	for (size_t i = 0; i < p->n_rows; i++)
		b->rows[i].share = (double)b->rows[i].sum_ns / (double)p->stalled_ns;
	p->stalls = b->stalls;
	p->rows = b->rows;
	p->samples = b->samples;
}

#include "tests/golden/fixtures_demo.inc"
#include "tests/golden/fixtures_more.inc"
#include "tests/golden/fixtures_tasks.inc"
#include "tests/golden/fixtures_made.inc"
#include "tests/golden/fixtures_late.inc"

static const struct {
	const char *name;
	const struct profile *(*build)(void);
} fixtures[] = {
	{ "tasks", build_tasks },   { "no-tasks", build_no_tasks }, { "demo", build_demo },
	{ "empty", build_empty },   { "healthy", build_healthy },   { "hostile", build_hostile },
	{ "offcpu", build_offcpu }, { "gil", build_gil },	    { "pools", build_pools },
	{ "noloop", build_noloop }, { "lies", build_lies },	    { "late", build_late },
};

const char *fixture_name(unsigned index)
{
	return index < COUNTOF(fixtures) ? fixtures[index].name : NULL;
}

const struct profile *fixture_find(const char *name)
{
	static const struct profile *ready[COUNTOF(fixtures)];

	for (size_t i = 0; i < COUNTOF(fixtures); i++) {
		if (strcmp(fixtures[i].name, name) != 0)
			continue;
		if (!ready[i])
			ready[i] = fixtures[i].build();
		return ready[i];
	}
	return NULL;
}
