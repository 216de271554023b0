/* made_sums.c: see made_sums.h. */
#include "capture/made_sums.h"

static void stack_add(struct made_stacks *s, uint64_t stack, uint64_t names)
{
	if (!stack)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].stack == stack || (names && s->items[i].names == names)) {
			s->items[i].count++;
			s->sum++;
			return;
		}
	if (s->count < MADE_STACKS_MAX && vec_add(s, { stack, 1, names }) == 0)
		s->sum++;
}

/* Threads and files that are made while this is asked are not told yet. */
static uint64_t stacks_unknown(const struct made_stacks *s)
{
	return s->total > s->sum ? s->total - s->sum : 0;
}

void made_thread(struct made_by *m, const struct event_thread *e, uint64_t names)
{
	stack_add(&m->threads, e->stack, names);
}

static struct made_open *open_find(struct made_by *m, uint32_t tid)
{
	for (size_t i = 0; i < m->open.count; i++)
		if (m->open.items[i].tid == tid)
			return &m->open.items[i];
	return NULL;
}

static void lifetime_add(struct made_by *m, const struct made_open *o, uint64_t last_poll)
{
	uint64_t ns = last_poll - o->at;

	if (o->unsure || last_poll <= o->at)
		return;
	m->lifetimes++;
	m->lifetime_sum_ns += ns;
	if (ns > m->lifetime_max_ns)
		m->lifetime_max_ns = ns;
}

void made_epoll(struct made_by *m, const struct event_made *e, uint64_t names)
{
	struct made_open *o = open_find(m, e->head.tid);
	struct made_open fresh = { e->head.tid, false, e->head.ts, e->number };

	stack_add(&m->epolls, e->stack, names);
	if (!e->number)
		return;
	if (!o) {
		if (m->open.count < MADE_OPEN_MAX)
			vec_add(&m->open, fresh);
		return;
	}
	if (e->number == o->number + 1 && e->last_poll)
		lifetime_add(m, o, e->last_poll);
	/* Without a closed home the one before may be open, and be the loop. */
	fresh.unsure = !e->last_poll;
	*o = fresh;
}

void made_epoll_over(struct made_by *m, uint32_t tid, uint64_t last_poll)
{
	struct made_open *o = open_find(m, tid);

	if (!o)
		return;
	lifetime_add(m, o, last_poll);
	*o = m->open.items[--m->open.count];
}

void made_total(struct made_by *m, const struct made_sums *sums)
{
	m->threads.total = sums->threads;
	m->epolls.total = sums->epolls;
}

void made_epolls_open(struct made_by *m, uint64_t count)
{
	if (!m->counted)
		m->before = count;
	m->counted = true;
	m->alive = count > m->before ? count - m->before : 0;
	if (m->alive > m->alive_max)
		m->alive_max = m->alive;
}

void made_execed(struct made_by *m)
{
	m->counted = true;
	m->before = m->alive = 0;
	m->open.count = 0;
}

static int thread_tell(uint32_t tgid, uint64_t stack, uint64_t count, struct chunk_sink *sink)
{
	cleanup(str_releasep) struct str payload = { 0 };

	chunk_put_u32(&payload, tgid);
	chunk_put_u64(&payload, stack);
	chunk_put_u64(&payload, count);
	return chunk_emit(sink, CHUNK_THREAD_MADE, &payload);
}

static int threads_tell(struct made_stacks *s, uint32_t tgid, struct chunk_sink *sink)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->count; i++)
		r = thread_tell(tgid, s->items[i].stack, s->items[i].count, sink);
	return r < 0 ? r : thread_tell(tgid, 0, stacks_unknown(s), sink);
}

static int epolls_tell(const struct made_by *m, uint32_t tgid, struct chunk_sink *sink)
{
	const struct made_stacks *s = &m->epolls;
	cleanup(str_releasep) struct str payload = { 0 };
	uint64_t unknown = stacks_unknown(s);

	chunk_put_u32(&payload, tgid);
	chunk_put_u64(&payload, s->total);
	/* Files made before we counted, and second descriptors of one, are open as well. */
	chunk_put_u64(&payload, m->alive < s->total ? m->alive : s->total);
	chunk_put_u64(&payload, m->alive_max < s->total ? m->alive_max : s->total);
	chunk_put_u64(&payload, m->lifetimes);
	chunk_put_u64(&payload, m->lifetime_sum_ns);
	chunk_put_u64(&payload, m->lifetime_max_ns);
	chunk_put_u32(&payload, s->count + (unknown > 0));
	for (size_t i = 0; i < s->count; i++) {
		chunk_put_u64(&payload, s->items[i].stack);
		chunk_put_u64(&payload, s->items[i].count);
	}
	if (unknown) {
		chunk_put_u64(&payload, 0);
		chunk_put_u64(&payload, unknown);
	}
	return chunk_emit(sink, CHUNK_CHURN, &payload);
}

int made_tell(struct made_by *m, uint32_t tgid, struct chunk_sink *sink)
{
	int r = 0;

	if (m->threads.told != m->threads.total)
		r = threads_tell(&m->threads, tgid, sink);
	if (r == 0 && m->epolls.total)
		r = epolls_tell(m, tgid, sink);
	m->threads.told = m->threads.total;
	return r;
}

void made_release(struct made_by *m)
{
	vec_release(&m->threads);
	vec_release(&m->epolls);
	vec_release(&m->open);
}
