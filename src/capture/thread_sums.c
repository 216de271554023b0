/* thread_sums.c: see thread_sums.h. */
#include "capture/thread_sums.h"

#include <ctype.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"

struct row_key {
	uint64_t pool, stack, group; /* hash of the text */
	int32_t syscall;
	uint8_t klass, idle, pad[2];
};

struct thread_row_sum {
	struct row_key key;
	const char *group;
	uint64_t samples, ns;
	uint64_t moment; /* of `now` */
	uint32_t now, at_once;
	bool changed;
	struct wait_target target;
	UT_hash_handle hh;
};

struct worker_sum {
	uint32_t tid;
	uint64_t busy_ns;
};

struct pool_sum {
	uint64_t pool;
	const char *name, *kind;
	uint64_t moment; /* of what follows */
	uint32_t threads, busy, queued, max;
	uint32_t threads_max, busy_max, queued_max;
	uint64_t observed_ns, samples;
	uint64_t exhausted_ns, exhausted_run, exhausted_longest_ns;
	uint64_t queued_since, queue_wait_max_ns;
	VEC(struct worker_sum) workers;
	bool changed;
	UT_hash_handle hh;
};

void thread_group(const char *name, char ret_group[THREAD_GROUP_MAX])
{
	char text[THREAD_GROUP_MAX];
	size_t len, end, tail;
	const char *paren;

	snprintf(text, sizeof(text), "%s", name);
	len = strlen(text);
	paren = strstr(text, " (");
	tail = paren && text[len - 1] == ')' ? (size_t)(paren - text) : len;
	for (end = tail; end > 0 && isdigit((unsigned char)text[end - 1]);)
		end--;
	if (end == 0)
		end = tail; /* a number and nothing else */
	else if (end < tail)
		while (end > 1 && strchr("-_#:/. ", text[end - 1]))
			end--;
	snprintf(ret_group, THREAD_GROUP_MAX, "%.*s%s", (int)end, text, text + tail);
}

static bool same_text(const char *a, const char *b, size_t size)
{
	return strncmp(a, b, size) == 0;
}

/* A name of a file goes with its inode; a socket's path does not. */
static bool same_name(const struct wait_target *a, const struct wait_target *b)
{
	return same_text(a->name, b->name, sizeof(a->name)) &&
	       same_text(a->dir, b->dir, sizeof(a->dir)) &&
	       (a->kind == TARGET_UNIX || (a->dev == b->dev && a->ino == b->ino));
}

static bool same_end(const uint8_t *a, const uint8_t *b, uint16_t a_port, uint16_t b_port)
{
	return a_port == b_port && memcmp(a, b, 16) == 0;
}

/* Leaves of a target what is true of the other one, too. */
static void target_share(struct wait_target *t, const struct wait_target *other)
{
	if (t->kind != other->kind || t->family != other->family) {
		*t = (struct wait_target){ .fd = -1 };
		return;
	}
	if (t->fd != other->fd)
		t->fd = -1;
	if (t->fd_count != other->fd_count)
		t->fd_count = 0;
	if (t->pid != other->pid)
		t->pid = 0;
	if (t->value != other->value)
		t->value = 0;
	if (!same_end(t->peer_addr, other->peer_addr, t->peer_port, other->peer_port)) {
		memset(t->peer_addr, 0, sizeof(t->peer_addr));
		t->peer_port = 0;
	}
	if (!same_end(t->local_addr, other->local_addr, t->local_port, other->local_port)) {
		memset(t->local_addr, 0, sizeof(t->local_addr));
		t->local_port = 0;
	}
	if (!same_name(t, other))
		t->name[0] = t->dir[0] = '\0';
	if (t->dev != other->dev || t->ino != other->ino)
		t->dev = t->ino = 0;
}

