/* loops.c: the loops of the capture, their figures, and which of them are shown.
 *
 * Owns profile.loops.  A loop is known by its number; whatever mentions the number first makes
 * it.  Whether a thread that polls is a loop at all may be told late, so nothing is forgotten
 * before sealing.
 */
#include "model/state.h"

#include <string.h>

int loop_get(struct model *m, uint32_t number, int *ret_index)
{
	int index = index_find(m->loop_by_number, number);

	if (index < 0) {
		struct loop fresh = {
			.proc = -1, .comm = "", .kind = "unknown", .poll = "", .fd = -1
		};

		if (vec_add(&m->loops, fresh) < 0)
			return -ENOMEM;
		if (vec_add(&m->loop_infos, { .confirmed = LOOP_CONFIRMED }) < 0) {
			m->loops.count--;
			return -ENOMEM;
		}
		index = m->loops.count - 1;
		if (index_add(m, &m->loop_by_number, number, index) < 0)
			return -ENOMEM;
	}
	*ret_index = index;
	return 0;
}

static int set_thread(struct model *m, int index, const struct event_head *head)
{
	struct loop *l = &m->loops.items[index];

	l->tid = head->tid;
	return proc_find(m, head->tgid, &l->proc);
}

/* What both a loop's first event and its last say. */
static int set_home(struct model *m, int index, const struct event_head *head, uint32_t home,
		    int fd, int syscall, const char *comm)
{
	int r = set_thread(m, index, head);
	struct loop *l = &m->loops.items[index];

	if (r < 0)
		return r;
	m->loop_infos.items[index].home = home;
	l->fd = fd < 0 ? -1 : fd;
	l->poll = model_syscall(m, syscall);
	l->comm = intern_printable(&m->texts, comm, 16);
	return l->poll && l->comm ? 0 : -ENOMEM;
}

int loops_feed(struct model *m, const struct event_loop *e)
{
	int index, r = loop_get(m, e->loop, &index);

	return r < 0 ? r : set_home(m, index, &e->head, e->home, e->fd, e->syscall, e->comm);
}

uint64_t hist_bound(unsigned int bucket)
{
	unsigned int octave;

	if (bucket == 0)
		return 1024;
	octave = (bucket - 1) / 4;
	return (256ULL << octave) * (5 + (bucket - 1) % 4);
}

static int set_hist(struct model *m, struct loop *l, const uint32_t *hist)
{
	size_t n = 0;

	/* Stats may come again and again; room for all buckets is taken once. */
	if (!l->hist)
		l->hist = arena_alloc(&m->texts.arena, HIST_BUCKETS * sizeof(*l->hist));
	if (!l->hist)
		return -ENOMEM;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		if (hist[i])
			l->hist[n++] = (struct loop_hist){ hist_bound(i), hist[i] };
	l->n_hist = n;
	return 0;
}

int loops_feed_stats(struct model *m, const struct event_loop_stats *e)
{
	int index, r = loop_get(m, e->loop, &index);
	struct loop *l;

	r = r < 0 ? r : set_home(m, index, &e->head, e->home, e->fd, e->syscall, e->comm);
	if (r < 0)
		return r;
	l = &m->loops.items[index];
	l->iterations = e->iterations;
	l->poll_ns = e->poll_ns;
	l->busy_ns = e->busy_ns;
	l->observed_ns = e->poll_ns + e->busy_ns;
	l->stalls = e->stalls;
	l->stalled_ns = e->stalled_ns;
	l->longest_ns = e->longest_ns;
	l->longest_wall = e->longest_ns ? model_wall(m, e->longest_at) : 0;
	return set_hist(m, l, e->hist);
}

int loops_feed_kind(struct model *m, const struct chunk *chunk)
{
	struct loop_info *info;
	struct chunk_cursor c;
	const char *kind;
	uint32_t number, len, confirmed;
	int index, r;

	chunk_cursor_init(&c, chunk);
	number = chunk_get_u32(&c);
	kind = chunk_get_str(&c, &len);
	confirmed = chunk_get_u32(&c);
	if (c.bad || confirmed > LOOP_REFUTED) {
		m->bad_events++;
		return 0;
	}
	kind = intern_printable(&m->texts, kind, len);
	r = loop_get(m, number, &index);
	if (r < 0 || !kind)
		return -ENOMEM;
	if (*kind)
		m->loops.items[index].kind = kind;
	info = &m->loop_infos.items[index];
	/* No way back from an answer to a doubt, nor from a no. */
	if (!info->told || confirmed > (uint32_t)info->confirmed)
		info->confirmed = confirmed;
	info->told = true;
	if (info->confirmed == LOOP_CONFIRMED)
		stalls_deliver(m, index);
	return 0;
}

/* Samples, so that a mean is one of samples and not of time. */
static void add_sample(struct depth *d, uint64_t value)
{
	if (value == UINT64_MAX)
		return;
	if (d->n == 0)
		d->first = d->min = value;
	d->n++;
	d->last = value;
	d->min = value < d->min ? value : d->min;
	d->max = value > d->max ? value : d->max;
	d->mean += ((double)value - d->mean) / d->n;
}

