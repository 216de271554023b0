/* fake_threads.h: an interpreter with named threads and pools, in an image.
 *
 * Builds on fake_python.h.  Thread i has the pointer FAKE_THREAD(i) and the state id 100 + i.
 */
#ifndef STALLPROF_TESTS_FAKE_THREADS_H
#define STALLPROF_TESTS_FAKE_THREADS_H

#include "fake_python.h"
#include "runtime/cpython_roster.h"

#define FAKE_THREAD(i) (0x7f0000100000ull + (i)*0x10000ull)
#define FAKE_THREADS   6

/* What each does: the program's own, two workers of an executor, a worker of a pool, anyio's, and
 * one that threading does not know. */
enum fake_role { FAKE_OWN, FAKE_WORKER, FAKE_WORKER_2, FAKE_POOL, FAKE_ANYIO, FAKE_NATIVE };

struct fake_threads {
	struct fake *f;
	uint64_t interp, states[FAKE_THREADS], threads[FAKE_THREADS];
	uint64_t worker, pool_worker, queue_get; /* code objects */
	uint64_t executor, jobs, pool_jobs, anyio_queue, anyio_workers;
	uint64_t active; /* dict */
};

static inline uint64_t fake_named(struct fake_threads *t, const char *name, uint64_t target,
				  uint64_t args)
{
	static const char *const attrs[] = { "_target", "_name", "_args" };
	uint64_t values[] = { target, fake_str(t->f, name), args };

	return fake_instance(t->f, "Thread", 3, attrs, values);
}

static inline void fake_executor(struct fake_threads *t)
{
	static const char *const attrs[] = { "_max_workers", "_work_queue", "_thread_name_prefix" };
	struct fake *f = t->f;
	uint64_t values[3] = { fake_int(f, 6), 0, fake_str(f, "crew") }, args[3], target, tuple;

	t->jobs = values[1] = fake_queue(f, 7);
	t->executor = fake_instance(f, "ThreadPoolExecutor", 3, attrs, values);
	target = fake_function(f, t->worker);
	args[0] = fake_weakref(f, t->executor);
	args[1] = f->None;
	args[2] = t->jobs;
	tuple = fake_tuple(f, 3, args);
	t->threads[FAKE_WORKER] = fake_named(t, "crew_0", target, tuple);
	t->threads[FAKE_WORKER_2] = fake_named(t, "renamed", target, tuple);
}

static inline void fake_anyio(struct fake_threads *t)
{
	static const char *const attrs[] = { "_target", "_name", "queue", "workers",
					     "idle_workers" };
	struct fake *f = t->f;
	uint64_t values[5] = { f->None, fake_str(f, "AnyIO worker thread"), 0, 0, 0 };

	t->anyio_queue = values[2] = fake_object(f, f->object, 64);
	t->anyio_workers = values[3] = fake_set(f, 0, NULL);
	values[4] = fake_deque(f, 0);
	t->threads[FAKE_ANYIO] = fake_instance(f, "WorkerThread", 5, attrs, values);
}

static inline void fake_modules(struct fake_threads *t)
{
	static const char *const imported[] = { "threading", "concurrent.futures.thread",
						"multiprocessing.pool", "queue" };
	const char *const in[] = { "_active", "_worker", "worker", "Queue" };
	struct fake *f = t->f;
	uint64_t key = fake_str(f, "get"), get = fake_function(f, t->queue_get), values[4];
	uint64_t modules[4];
	int i;

	values[0] = t->active;
	values[1] = fake_function(f, t->worker);
	values[2] = fake_function(f, t->pool_worker);
	values[3] = fake_type(f, "Queue", 1ull << 9, f->object);
	fake_put(f, values[3] + CPYTHON_TYPE_DICT, fake_dict(f, 1, &key, &get, false));
	for (i = 0; i < 4; i++)
		modules[i] = fake_module(f, 1, &in[i], &values[i]);
	t->interp = fake_interp(f, 4, imported, modules);
}

static inline void fake_threads_init(struct fake_threads *t, uint32_t minor)
{
	struct fake *f = t->f = fake_new(minor);
	uint64_t args[2], keys[FAKE_THREADS];
	int i;

	t->worker = fake_alloc(f, 256);
	t->pool_worker = fake_alloc(f, 256);
	t->queue_get = fake_alloc(f, 256);
	fake_executor(t);
	fake_anyio(t);
	args[0] = t->pool_jobs = fake_queue(f, 3);
	args[1] = fake_queue(f, 0);
	t->threads[FAKE_POOL] = fake_named(t, "Thread-1", fake_function(f, t->pool_worker),
					   fake_tuple(f, 2, args));
	t->threads[FAKE_OWN] = fake_named(t, "MainThread", f->None, f->None);
	for (i = 0; i < FAKE_NATIVE; i++)
		keys[i] = fake_int(f, (int64_t)FAKE_THREAD(i));
	t->active = fake_dict(f, FAKE_NATIVE, keys, t->threads, true);
	fake_modules(t);
	for (i = 0; i < FAKE_THREADS; i++)
		t->states[i] = fake_state(f, t->interp, FAKE_THREAD(i), 100 + i);
}

static inline void fake_threads_release(struct fake_threads *t)
{
	t->f = fake_free(t->f);
}

/* A frame of that code whose first local is `self`, called by `prev`. */
static inline uint64_t fake_frame(struct fake *f, uint64_t code, uint64_t self, uint64_t prev)
{
	uint64_t frame = fake_alloc(f, 512);

	fake_put(f, frame + f->o.frame_code, code);
	fake_put(f, frame + f->o.frame_prev, prev);
	fake_put(f, frame + f->l.frame_locals, self);
	return frame;
}

/* One that native code entered through, where a version has such. */
static inline uint64_t fake_shim(struct fake *f, uint64_t prev)
{
	uint64_t frame;

	if (f->o.frame_shim_kind != SHIM_OWNER_GE)
		return prev;
	frame = fake_frame(f, f->None, 0, prev);
	fake_put8(f, frame + f->o.frame_shim, (uint8_t)f->o.frame_shim_value);
	return frame;
}

static inline void fake_run(struct fake *f, uint64_t state, uint64_t frame)
{
	uint64_t block = frame;

	if (f->o.head_indirect) {
		block = fake_alloc(f, 64);
		fake_put(f, block + f->o.block_head, frame);
	}
	fake_put(f, state + f->o.state_head, block);
}

#endif
