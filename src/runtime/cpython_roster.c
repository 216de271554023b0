/* cpython_roster.c: see cpython_roster.h. */
#include "runtime/cpython_roster.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The modules that say something of threads, all looked up in one pass. */
enum wanted { W_THREADING, W_FUTURES, W_POOL, W_QUEUE, W_COUNT };

static const char *const wanted[W_COUNT] = {
	[W_THREADING] = "threading",
	[W_FUTURES] = "concurrent.futures.thread",
	[W_POOL] = "multiprocessing.pool",
	[W_QUEUE] = "queue",
};

struct build {
	struct cpython_reader *rd;
	struct cpython_roster next;
};

void cpython_roster_release(struct cpython_roster *roster)
{
	vec_release(&roster->members);
}

static int by_pointer(const void *a, const void *b)
{
	const struct cpython_member *x = a, *y = b;

	return x->pointer < y->pointer ? -1 : x->pointer > y->pointer;
}

const struct cpython_member *cpython_roster_find(const struct cpython_roster *roster,
						 uint64_t pointer)
{
	struct cpython_member key = { .pointer = pointer };

	if (!roster->members.count)
		return NULL;
	return bsearch(&key, roster->members.items, roster->members.count, sizeof(key), by_pointer);
}

/* The list moves while it is read: a broken link ends it. */
static int list_states(struct build *b, uint64_t interp)
{
	const struct cpython_offsets *o = b->rd->o;
	uint64_t state, of;
	int r = cpython_read_word(b->rd, interp + o->interp_threads, &state);

	while (r == 0 && state && b->next.members.count < ROSTER_THREADS_MAX) {
		struct cpython_member m = { 0 };

		if (cpython_read_word(b->rd, state + o->state_interp, &of) < 0 || of != interp ||
		    cpython_read_word(b->rd, state + o->state_thread_id, &m.pointer) < 0 ||
		    cpython_read_word(b->rd, state + b->rd->l->state_id, &m.id) < 0)
			break;
		r = vec_add(&b->next.members, m);
		if (r == 0 && cpython_read_word(b->rd, state + o->state_next, &state) < 0)
			break;
	}
	if (r == 0 && b->next.members.count)
		qsort(b->next.members.items, b->next.members.count, sizeof(struct cpython_member),
		      by_pointer);
	return r;
}

/* The code of a function in a dict; 0: there is none. */
static uint64_t code_in(struct cpython_reader *rd, uint64_t dict, const char *name)
{
	uint64_t function, code;

	if (!dict || cpython_dict_find(rd, dict, name, &function) < 0 ||
	    cpython_function_code(rd, function, &code) < 0)
		return 0;
	return code;
}

static void find_functions(struct cpython_reader *rd, const uint64_t *dicts,
			   struct cpython_modules *m)
{
	uint64_t type, dict;

	m->threading = dicts[W_THREADING];
	m->worker = code_in(rd, dicts[W_FUTURES], "_worker");
	m->pool_worker = code_in(rd, dicts[W_POOL], "worker");
	if (dicts[W_QUEUE] && cpython_dict_find(rd, dicts[W_QUEUE], "Queue", &type) == 0 &&
	    cpython_is(rd, type, "type") == 0 &&
	    cpython_read_word(rd, type + CPYTHON_TYPE_DICT, &dict) == 0)
		m->queue_get = code_in(rd, dict, "get");
	m->complete = (!dicts[W_FUTURES] || m->worker) && (!dicts[W_POOL] || m->pool_worker) &&
		      (!dicts[W_QUEUE] || m->queue_get);
}

/* Again only when others are imported; but one that is being imported has not all its functions
 * yet. */
static int find_modules(struct cpython_reader *rd, uint64_t interp, struct cpython_modules *m)
{
	struct cpython_modules next = { 0 };
	uint64_t modules, key, value, dicts[W_COUNT] = { 0 };
	struct cpython_dict d;
	int i, r = cpython_read_word(rd, interp + rd->l->interp_modules, &modules);

	if (r == 0)
		r = cpython_dict_open(rd, modules, &d);
	if (r == 0)
		r = cpython_read_word(rd, modules + CPYTHON_DICT_USED, &next.used);
	if (r == 0)
		r = cpython_read_word(rd, modules + CPYTHON_DICT_KEYS, &next.keys);
	if (r < 0 || (m->complete && next.used == m->used && next.keys == m->keys))
		return r;
	while ((r = cpython_dict_next(rd, &d, &key, &value)) > 0)
		for (i = 0; i < W_COUNT; i++)
			if (cpython_str_is(rd, key, wanted[i]) == 0 &&
			    cpython_module_dict(rd, value, &dicts[i]) < 0)
				dicts[i] = 0;
	if (r < 0)
		return r;
	find_functions(rd, dicts, &next);
	*m = next;
	return 0;
}

/* What of a Thread's attributes says which work it does; 0: it has no such one. */
struct thread_attrs {
	uint64_t name, target, args, queue, workers, idle_workers;
};

static int read_attrs(struct cpython_reader *rd, uint64_t thread, struct thread_attrs *ret)
{
	struct thread_attrs a = { 0 };
	const struct {
		const char *name;
		uint64_t *to;
	} rows[] = {
		{ "_name", &a.name },	   { "_target", &a.target },
		{ "_args", &a.args },	   { "queue", &a.queue },
		{ "workers", &a.workers }, { "idle_workers", &a.idle_workers },
	};
	uint64_t key, value;
	struct cpython_dict d;
	size_t i;
	int r = cpython_attrs_open(rd, thread, &d);

	while (r == 0 && (r = cpython_dict_next(rd, &d, &key, &value)) > 0) {
		r = 0;
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (cpython_str_is(rd, key, rows[i].name) == 0)
				*rows[i].to = value;
	}
	*ret = a;
	return r;
}

