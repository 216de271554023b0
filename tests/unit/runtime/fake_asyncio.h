/* fake_asyncio.h: an interpreter with asyncio, a loop and a thread that runs it, in an image.
 *
 * Builds on fake_python.h; the same world for tests of loops, of counting and of threads.
 */
#ifndef STALLPROF_TESTS_FAKE_ASYNCIO_H
#define STALLPROF_TESTS_FAKE_ASYNCIO_H

#include "fake_python.h"
#include "runtime/cpython_loop.h"

#define FAKE_PID     4711
#define FAKE_POINTER 0x7f0012345000ull

struct fake_asyncio {
	struct fake *f;
	uint64_t interp, state, loop, running; /* a task */
	uint64_t ready, scheduled;	       /* deque, list */
	uint64_t tasks;			       /* set of weak references */
	uint64_t current;		       /* dict */
	struct cpython_loops loops;
	uint64_t list_last; /* the node that was added last to the thread's list */
};

static uint64_t fake_time; /* ns, what the clock shows; and by how much it goes on each time */
static uint64_t fake_step;

static inline uint64_t fake_clock(void)
{
	return fake_time += fake_step;
}

/* Appends to the thread's list of tasks, which is a circle. */
static inline void fake_list_task(struct fake_asyncio *a, uint64_t task)
{
	uint64_t head = a->state + a->f->l.tasks_head, node = task + a->f->l.task_node;

	fake_put(a->f, a->list_last, node);
	fake_put(a->f, node, head);
	a->list_last = node;
}

/* Where tasks are that are not finished, in that version. */
static inline void fake_tasks(struct fake_asyncio *a, size_t count, const uint64_t *tasks)
{
	uint64_t refs[21], set, words[3];
	size_t i;

	for (i = 0; i < count; i++) {
		refs[i] = fake_weakref(a->f, tasks[i]);
		if (a->f->l.running == RUNNING_STATED)
			fake_list_task(a, tasks[i]);
	}
	set = fake_set(a->f, a->f->l.running == RUNNING_STATED ? 0 : count, refs);
	memcpy(words, fake_at(a->f, set + CPYTHON_SET_USED), sizeof(words));
	for (i = 0; i < 3; i++)
		fake_put(a->f, a->tasks + CPYTHON_SET_USED + 8 * i, words[i]);
}

/* The loop object that runs on the thread; 0: none. */
static inline void fake_run_loop(struct fake_asyncio *a, uint64_t loop)
{
	struct fake *f = a->f;
	uint64_t key = fake_str(f, "__asyncio_running_event_loop__"), holder;

	if (f->l.running == RUNNING_STATED) {
		fake_put(f, a->state + f->l.running_loop, loop);
	} else if (f->l.running == RUNNING_STATE_END) {
		fake_put(f, a->state + f->l.state_size, loop);
	} else {
		holder = loop ? loop : f->None;
		if (f->l.minor < 12) {
			holder = fake_object(f, f->holder, 48);
			fake_put(f, holder + CPYTHON_HOLDER_LOOP, loop ? loop : f->None);
			fake_put32(f, holder + CPYTHON_HOLDER_PID, FAKE_PID);
		}
		fake_put(f, a->state + f->l.state_dict, fake_dict(f, 1, &key, &holder, false));
	}
}

static inline void fake_run_task(struct fake_asyncio *a, uint64_t task)
{
	struct fake *f = a->f;

	a->running = task;
	if (f->l.running == RUNNING_STATED)
		fake_put(f, a->state + f->l.running_task, task);
	else
		fake_put(f, a->current + CPYTHON_DICT_KEYS, fake_keys(f, 1, &a->loop, &task, true));
}

static inline uint64_t fake_asyncio_module(struct fake_asyncio *a)
{
	struct fake *f = a->f;
	const char *const data = "data";
	const char *const old[] = { "_all_tasks", "_current_tasks" };
	const char *const new[] = { "_scheduled_tasks", "_current_tasks", "_eager_tasks" };
	uint64_t values[3];

	a->tasks = fake_set(f, 0, NULL);
	a->current = fake_dict(f, 0, NULL, NULL, true);
	values[0] = fake_instance(f, "WeakSet", 1, &data, &a->tasks);
	values[1] = a->current;
	values[2] = fake_set(f, 0, NULL);
	return f->l.minor < 12 ? fake_module(f, 2, old, values) : fake_module(f, 3, new, values);
}

/* A loop with 57 ready callbacks, 46 timers of which 11 are cancelled, that runs the task Task-7.
 */
static inline void fake_asyncio_in(struct fake_asyncio *a, struct fake *f, uint32_t minor)
{
	static const char *const attrs[] = { "_ready", "_scheduled", "_timer_cancelled_count",
					     "_default_executor" };
	const char *const imported = "asyncio.tasks";
	uint64_t values[4], timers[46] = { 0 }, module;

	if (fake_init(f, minor) < 0)
		abort();
	a->f = f;
	module = fake_asyncio_module(a);
	a->interp = fake_interp(f, 1, &imported, &module);
	a->state = fake_state(f, a->interp, FAKE_POINTER, 31);
	a->list_last = a->state + f->l.tasks_head;
	if (f->l.running == RUNNING_STATED) {
		fake_put(f, a->list_last, a->list_last);
		fake_put(f, a->interp + f->l.interp_tasks_head, a->interp + f->l.interp_tasks_head);
	}
	a->ready = values[0] = fake_deque(f, 57);
	a->scheduled = values[1] = fake_list(f, 46, timers);
	values[2] = fake_int(f, 11);
	values[3] = f->None;
	a->loop = fake_instance(f, "_UnixSelectorEventLoop", 4, attrs, values);
	fake_run_loop(a, a->loop);
	fake_run_task(a,
		      fake_task(f, a->loop, 0, minor < 12 ? fake_str(f, "Task-7") : fake_int(f, 7),
				fake_coroutine(f, "Shop.serve")));
	a->loops = (struct cpython_loops){ .rd = &f->rd, .pid = FAKE_PID, .clock = fake_clock };
	fake_time = 1000;
	fake_step = 0;
}

static inline void fake_asyncio_init(struct fake_asyncio *a, uint32_t minor)
{
	struct fake *f = malloc(sizeof(*f));

	if (!f)
		abort();
	fake_asyncio_in(a, f, minor);
}

static inline void fake_asyncio_release(struct fake_asyncio *a)
{
	a->f = fake_free(a->f);
}

#endif
