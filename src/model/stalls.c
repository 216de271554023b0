/* stalls.c: raw stalls to described ones, kept and handed out.
 *
 * Owns the life of struct stall: ended ones are kept until the model goes, reports of one that is
 * not over replace each other, and nothing of a loop is handed out before the loop is confirmed.
 */
#include "model/state.h"

#include <string.h>

void stall_rec_free(struct stall_rec *rec)
{
	if (!rec)
		return;
	free(rec->s.parts);
	free(rec->s.stacks);
	free(rec->s.holders);
	free(rec);
}
DEFINE_CLEANUP(struct stall_rec *, stall_rec_free)

static int describe(struct model *m, const struct event_stall *e, struct stall *s)
{
	int r = proc_find(m, e->head.tgid, &s->proc);

	r = r < 0 ? r : loop_of_stall(m, e, &s->loop);
	if (r < 0)
		return r;
	s->state = e->flags & STALL_ONGOING ? STALL_STATE_ONGOING : STALL_STATE_ENDED;
	s->clipped = e->flags & STALL_CLIPPED;
	s->wall_ns = model_wall(m, e->start);
	s->start_ns = e->start;
	s->dur_ns = e->ns;
	s->threshold_ns = e->threshold;
	s->iteration = e->iteration;
	s->parts_dropped = e->dropped;
	memcpy(s->ns, e->class_ns, sizeof(s->ns));
	r = parts_make(m, e, s);
	r = r < 0 ? r : explain_stall(m, e, s);
	if (r < 0)
		return r;
	running_of_stall(m, s);
	return holders_make(m, s);
}

/* Lines of its stacks may have come since. */
static void refresh(const struct model *m, struct stall_rec *rec)
{
	if (rec->relined == m->relined)
		return;
	rec->relined = m->relined;
	explain_place(m, &rec->s);
	holders_place(m, &rec->s);
}

static void hand_out(struct model *m, struct stall_rec *rec)
{
	struct profile *p = &m->profile;

	if (rec->delivered || !m->on_stall)
		return;
	if (m->loop_infos.items[rec->s.loop].confirmed != LOOP_CONFIRMED) {
		m->loop_infos.items[rec->s.loop].withheld = true;
		return;
	}
	rec->delivered = true;
	refresh(m, rec);
	p->procs = m->procs.items;
	p->n_procs = m->procs.count;
	p->loops = m->loops.items;
	p->n_loops = m->loops.count;
	p->stacks = m->stacks.items;
	p->n_stacks = m->stacks.count;
	p->wall_ns = model_wall(m, m->start_mono);
	m->on_stall(m->on_stall_ctx, p, &rec->s);
}

static struct open_node *open_find(struct model *m, uint64_t loop, uint64_t iteration)
{
	struct open_node *node, probe = { .key = { loop, iteration } };

	map_find(m->open, &probe.key, node);
	return node;
}

/* Frees a report that another one replaces, unless somebody may still hold it. */
static int outdate(struct model *m, struct open_node *node)
{
	if (node->rec && node->rec->delivered) {
		if (vec_add(&m->outdated, node->rec) < 0)
			return -ENOMEM;
	} else {
		stall_rec_free(node->rec);
	}
	node->rec = NULL;
	return 0;
}

static int feed_ongoing(struct model *m, struct stall_rec **rec)
{
	struct open_node *node = open_find(m, (*rec)->s.loop, (*rec)->s.iteration);
	int r;

	if (!node) {
		node = arena_alloc(&m->texts.arena, sizeof(*node));
		if (!node)
			return -ENOMEM;
		node->key.loop = (*rec)->s.loop;
		node->key.iteration = (*rec)->s.iteration;
		r = map_add(m->open, key, node);
		if (r < 0)
			return r;
	}
	r = outdate(m, node);
	if (r < 0)
		return r;
	node->rec = steal(*rec);
	hand_out(m, node->rec);
	return 0;
}

static int count(struct model *m, struct stall_rec *rec, bool kept)
{
	int r = tally_parts(m, &rec->s);

	if (r == 0 && !kept)
		r = tally_row(m, &rec->s, NULL);
	r = r < 0 ? r : loop_count_stall(m, &rec->s);
	if (r == 0)
		hand_out(m, rec);
	return r;
}

/* Puts a stall on the list, or over the limit only into the sums. */
static int keep(struct model *m, struct stall_rec **rec)
{
	/* Checked where it is added up: reports of the same open stall are added once. */
	if (!model_take_ns(m, (*rec)->s.dur_ns)) {
		m->bad_events++;
		return 0;
	}
	if (m->recs.count >= m->items_max) {
		m->lost_stalls++;
		return count(m, *rec, false);
	}
	/* On the list first: the rows keep its address. */
	if (vec_add(&m->recs, *rec) < 0)
		return -ENOMEM;
	return count(m, steal(*rec), true);
}

int stalls_feed(struct model *m, const struct event_stall *e)
{
	cleanup(stall_rec_freep) struct stall_rec *rec = calloc(1, sizeof(*rec));
	struct open_node *node;
	int r;

	if (!rec)
		return -ENOMEM;
	rec->relined = m->relined;
	r = describe(m, e, &rec->s);
	if (r < 0)
		return r;
	if (rec->s.state == STALL_STATE_ONGOING)
		return feed_ongoing(m, &rec);
	node = open_find(m, rec->s.loop, rec->s.iteration);
	if (node) {
		r = outdate(m, node);
		HASH_DEL(m->open, node);
		if (r < 0)
			return r;
	}
	return keep(m, &rec);
}

void stalls_deliver(struct model *m, int loop)
{
	struct open_node *node;

	if (!m->loop_infos.items[loop].withheld)
		return;
	m->loop_infos.items[loop].withheld = false;
	for (size_t i = 0; i < m->recs.count; i++)
		if (m->recs.items[i]->s.loop == loop)
			hand_out(m, m->recs.items[i]);
	for (node = m->open; node; node = node->hh.next)
		if (node->rec && node->rec->s.loop == loop)
			hand_out(m, node->rec);
}

int stalls_close_open(struct model *m)
{
	struct open_node *node;
	int r = 0;

	for (node = m->open; node; node = node->hh.next) {
		cleanup(stall_rec_freep) struct stall_rec *rec = node->rec;

		node->rec = NULL;
		if (r < 0 || !rec)
			continue;
		rec->delivered = true; /* as ongoing; sealing hands nothing out */
		r = keep(m, &rec);
	}
	return r;
}

int stalls_seal_rows(struct model *m)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->recs.count; i++) {
		refresh(m, m->recs.items[i]);
		r = tally_row(m, &m->recs.items[i]->s, m->recs.items[i]);
	}
	return r;
}