/* "asyncio_3" is of "asyncio": what a pool calls its workers. */
static void cut_number(char *name)
{
	size_t len = strlen(name), end = len;

	while (end && isdigit((unsigned char)name[end - 1]))
		end--;
	if (end > 1 && end < len && name[end - 1] == '_')
		name[end - 1] = '\0';
}

/* The queue of an executor that is gone: its workers hold it too. */
static uint64_t queue_in(struct cpython_reader *rd, const struct cpython_items *args)
{
	uint64_t i, object, length;

	for (i = 0; i < args->count && i < 4; i++)
		if (cpython_item(rd, args, i, &object) == 0 &&
		    cpython_queue_length(rd, object, &length) == 0)
			return object;
	return 0;
}

/* _args: (weak reference to the executor, ...), with its queue among the rest. */
static void fill_executor(struct build *b, uint64_t args, struct cpython_member *m)
{
	struct cpython_items items;
	uint64_t ref, executor, value;
	int64_t max;

	m->job = JOB_EXECUTOR;
	m->wait_code = b->next.modules.worker;
	snprintf(m->pool_name, sizeof(m->pool_name), "%s", m->name);
	cut_number(m->pool_name);
	if (cpython_items(b->rd, args, &items) < 0)
		return;
	m->queue = queue_in(b->rd, &items);
	m->pool = m->queue;
	if (cpython_item(b->rd, &items, 0, &ref) < 0 || cpython_weakref(b->rd, ref, &executor) < 0)
		return;
	if (cpython_attr(b->rd, executor, "_max_workers", &value) == 0 &&
	    cpython_int(b->rd, value, &max) == 0 && max > 0 && max <= UINT32_MAX)
		m->max = (uint32_t)max;
	if (cpython_attr(b->rd, executor, "_thread_name_prefix", &value) == 0)
		cpython_str_copy(b->rd, value, m->pool_name, sizeof(m->pool_name));
}

/* _args: (queue of jobs, queue of results, ...). */
static void fill_pool(struct build *b, uint64_t args, struct cpython_member *m)
{
	struct cpython_items items;

	m->job = JOB_POOL;
	m->wait_code = b->next.modules.pool_worker;
	snprintf(m->pool_name, sizeof(m->pool_name), "ThreadPool");
	if (cpython_items(b->rd, args, &items) == 0)
		m->pool = m->queue = queue_in(b->rd, &items);
}

static void fill_anyio(struct build *b, const struct thread_attrs *a, struct cpython_member *m)
{
	m->job = JOB_ANYIO;
	m->pool = a->workers;
	m->wait_code = b->next.modules.queue_get;
	m->wait_self = a->queue;
	snprintf(m->pool_name, sizeof(m->pool_name), "%s", m->name);
}

static int fill_member(struct build *b, uint64_t thread, struct cpython_member *m)
{
	struct thread_attrs a;
	struct cpython_type type;
	uint64_t code = 0;
	int r = read_attrs(b->rd, thread, &a);

	if (r == 0 && a.name)
		r = cpython_str_copy(b->rd, a.name, m->name, sizeof(m->name));
	if (r < 0)
		return r;
	if (a.target && cpython_function_code(b->rd, a.target, &code) < 0)
		code = 0;
	if (code && code == b->next.modules.worker)
		fill_executor(b, a.args, m);
	else if (code && code == b->next.modules.pool_worker)
		fill_pool(b, a.args, m);
	else if (a.queue && a.workers && a.idle_workers && b->next.modules.queue_get &&
		 cpython_type_of(b->rd, thread, &type) == 0 &&
		 strcmp(type.name, "WorkerThread") == 0)
		fill_anyio(b, &a, m);
	return 0;
}

/* A thread that begins or ends meanwhile has no name this time. */
static int fill_members(struct build *b)
{
	uint64_t active, key, thread;
	struct cpython_member *m;
	struct cpython_dict d;
	int64_t ident;
	int r;

	if (!b->next.modules.threading)
		return 0;
	r = cpython_dict_find(b->rd, b->next.modules.threading, "_active", &active);
	if (r == 0)
		r = cpython_dict_open(b->rd, active, &d);
	while (r == 0 && (r = cpython_dict_next(b->rd, &d, &key, &thread)) > 0) {
		r = 0;
		if (cpython_int(b->rd, key, &ident) < 0)
			continue;
		/* the array is the build's own: found through the same search */
		m = (struct cpython_member *)cpython_roster_find(&b->next, (uint64_t)ident);
		if (!m)
			continue;
		r = fill_member(b, thread, m);
		if (r != -ESRCH && r != -ENOMEM)
			r = 0;
	}
	return r;
}

int cpython_roster_read(struct cpython_reader *rd, struct cpython_roster *roster, uint64_t interp,
			uint64_t now)
{
	struct build b = { .rd = rd,
			   .next = { .interp = interp, .at = now, .modules = roster->modules } };
	int r = list_states(&b, interp);

	if (r == 0)
		r = find_modules(rd, interp, &b.next.modules);
	if (r == 0)
		r = fill_members(&b);
	if (r < 0) {
		cpython_roster_release(&b.next);
		return r;
	}
	cpython_roster_release(roster);
	*roster = b.next;
	return 0;
}
