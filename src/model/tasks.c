/* tasks.c: lists of tasks, from the payload that runtime/task_list.h describes.
 *
 * The payload names tasks by address, the profile by index.  Counts are believed only as far as the
 * bytes reach.  A list that breaks off anywhere is dropped whole and counted.
 */
#include "model/state.h"

#include <string.h>

/* Bytes that one of them takes at least. */
#define TASK_LEAST    32
#define AWAIT_LEAST   28
#define LOCK_LEAST    24
#define ADDRESS_LEAST 8

/* A task and what it will be found by. */
struct raw_task {
	struct task t;
	uint64_t address;
	uint64_t *awaited_by; /* addresses; of the arena, as is await_at */
	uint64_t *await_at;
};

struct decoder {
	struct model *m;
	struct chunk_cursor c;
	struct raw_task *tasks; /* sorted by name */
	struct index_node *by_address;
	struct task_list list;
	int failed; /* -ENOMEM */
};

static void *get_room(struct decoder *d, size_t count, size_t size)
{
	void *room = arena_alloc(&d->m->texts.arena, count * size + 1);

	if (!room)
		d->failed = -ENOMEM;
	return room;
}

/* A count of things that each take at least so many bytes; 0 when they cannot all be there. */
static size_t get_count(struct decoder *d, size_t least)
{
	uint32_t count = chunk_get_u32(&d->c);

	if (count > (size_t)(d->c.end - d->c.at) / least)
		d->c.bad = true;
	return d->c.bad || d->failed ? 0 : count;
}

static const char *get_text(struct decoder *d)
{
	uint32_t len;
	const char *bytes = chunk_get_str(&d->c, &len);
	const char *text = intern_printable(&d->m->texts, bytes, len);

	if (!text)
		d->failed = -ENOMEM;
	return text ? text : "";
}

static uint64_t *get_addresses(struct decoder *d, size_t *ret_count)
{
	size_t n = get_count(d, ADDRESS_LEAST);
	uint64_t *list = get_room(d, n, sizeof(*list));

	for (size_t i = 0; list && i < n; i++)
		list[i] = chunk_get_u64(&d->c);
	*ret_count = list ? n : 0;
	return list;
}

static void get_await(struct decoder *d, struct await *a, uint64_t *ret_address)
{
	uint32_t kind = chunk_get_u32(&d->c);

	if (kind < AWAIT_FRAME || kind > AWAIT_LOCK)
		d->c.bad = true;
	a->kind = kind;
	a->library = chunk_get_u32(&d->c) != 0;
	a->fn = get_text(d);
	a->file = get_text(d);
	a->line = chunk_get_u32(&d->c);
	a->task = -1;
	*ret_address = chunk_get_u64(&d->c);
	if (kind == AWAIT_LOCK)
		a->address = *ret_address;
}

static void get_task(struct decoder *d, struct raw_task *raw)
{
	struct task *t = &raw->t;
	uint32_t state;
	size_t n;

	t->name = get_text(d);
	t->coro = get_text(d);
	t->file = "";
	state = chunk_get_u32(&d->c);
	if (state > TASK_CANCELLED)
		d->c.bad = true;
	t->state = state;
	t->truncated = chunk_get_u32(&d->c) != 0;
	raw->address = chunk_get_u64(&d->c);
	n = get_count(d, AWAIT_LEAST);
	t->awaits = get_room(d, n, sizeof(*t->awaits));
	raw->await_at = get_room(d, n, sizeof(*raw->await_at));
	for (; t->awaits && raw->await_at && t->n_awaits < n; t->n_awaits++)
		get_await(d, &t->awaits[t->n_awaits], &raw->await_at[t->n_awaits]);
	raw->awaited_by = get_addresses(d, &t->n_awaited_by);
	/* where it stands is where its own coroutine stands */
	if (t->n_awaits && t->awaits[0].kind == AWAIT_FRAME) {
		t->file = t->awaits[0].file;
		t->line = t->awaits[0].line;
	}
}

/* Task-2 before Task-10. */
static int by_name(const void *a, const void *b)
{
	const struct raw_task *x = a, *y = b;
	size_t lx = strlen(x->t.name), ly = strlen(y->t.name);
	int r = lx == ly ? strcmp(x->t.name, y->t.name) : lx < ly ? -1 : 1;

	return r ? r : (x->address > y->address) - (x->address < y->address);
}

static int get_tasks(struct decoder *d)
{
	size_t n = get_count(d, TASK_LEAST), i;

	d->tasks = calloc(n + 1, sizeof(*d->tasks));
	if (!d->tasks)
		return -ENOMEM;
	for (i = 0; i < n && !d->c.bad && !d->failed; i++)
		get_task(d, &d->tasks[i]);
	if (d->c.bad || d->failed)
		return d->failed;
	d->list.n_tasks = n;
	qsort(d->tasks, n, sizeof(*d->tasks), by_name);
	for (i = 0; i < n; i++)
		if (index_find(d->by_address, d->tasks[i].address) < 0 &&
		    index_add(d->m, &d->by_address, d->tasks[i].address, (int)i) < 0)
			return -ENOMEM;
	return 0;
}