int depths_feed(struct model *m, struct chunk_cursor *c)
{
	uint64_t ts = chunk_get_u64(c), ready, scheduled, tasks;
	uint32_t number = chunk_get_u32(c);
	int index, r;

	ready = chunk_get_u64(c);
	scheduled = chunk_get_u64(c);
	tasks = chunk_get_u64(c);
	if (c->bad)
		return 0;
	r = loop_get(m, number, &index);
	if (r < 0)
		return r;
	if (ts > m->last_ts)
		m->last_ts = ts;
	add_sample(&m->loops.items[index].ready, ready);
	add_sample(&m->loops.items[index].scheduled, scheduled);
	add_sample(&m->loops.items[index].tasks, tasks);
	return 0;
}

int loop_of_stall(struct model *m, const struct event_stall *e, int *ret_index)
{
	int index, r = loop_get(m, e->loop, &index);
	struct loop_info *info;
	enum loop_confirmed now;
	struct loop *l;

	if (r < 0)
		return r;
	l = &m->loops.items[index];
	info = &m->loop_infos.items[index];
	if (l->proc < 0)
		r = set_thread(m, index, &e->head);
	if (l->iterations < e->iteration)
		l->iterations = e->iteration;
	*ret_index = index;
	now = e->flags & STALL_TENTATIVE ? LOOP_TENTATIVE : LOOP_CONFIRMED;
	if (r < 0 || info->told)
		return r;
	/* The first one says; a doubt after that can only be an event that came late. */
	if (!info->flagged || now == LOOP_CONFIRMED)
		info->confirmed = now;
	info->flagged = true;
	if (now == LOOP_CONFIRMED)
		stalls_deliver(m, index);
	return 0;
}

int loop_count_stall(struct model *m, const struct stall *s)
{
	struct loop_info *info = &m->loop_infos.items[s->loop];

	info->stalls++;
	info->stalled_ns += s->dur_ns;
	if (s->dur_ns > info->longest_ns) {
		info->longest_ns = s->dur_ns;
		info->longest_at = s->start_ns;
	}
	return s->state == STALL_STATE_ENDED ? vec_add(&info->lengths, s->dur_ns) : 0;
}

bool loop_is_shown(const struct model *m, int loop)
{
	const struct loop_info *info = &m->loop_infos.items[loop];

	if (m->loops.items[loop].proc < 0 || info->confirmed == LOOP_REFUTED)
		return false;
	/* An epoll file or ring that a thread keeps coming back to is a loop by itself; poll and
	 * select are also how libraries wait for one answer. */
	return info->confirmed == LOOP_CONFIRMED || info->home == HOME_EPOLL ||
	       info->home == HOME_URING || info->home == HOME_WAIT;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest length that at least that many percent do not exceed. */
static uint64_t percentile(const uint64_t *sorted, size_t n, unsigned int percent)
{
	return n ? sorted[(n * percent + 99) / 100 - 1] : 0;
}

static void complete_figures(const struct model *m, struct loop *l, struct loop_info *info)
{
	size_t n = info->lengths.count;

	if (n)
		qsort(info->lengths.items, n, sizeof(uint64_t), by_value);
	l->p50_ns = percentile(info->lengths.items, n, 50);
	l->p99_ns = percentile(info->lengths.items, n, 99);
	l->max_ns = percentile(info->lengths.items, n, 100);
	/* The kernel side counts what got lost on the way too, but neither a stall that is not
	 * over nor anything at all when the capture was killed. */
	if (l->stalls < info->stalls)
		l->stalls = info->stalls;
	if (l->stalled_ns < info->stalled_ns)
		l->stalled_ns = info->stalled_ns;
	if (l->longest_ns < info->longest_ns) {
		l->longest_ns = info->longest_ns;
		l->longest_wall = model_wall(m, info->longest_at);
	}
}

struct ranked {
	struct loop loop;
	int old;
};

static int by_stalled(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->loop.stalled_ns != y->loop.stalled_ns)
		return x->loop.stalled_ns > y->loop.stalled_ns ? -1 : 1;
	if (x->loop.tid != y->loop.tid)
		return x->loop.tid < y->loop.tid ? -1 : 1;
	return x->old - y->old;
}

int loops_seal(struct model *m, int *new_index)
{
	_cleanup_free_ struct ranked *ranked = calloc(m->loops.count + 1, sizeof(*ranked));
	size_t n = 0;

	if (!ranked)
		return -ENOMEM;
	for (size_t i = 0; i < m->loops.count; i++) {
		new_index[i] = -1;
		complete_figures(m, &m->loops.items[i], &m->loop_infos.items[i]);
		if (loop_is_shown(m, i))
			ranked[n++] = (struct ranked){ m->loops.items[i], i };
	}
	qsort(ranked, n, sizeof(*ranked), by_stalled);
	for (size_t i = 0; i < n; i++) {
		m->loops.items[i] = ranked[i].loop;
		new_index[ranked[i].old] = i;
	}
	m->loops.count = n;
	return 0;
}
