/* test_cpython_tasks.c: the tasks of an image of every version, through the model to a profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "fake_tasks.h"
#include "model/model.h"
#include "runtime/cpython_tasks.h"

struct world {
	struct fake_tasks t;
	uint64_t tasks[20];
	size_t n_tasks;
	char library[3][64]; /* paths of tasks.py, locks.py, queues.py and so on */
	struct model *m;
	const struct task_list *list;
};

enum { IN_TASKS, IN_LOCKS, IN_GROUPS };

static void open_world(struct world *w, uint32_t minor)
{
	static const char *const files[] = { "tasks", "locks", "taskgroups" };

	memset(w, 0, sizeof(*w));
	fake_tasks_init(&w->t, minor);
	for (int i = 0; i < 3; i++)
		snprintf(w->library[i], sizeof(w->library[i]), "/usr/lib/python3.%u/asyncio/%s.py",
			 minor, files[i]);
}

static void close_world(struct world *w)
{
	model_free(w->m);
	fake_tasks_release(&w->t);
}

static uint64_t coro(struct world *w, enum fake_state state, const char *name, uint32_t line,
		     uint64_t awaited)
{
	uint64_t code = fake_code(&w->t, name, "/srv/app.py", line);

	return fake_coro(&w->t, w->t.f->coroutine, state, code, 0, awaited);
}

/* A coroutine of asyncio whose first argument is `first`, on a pending future. */
static uint64_t library(struct world *w, int file, const char *name, uint64_t first)
{
	uint64_t code = fake_code(&w->t, name, w->library[file], 500);
	uint64_t future = fake_iter(&w->t, fake_future(&w->t, w->t.f->future, 0));

	return fake_coro(&w->t, w->t.f->coroutine, FAKE_AWAITING, code, first, future);
}

static uint64_t add(struct world *w, const char *name, uint64_t of)
{
	return w->tasks[w->n_tasks++] = fake_task_of(&w->t, name, of);
}

static uint64_t awaiting(struct world *w, const char *name, uint64_t awaited)
{
	return add(w, name, coro(w, FAKE_AWAITING, name, (uint32_t)w->n_tasks + 1, awaited));
}

static int put(void *ctx, const struct str *payload)
{
	return chunk_emit(model_sink(ctx), CHUNK_TASKS, payload);
}

/* Reads the image into w->list. */
static const struct profile *read_world(struct world *w)
{
	struct cpython_tasks_opts o = {
		.loops = &w->t.a.loops, .names = w->t.names, .tgid = 4711, .runtime = w->t.runtime
	};
	const struct profile *p;

	fake_tasks(&w->t.a, w->n_tasks, w->tasks);
	assert_int_equal(model_new(&w->m), 0);
	assert_int_equal(cpython_tasks(&o, put, w->m), 0);
	p = model_seal(w->m, "");
	assert_non_null(p);
	assert_int_equal(p->n_lost, 0);
	w->list = p->task_lists;
	return p;
}

static const struct task *task(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->list->n_tasks; i++)
		if (strcmp(w->list->tasks[i].name, name) == 0)
			return &w->list->tasks[i];
	fail_msg("no task %s", name);
	return NULL;
}

static const struct await *end_of(const struct world *w, const char *name)
{
	const struct task *t = task(w, name);

	assert_true(t->n_awaits > 0);
	return &t->awaits[t->n_awaits - 1];
}

static void expect_children(const struct world *w, const char *name, size_t n, const char *a,
			    const char *b)
{
	const struct task *t = task(w, name);
	const char *const names[] = { a, b };

	for (size_t i = 0; i < n; i++) {
		const struct await *e = &t->awaits[t->n_awaits - n + i];

		assert_int_equal(e->kind, AWAIT_TASK);
		assert_true(e->task >= 0);
		assert_string_equal(w->list->tasks[e->task].name, names[i]);
	}
	assert_true(t->n_awaits == n || t->awaits[t->n_awaits - n - 1].kind != AWAIT_TASK);
}

static uint64_t bound_exit(struct world *w, uint64_t lock)
{
	uint64_t method = fake_object(w->t.f, w->t.f->method, 64);

	fake_put(w->t.f, method + CPYTHON_METHOD_FUNC,
		 fake_function(w->t.f, fake_code(&w->t, "_ContextManagerMixin.__aexit__",
						 w->library[IN_LOCKS], 20)));
	fake_put(w->t.f, method + CPYTHON_METHOD_SELF, lock);
	return method;
}

static void each_version(void (*fn)(struct world *w))
{
	for (uint32_t minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		struct world w;

		open_world(&w, minor);
		fn(&w);
		close_world(&w);
	}
}