static void row_add(struct thread_sums *s, const struct thread_sample *t, uint64_t weight)
{
	struct row_key key;
	struct thread_row_sum *row;

	memset(&key, 0, sizeof(key));
	key.pool = t->pool;
	key.stack = t->stack;
	key.group = hash_text(HASH_START, t->group);
	key.syscall = t->syscall;
	key.klass = t->klass;
	key.idle = t->idle;
	map_find(s->rows, &key, row);
	if (!row) {
		if (HASH_COUNT(s->rows) >= THREAD_ROWS_MAX ||
		    !(row = arena_alloc(&s->texts.arena, sizeof(*row)))) {
			s->lost++;
			return;
		}
		row->key = key;
		row->group = intern_text(&s->texts, t->group);
		row->target = *t->target;
		if (!row->group || map_add(s->rows, key, row) < 0) {
			s->lost++;
			return;
		}
	}
	target_share(&row->target, t->target);
	row->now = row->moment == s->moment ? row->now + 1 : 1;
	row->moment = s->moment;
	if (row->now > row->at_once)
		row->at_once = row->now;
	row->samples++;
	row->ns += weight;
	row->changed = true;
}

/* Room for one more; in a full table that of a pool that was never seen to do anything, and only
 * for one that does: pools that a program makes and forgets must not hide the one that matters. */
static struct pool_sum *pool_room(struct thread_sums *s, bool at_work)
{
	struct pool_sum *p;

	if (HASH_COUNT(s->pools) < THREAD_POOLS_MAX)
		return arena_alloc(&s->texts.arena, sizeof(*p));
	for (p = at_work ? s->pools : NULL; p; p = p->hh.next)
		if (!p->busy_max && !p->queued_max && !p->busy && !p->queued)
			break;
	if (p) {
		HASH_DEL(s->pools, p);
		vec_release(&p->workers);
		memset(p, 0, sizeof(*p));
	}
	return p;
}

static struct pool_sum *pool_of(struct thread_sums *s, const struct thread_sample *t)
{
	struct pool_sum *p;

	map_find(s->pools, &t->pool, p);
	if (p)
		return p;
	p = pool_room(s, t->queued || (t->known && !t->idle));
	if (!p)
		return NULL;
	p->pool = t->pool;
	p->name = intern_text(&s->texts, t->pool_name);
	p->kind = intern_text(&s->texts, t->pool_kind);
	return p->name && p->kind && map_add(s->pools, pool, p) == 0 ? p : NULL;
}

static void worker_add(struct thread_sums *s, struct pool_sum *p, const struct thread_sample *t,
		       uint64_t weight)
{
	for (size_t i = 0; i < p->workers.count; i++)
		if (p->workers.items[i].tid == t->tid) {
			p->workers.items[i].busy_ns += weight;
			return;
		}
	if (p->workers.count >= THREAD_WORKERS_MAX || vec_add(&p->workers, { t->tid, weight }) < 0)
		s->lost++;
}

static void pool_add(struct thread_sums *s, const struct thread_sample *t, uint64_t weight)
{
	struct pool_sum *p = pool_of(s, t);

	if (!p) {
		s->lost++;
		return;
	}
	if (p->moment != s->moment) {
		/* Between its threads' end and others of another pool at the same address nothing
		 * went on. */
		if (p->moment + 1 != s->moment)
			p->exhausted_run = p->queued_since = 0;
		p->moment = s->moment;
		p->threads = p->busy = p->queued = 0;
	}
	p->threads++;
	p->max = t->pool_max;
	if (t->queued > p->queued)
		p->queued = t->queued;
	if (t->idle || !t->known) {
		weight = 0; /* it is a worker all the same */
	} else {
		p->busy++;
	}
	worker_add(s, p, t, weight);
}

/* No worker is free, and none may be added; or, where the size allowed is not known, jobs wait. */
static bool pool_exhausted(const struct pool_sum *p)
{
	return p->busy == p->threads && (p->max ? p->threads >= p->max : p->queued > 0);
}

