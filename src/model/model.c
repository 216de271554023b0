/* model.c: takes chunks in and gives the profile out; see model.h.
 *
 * Owns the life of struct model and the order of sealing.  What a chunk means is told by the file
 * that owns the matter: facts, stacks, events, loops, stalls.
 */
#include "model/state.h"

static int sink_put(struct chunk_sink *sink, const struct chunk *chunk)
{
	return model_feed((struct model *)sink, chunk);
}

int model_new(struct model **ret_model)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->sink.put = sink_put;
	m->items_max = MODEL_ITEMS_MAX;
	m->profile.version = m->profile.kernel = m->profile.host = m->profile.incomplete = "";
	*ret_model = m;
	return 0;
}

static void release_stalls(struct model *m)
{
	struct open_node *node;

	for (node = m->open; node; node = node->hh.next) {
		stall_rec_free(node->rec);
	}
	for (size_t i = 0; i < m->recs.count; i++)
		stall_rec_free(m->recs.items[i]);
	for (size_t i = 0; i < m->outdated.count; i++)
		stall_rec_free(m->outdated.items[i]);
	map_clear(m->open);
	vec_release(&m->recs);
	vec_release(&m->outdated);
}

static void release_loops(struct model *m)
{
	for (size_t i = 0; i < m->loop_infos.count; i++)
		vec_release(&m->loop_infos.items[i].lengths);
	vec_release(&m->loop_infos);
	vec_release(&m->loops);
}

static void release_threads(struct model *m)
{
	for (struct pool_node *node = m->pool_nodes; node; node = node->hh.next)
		vec_release(&node->workers);
	for (struct growth_node *node = m->growth_nodes; node; node = node->hh.next) {
		vec_release(&node->counts);
		vec_release(&node->made);
		vec_release(&node->loops);
	}
	map_clear(m->pool_nodes);
	map_clear(m->thread_nodes);
	map_clear(m->growth_nodes);
	vec_release(&m->pools);
	vec_release(&m->threads);
	vec_release(&m->growth);
	vec_release(&m->churn);
	vec_release(&m->gaps);
}

void model_free(struct model *m)
{
	if (!m)
		return;
	release_stalls(m);
	release_loops(m);
	release_threads(m);
	map_clear(m->proc_by_pid);
	map_clear(m->loop_by_number);
	map_clear(m->stack_by_hash);
	map_clear(m->row_nodes);
	map_clear(m->sample_nodes);
	map_clear(m->paths);
	map_clear(m->peers);
	map_clear(m->thread_names);
	map_clear(m->running);
	map_clear(m->module_by_number);
	vec_release(&m->module_build_ids);
	vec_release(&m->procs);
	vec_release(&m->proc_infos);
	vec_release(&m->stacks);
	vec_release(&m->stack_infos);
	vec_release(&m->offcpu);
	vec_release(&m->hooks);
	vec_release(&m->missing);
	vec_release(&m->notes);
	vec_release(&m->lost);
	vec_release(&m->task_lists);
	vec_release(&m->stalls);
	vec_release(&m->rows);
	vec_release(&m->samples);
	vec_release(&m->shown_notes);
	intern_release(&m->texts);
	free(m);
}

static int feed(struct model *m, const struct chunk *chunk)
{
	switch (chunk->kind) {
	case CHUNK_EVENT:
		return events_feed(m, chunk);
	case CHUNK_STACK_NAMES:
		return stacks_feed_names(m, chunk);
	case CHUNK_LOOP_KIND:
		return loops_feed_kind(m, chunk);
	case CHUNK_TASKS:
		return tasks_feed(m, chunk);
	default:
		return facts_feed(m, chunk);
	}
}

int model_feed(struct model *m, const struct chunk *chunk)
{
	int r;

	if (m->sealed)
		return 0;
	r = feed(m, chunk);
	/* Half a chunk may have been taken in: what stands there need not add up any more. */
	if (r < 0)
		m->failed = true;
	return r;
}

void model_on_stall(struct model *m, model_stall_fn fn, void *ctx)
{
	m->on_stall = fn;
	m->on_stall_ctx = ctx;
}

struct chunk_sink *model_sink(struct model *m)
{
	return &m->sink;
}