static void states(struct world *w)
{
	struct fake *f = w->t.f;
	uint64_t gone = fake_task(f, w->t.a.loop, 2, fake_str(f, "gone"), f->None);
	const struct task *t;

	awaiting(w, "waits", fake_iter(&w->t, fake_future(&w->t, f->future, 0)));
	awaiting(w, "is done", fake_iter(&w->t, fake_future(&w->t, f->future, 2)));
	add(w, "not begun", coro(w, FAKE_CREATED, "later", 3, 0));
	add(w, "runs", coro(w, FAKE_RUNNING, "crunch", 4, 0));
	w->tasks[w->n_tasks++] = gone;
	w->tasks[w->n_tasks++] = fake_object(f, f->tuple, 256); /* freed meanwhile, used again */
	read_world(w);
	assert_int_equal(w->list->n_tasks, 4);
	assert_int_equal(w->list->ready, 57);
	assert_int_equal(w->list->scheduled, 35);
	assert_string_equal(w->list->kind, "asyncio");
	assert_int_equal(task(w, "waits")->state, TASK_PENDING);
	assert_int_equal(end_of(w, "waits")->kind, AWAIT_FUTURE);
	assert_int_equal(task(w, "is done")->state, TASK_READY);
	assert_int_equal(end_of(w, "is done")->kind, AWAIT_FRAME);
	assert_int_equal(task(w, "not begun")->state, TASK_READY);
	t = task(w, "runs");
	assert_int_equal(t->state, TASK_RUNNING);
	assert_string_equal(t->coro, "crunch");
	assert_string_equal(t->file, "/srv/app.py");
	assert_int_equal(t->line, 4);
	assert_int_equal(w->list->vanished, 1);
}

static void test_states(void **state)
{
	(void)state;
	each_version(states);
}

static void others(struct world *w)
{
	struct fake *f = w->t.f;
	static const char *const children = "_children", *const tasks = "_tasks";
	uint64_t leaf = awaiting(w, "leaf", fake_iter(&w->t, fake_future(&w->t, f->future, 0)));
	uint64_t leaf2 = awaiting(w, "leaf2", library(w, IN_TASKS, "sleep", 0));
	uint64_t both[] = { leaf, leaf2, f->None }, list = fake_list(f, 3, both),
		 set = fake_set(f, 3, both);
	uint64_t gathering, group;

	awaiting(w, "task", fake_iter(&w->t, leaf));
	gathering = fake_instance_of(f, w->t.gathering, 1, &children, &list);
	fake_put32(f, gathering + f->l.future_state, 0);
	awaiting(w, "gather", fake_iter(&w->t, gathering));
	awaiting(w, "wait_for", library(w, IN_TASKS, "wait_for", leaf));
	awaiting(w, "wait", library(w, IN_TASKS, "_wait", set));
	group = fake_instance(f, "TaskGroup", 1, &tasks, &set);
	awaiting(w, "group", library(w, IN_GROUPS, "TaskGroup.__aexit__", group));
	read_world(w);
	expect_children(w, "task", 1, "leaf", NULL);
	expect_children(w, "gather", 2, "leaf", "leaf2");
	assert_int_equal(task(w, "gather")->awaits[1].kind, AWAIT_GATHER);
	expect_children(w, "wait_for", 1, "leaf", NULL);
	expect_children(w, "wait", 2, "leaf", "leaf2");
	expect_children(w, "group", 2, "leaf", "leaf2");
	assert_int_equal(task(w, "leaf")->n_awaited_by, 5);
	assert_int_equal(task(w, "leaf2")->n_awaited_by, 3);
	assert_true(task(w, "leaf2")->awaits[1].library);
	assert_false(task(w, "leaf2")->awaits[0].library);
}

static void test_others(void **state)
{
	(void)state;
	each_version(others);
}

static void locks(struct world *w)
{
	uint64_t lock = fake_instance(w->t.f, "Lock", 0, NULL, NULL), code, enter;
	uint64_t queue = fake_instance(w->t.f, "Queue", 0, NULL, NULL);
	const struct task_lock *l;

	for (int i = 0; i < 3; i++) {
		code = fake_code(&w->t, "_ContextManagerMixin.__aenter__", w->library[IN_LOCKS],
				 15);
		enter = fake_coro(&w->t, w->t.f->coroutine, FAKE_AWAITING, code, lock,
				  library(w, IN_LOCKS, "Lock.acquire", lock));
		code = fake_code(&w->t, "wants", "/srv/app.py", 32);
		/* on the way in, its __aexit__ is on the stack already */
		add(w, (const char *[]){ "wants 0", "wants 1", "wants 2" }[i],
		    fake_coro(&w->t, w->t.f->coroutine, FAKE_AWAITING, code, bound_exit(w, lock),
			      enter));
	}
	code = fake_code(&w->t, "holds", "/srv/app.py", 40);
	add(w, "holds",
	    fake_coro(&w->t, w->t.f->coroutine, FAKE_AWAITING, code, bound_exit(w, lock),
		      library(w, IN_TASKS, "sleep", 0)));
	awaiting(w, "queue", library(w, IN_LOCKS, "Queue.get", queue));
	read_world(w);
	assert_int_equal(end_of(w, "wants 1")->kind, AWAIT_LOCK);
	assert_string_equal(end_of(w, "wants 1")->fn, "Lock");
	assert_true(end_of(w, "wants 1")->address == lock);
	assert_string_equal(end_of(w, "queue")->fn, "Queue");
	assert_int_equal(w->list->n_locks, 2);
	l = &w->list->locks[0];
	assert_true(l->address == lock);
	assert_int_equal(l->n_waiters, 3);
	assert_true(l->owner >= 0);
	assert_string_equal(w->list->tasks[l->owner].name, "holds");
	assert_int_equal(w->list->locks[1].owner, -1);
}