static void pool_settle(struct pool_sum *p, uint64_t now, uint64_t weight)
{
	p->changed = true;
	p->samples++;
	p->observed_ns += weight;
	if (p->threads > p->threads_max)
		p->threads_max = p->threads;
	if (p->busy > p->busy_max)
		p->busy_max = p->busy;
	if (p->queued > p->queued_max)
		p->queued_max = p->queued;
	if (pool_exhausted(p)) {
		p->exhausted_ns += weight;
		p->exhausted_run += weight;
		if (p->exhausted_run > p->exhausted_longest_ns)
			p->exhausted_longest_ns = p->exhausted_run;
	} else {
		p->exhausted_run = 0;
	}
	/* How long a job waited is estimated: the longest time in which the queue was never seen
	 * empty.  A job waits no longer than that where jobs are taken in their order and the queue
	 * did empty in between unseen; with a backlog that is always there it is too much. */
	if (!p->queued)
		p->queued_since = 0;
	else if (!p->queued_since)
		p->queued_since = now;
	else if (now - p->queued_since > p->queue_wait_max_ns)
		p->queue_wait_max_ns = now - p->queued_since;
}

void thread_sums_add(struct thread_sums *s, uint64_t now, const struct thread_sample *samples,
		     size_t n)
{
	uint64_t weight = s->last ? now - s->last : 0;
	struct pool_sum *p;

	s->last = now;
	s->moment++;
	for (size_t i = 0; i < n; i++) {
		row_add(s, &samples[i], weight);
		if (samples[i].pool)
			pool_add(s, &samples[i], weight);
	}
	for (p = s->pools; p; p = p->hh.next)
		if (p->moment == s->moment)
			pool_settle(p, now, weight);
}

static int row_tell(const struct thread_row_sum *row, uint32_t tgid, struct chunk_sink *sink,
		    struct str *payload)
{
	str_clear(payload);
	chunk_put_u32(payload, tgid);
	chunk_put_u64(payload, row->key.pool);
	chunk_put_str(payload, row->group);
	chunk_put_u64(payload, row->key.stack);
	chunk_put_u32(payload, row->key.klass);
	chunk_put_u32(payload, row->key.syscall);
	chunk_put_u64(payload, row->samples);
	chunk_put_u64(payload, row->ns);
	chunk_put_u32(payload, row->at_once);
	chunk_put_u32(payload, row->key.idle);
	str_add_mem(payload, &row->target, sizeof(row->target));
	return chunk_emit(sink, CHUNK_THREADS, payload);
}

static int pool_tell(const struct pool_sum *p, uint32_t tgid, struct chunk_sink *sink,
		     struct str *payload)
{
	str_clear(payload);
	chunk_put_u32(payload, tgid);
	chunk_put_u64(payload, p->pool);
	chunk_put_str(payload, p->name);
	chunk_put_str(payload, p->kind);
	chunk_put_u32(payload, p->threads);
	chunk_put_u32(payload, p->threads_max);
	chunk_put_u32(payload, p->max);
	chunk_put_u64(payload, p->observed_ns);
	chunk_put_u64(payload, p->samples);
	chunk_put_u64(payload, p->exhausted_ns);
	chunk_put_u64(payload, p->exhausted_longest_ns);
	chunk_put_u32(payload, p->busy_max);
	chunk_put_u32(payload, p->queued_max);
	chunk_put_u64(payload, p->queue_wait_max_ns);
	chunk_put_u32(payload, p->workers.count);
	for (size_t i = 0; i < p->workers.count; i++) {
		chunk_put_u32(payload, p->workers.items[i].tid);
		chunk_put_u64(payload, p->workers.items[i].busy_ns);
	}
	return chunk_emit(sink, CHUNK_POOL, payload);
}

int thread_sums_tell(struct thread_sums *s, uint32_t tgid, struct chunk_sink *sink)
{
	cleanup(str_releasep) struct str payload = { 0 };
	struct thread_row_sum *row;
	struct pool_sum *p;
	int r = 0;

	for (p = s->pools; p && r == 0; p = p->hh.next) {
		if (p->changed)
			r = pool_tell(p, tgid, sink, &payload);
		p->changed = false;
	}
	for (row = s->rows; row && r == 0; row = row->hh.next) {
		if (row->changed)
			r = row_tell(row, tgid, sink, &payload);
		row->changed = false;
	}
	return r;
}

void thread_sums_release(struct thread_sums *s)
{
	struct pool_sum *p;

	for (p = s->pools; p; p = p->hh.next)
		vec_release(&p->workers);
	map_clear(s->rows);
	map_clear(s->pools);
	intern_release(&s->texts);
}
