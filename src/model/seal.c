/* seal.c: the last step from what was fed to a profile that nobody changes any more.
 *
 * Owns the order of the steps: loops decide which stalls are shown, stalls which rows and samples.
 */
#include "model/state.h"

#include <string.h>

static int by_start(const void *a, const void *b)
{
	const struct stall *x = &(*(struct stall_rec *const *)a)->s;
	const struct stall *y = &(*(struct stall_rec *const *)b)->s;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->loop != y->loop)
		return x->loop < y->loop ? -1 : 1;
	if (x->iteration != y->iteration)
		return x->iteration < y->iteration ? -1 : 1;
	return (x->dur_ns > y->dur_ns) - (x->dur_ns < y->dur_ns);
}

/* What user space told only after the stall. */
static void complete_stall(const struct model *m, struct stall *s)
{
	holders_seal(m, s);
	if (!*s->task)
		running_of_stall(m, s);
}

/* Loops are still the old indexes here, so that equal starts sort alike however loops do. */
static int seal_stalls(struct model *m, const int *new_loop)
{
	if (m->recs.count)
		qsort(m->recs.items, m->recs.count, sizeof(m->recs.items[0]), by_start);
	for (size_t i = 0; i < m->recs.count; i++) {
		struct stall_rec *rec = m->recs.items[i];
		struct stall s;

		complete_stall(m, &rec->s);
		s = rec->s;
		rec->index = -1;
		s.loop = new_loop[s.loop];
		if (s.loop < 0)
			continue;
		rec->index = m->stalls.count;
		if (vec_add(&m->stalls, s) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_note(struct model *m, uint64_t ts, uint32_t pid, const char *text)
{
	if (!text)
		return -ENOMEM;
	return vec_add(&m->notes, { ts, pid, text });
}

static int note_replaced(struct model *m)
{
	int r = 0;

	for (size_t i = 0; i < m->notes.count; i++) {
		int proc = index_find(m->proc_by_pid, m->notes.items[i].pid);

		if (proc >= 0)
			m->proc_infos.items[proc].noted = true;
	}
	for (size_t i = 0; i < m->procs.count && r == 0; i++) {
		const struct proc *p = &m->procs.items[i];

		if (m->proc_infos.items[i].replaced && !m->proc_infos.items[i].noted)
			r = add_note(m, m->last_ts, p->pid,
				     intern_printf(&m->texts, "process %u now runs %s", p->pid,
						   *p->exe ? p->exe : p->comm));
	}
	return r;
}

/* Must run before loops_seal, which forgets the loops that are not shown. */
static int note_tentative(struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->loops.count; i++)
		if (m->loops.items[i].proc >= 0 && !loop_is_shown(m, i) &&
		    m->loop_infos.items[i].confirmed == LOOP_TENTATIVE)
			n++;
	if (n == 0)
		return 0;
	if (n == 1)
		return add_note(m, m->last_ts, 0,
				"1 thread that polls looked like a loop but was not confirmed");
	return add_note(
		m, m->last_ts, 0,
		intern_printf(&m->texts,
			      "%zu threads that poll looked like loops but were not confirmed", n));
}

static int seal_notes(struct model *m)
{
	for (size_t i = 0; i < m->notes.count; i++) {
		const struct note_raw *n = &m->notes.items[i];

		if (vec_add(&m->shown_notes, { model_wall(m, n->ts), n->pid, n->text }) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_lost(struct model *m, const char *what, uint64_t count)
{
	for (size_t i = 0; i < m->lost.count; i++)
		if (!strcmp(m->lost.items[i].what, what)) {
			m->lost.items[i].count += count;
			return 0;
		}
	return count ? vec_add(&m->lost, { what, count }) : 0;
}

static int seal_lost(struct model *m)
{
	size_t kept = 0;
	int r;

	r = add_lost(m, "bad events", m->bad_events);
	r = r < 0 ? r : add_lost(m, "stalls", m->lost_stalls);
	r = r < 0 ? r : add_lost(m, "items", m->lost_items);
	for (size_t i = 0; i < m->lost.count; i++)
		if (m->lost.items[i].count)
			m->lost.items[kept++] = m->lost.items[i];
	m->lost.count = kept;
	return r;
}

static void seal_sums(struct model *m)
{
	struct profile *p = &m->profile;
	uint64_t end = m->end_ts ? m->end_ts : m->last_ts;

	p->wall_ns = model_wall(m, m->start_mono);
	p->duration_ns = end > m->start_mono ? end - m->start_mono : 0;
	for (size_t i = 0; i < m->samples.count; i++) {
		p->stalled_ns += m->samples.items[i].ns;
		p->stalled_us += m->samples.items[i].us;
		p->class_ns[m->samples.items[i].klass] += m->samples.items[i].ns;
	}
	for (size_t i = 0; i < m->rows.count; i++)
		m->rows.items[i].share = p->stalled_ns
						 ? (double)m->rows.items[i].sum_ns / p->stalled_ns
						 : 0;
}

static void publish(struct model *m)
{
	struct profile *p = &m->profile;

#define PUBLISH(name, vec) (p->n_##name = m->vec.count, p->name = m->vec.items)
	PUBLISH(procs, procs);
	PUBLISH(loops, loops);
	PUBLISH(stacks, stacks);
	PUBLISH(stalls, stalls);
	PUBLISH(rows, rows);
	PUBLISH(samples, samples);
	PUBLISH(hooks, hooks);
	PUBLISH(missing, missing);
	PUBLISH(notes, shown_notes);
	PUBLISH(lost, lost);
	PUBLISH(offcpu, offcpu);
	PUBLISH(task_lists, task_lists);
	PUBLISH(pools, pools);
	PUBLISH(threads, threads);
	PUBLISH(growth, growth);
	PUBLISH(churn, churn);
	PUBLISH(gaps, gaps);
#undef PUBLISH
}

const struct profile *model_seal(struct model *m, const char *incomplete)
{
	_cleanup_free_ int *new_loop = NULL;
	int r;

	if (m->failed)
		return NULL;
	if (m->sealed)
		return &m->profile;
	m->sealed = true;
	m->failed = true; /* until all of it is done */
	m->profile.incomplete = intern_printable(&m->texts, incomplete, strlen(incomplete));
	if (!m->profile.incomplete)
		return NULL;
	r = stalls_close_open(m);
	new_loop = calloc(m->loops.count + 1, sizeof(*new_loop));
	if (r < 0 || !new_loop)
		return NULL;
	r = stalls_seal_rows(m);
	r = r < 0 ? r : note_tentative(m);
	r = r < 0 ? r : note_replaced(m);
	/* Rows and samples ask which loops are shown by their old indexes. */
	r = r < 0 ? r : tally_seal_samples(m);
	r = r < 0 ? r : loops_seal(m, new_loop);
	r = r < 0 ? r : seal_stalls(m, new_loop);
	r = r < 0 ? r : tally_seal_rows(m, new_loop);
	r = r < 0 ? r : offcpu_seal(m);
	r = r < 0 ? r : pools_seal(m);
	r = r < 0 ? r : threads_seal(m);
	r = r < 0 ? r : pools_seal_waits(m);
	r = r < 0 ? r : growth_seal(m);
	r = r < 0 ? r : gaps_seal(m);
	r = r < 0 ? r : seal_notes(m);
	r = r < 0 ? r : seal_lost(m);
	if (r < 0)
		return NULL;
	m->failed = false;
	seal_sums(m);
	publish(m);
	return &m->profile;
}