static void test_locks(void **state)
{
	(void)state;
	each_version(locks);
}

/* A future that a thread will complete, and an awaitable of other make. */
static void futures(struct world *w)
{
	struct fake *f = w->t.f;
	uint64_t future = fake_future(&w->t, f->future, 0);
	uint64_t code = fake_code(&w->t, "_chain_future.<locals>._call_check_cancel", "/x.py", 1);

	fake_put(f, future + CPYTHON_FUTURE_CALLBACK, fake_function(f, code));
	awaiting(w, "thread", fake_iter(&w->t, future));
	awaiting(w, "other", fake_instance(f, "Strange", 0, NULL, NULL));
	add(w, "foreign",
	    fake_object(f, fake_type(f, "_cython_3.coroutine", 1ull << 9, f->object), 64));
	read_world(w);
	assert_string_equal(end_of(w, "thread")->fn, "thread");
	assert_int_equal(end_of(w, "other")->kind, AWAIT_FUTURE);
	assert_string_equal(end_of(w, "other")->fn, "Strange");
	assert_string_equal(task(w, "foreign")->coro, "_cython_3.coroutine");
	assert_int_equal(task(w, "foreign")->n_awaits, 0);
}

static void test_futures(void **state)
{
	(void)state;
	each_version(futures);
}

static uint64_t flickers; /* where the image changes at each read */

static int flicker(const void *memory, uint64_t addr, void *buf, size_t len)
{
	struct fake *f = (struct fake *)memory;

	if (flickers)
		++*(uint32_t *)fake_at(f, flickers);
	return fake_read(memory, addr, buf, len);
}

/* A task whose line moves between any two looks is not shown; the one beside it is. */
static void moving(struct world *w)
{
	struct fake *f = w->t.f;
	uint64_t lock = fake_instance(f, "Lock", 0, NULL, NULL);
	uint64_t wait = library(w, IN_LOCKS, "Lock.acquire", lock), moves;

	moves = awaiting(w, "moves", wait);
	awaiting(w, "stands", library(w, IN_TASKS, "sleep", 0));
	/* the name of its coroutine changes a character at each read */
	memcpy(&flickers, fake_at(f, moves + f->l.task_name), sizeof(flickers));
	flickers += f->o.text_ascii;
	f->rd.read = flicker;
	read_world(w);
	flickers = 0;
	assert_int_equal(w->list->n_tasks, 1);
	assert_string_equal(w->list->tasks[0].name, "stands");
	assert_int_equal(w->list->vanished, 1);
}

static void test_moving(void **state)
{
	(void)state;
	each_version(moving);
}

/* When the time is up, the rest is counted. */
static void slow(struct world *w)
{
	for (int i = 0; i < 16; i++)
		awaiting(w, "t", library(w, IN_TASKS, "sleep", 0));
	fake_step = CPYTHON_TASKS_NS / 8;
	read_world(w);
	fake_step = 0;
	assert_true(w->list->n_tasks > 0 && w->list->skipped > 0);
	assert_int_equal(w->list->n_tasks + w->list->skipped, 16);
}

static void test_slow(void **state)
{
	(void)state;
	each_version(slow);
}

/* A loop without tasks is listed; without asyncio there is nothing, and that is no error. */
static void empty(struct world *w)
{
	const struct profile *p = read_world(w);

	assert_int_equal(p->n_task_lists, 1);
	assert_int_equal(w->list->n_tasks, 0);
	model_free(w->m);
	fake_run_loop(&w->t.a, 0);
	p = read_world(w);
	assert_int_equal(p->n_task_lists, 0);
}

static void test_empty(void **state)
{
	(void)state;
	each_version(empty);
}

/* Tasks of a loop that no thread runs have a list of their own. */
static void stopped(struct world *w)
{
	awaiting(w, "left behind", library(w, IN_TASKS, "sleep", 0));
	fake_run_loop(&w->t.a, 0);
	assert_int_equal(read_world(w)->n_task_lists, 1);
	assert_int_equal(w->list->tid, 0);
	assert_int_equal(w->list->n_tasks, 1);
}

static void test_stopped(void **state)
{
	(void)state;
	each_version(stopped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states), cmocka_unit_test(test_others),
		cmocka_unit_test(test_locks),  cmocka_unit_test(test_futures),
		cmocka_unit_test(test_moving), cmocka_unit_test(test_slow),
		cmocka_unit_test(test_empty),  cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