/* Addresses to indexes; those of tasks that are not in the list are left out. */
static int *find_all(struct decoder *d, const uint64_t *addresses, size_t *count)
{
	int *list = get_room(d, *count, sizeof(*list));
	size_t kept = 0;

	for (size_t i = 0; list && i < *count; i++) {
		int index = index_find(d->by_address, addresses[i]);

		if (index >= 0)
			list[kept++] = index;
	}
	*count = kept;
	return list;
}

/* Tasks that are awaited together, in the order of the list; what is not listed comes last. */
static int by_task(const void *a, const void *b)
{
	const struct await *x = a, *y = b;

	return (x->task < 0) != (y->task < 0) ? (x->task < 0) - (y->task < 0) : x->task - y->task;
}

static void sort_awaited(struct task *t)
{
	size_t from = t->n_awaits;

	while (from && t->awaits[from - 1].kind == AWAIT_TASK)
		from--;
	if (from < t->n_awaits)
		qsort(t->awaits + from, t->n_awaits - from, sizeof(*t->awaits), by_task);
}

static void resolve_tasks(struct decoder *d)
{
	d->list.tasks = get_room(d, d->list.n_tasks, sizeof(*d->list.tasks));
	for (size_t i = 0; i < d->list.n_tasks && !d->failed; i++) {
		struct raw_task *raw = &d->tasks[i];
		struct task *t = &raw->t;

		for (size_t k = 0; k < t->n_awaits; k++)
			if (t->awaits[k].kind == AWAIT_TASK)
				t->awaits[k].task = index_find(d->by_address, raw->await_at[k]);
		sort_awaited(t);
		t->awaited_by = find_all(d, raw->awaited_by, &t->n_awaited_by);
		d->list.tasks[i] = *t;
	}
}

static int by_index(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int by_waiters(const void *a, const void *b)
{
	const struct task_lock *x = a, *y = b;

	if (x->n_waiters != y->n_waiters)
		return x->n_waiters > y->n_waiters ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

/* A lock that no task of the list waits for is not shown. */
static void get_locks(struct decoder *d)
{
	size_t n = get_count(d, LOCK_LEAST), kept = 0;
	struct task_lock *locks = get_room(d, n, sizeof(*locks));

	for (size_t i = 0; locks && i < n && !d->c.bad; i++) {
		struct task_lock *l = &locks[kept];
		uint64_t *waiters;

		l->type = get_text(d);
		l->address = chunk_get_u64(&d->c);
		l->owner = index_find(d->by_address, chunk_get_u64(&d->c));
		waiters = get_addresses(d, &l->n_waiters);
		if (d->failed)
			return;
		l->waiters = find_all(d, waiters, &l->n_waiters);
		if (l->waiters)
			qsort(l->waiters, l->n_waiters, sizeof(*l->waiters), by_index);
		kept += l->n_waiters > 0;
	}
	if (d->c.bad || d->failed)
		return;
	qsort(locks, kept, sizeof(*locks), by_waiters);
	d->list.locks = locks;
	d->list.n_locks = kept;
}

static int get_head(struct decoder *d)
{
	struct task_list *l = &d->list;
	uint32_t tgid;

	l->wall_ns = model_wall(d->m, chunk_get_u64(&d->c));
	tgid = chunk_get_u32(&d->c);
	chunk_get_u64(&d->c); /* the thread as memory knows it; people know its tid */
	l->tid = chunk_get_u32(&d->c);
	l->kind = get_text(d);
	l->ready = chunk_get_u64(&d->c);
	l->scheduled = chunk_get_u64(&d->c);
	l->vanished = chunk_get_u64(&d->c);
	l->skipped = chunk_get_u64(&d->c);
	return d->c.bad ? 0 : proc_find(d->m, tgid, &l->proc);
}

static int decode(struct decoder *d)
{
	int r = get_head(d);

	r = r < 0 ? r : get_tasks(d);
	if (r < 0 || d->c.bad)
		return r;
	resolve_tasks(d);
	get_locks(d);
	if (d->failed || d->c.bad)
		return d->failed;
	return vec_add(&d->m->task_lists, d->list);
}

int tasks_feed(struct model *m, const struct chunk *chunk)
{
	struct decoder d = { .m = m };
	int r;

	if (m->task_lists.count >= MODEL_LIST_MAX) {
		m->lost_items++;
		return 0;
	}
	chunk_cursor_init(&d.c, chunk);
	r = decode(&d);
	m->bad_events += d.c.bad;
	map_clear(d.by_address);
	free(d.tasks);
	return r;
}
