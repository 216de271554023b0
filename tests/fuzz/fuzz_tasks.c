/* fuzz_tasks.c: tasks in any state of memory; the lists end, and the model takes what is in them.
 *
 * The memory is that of a program with tasks of several kinds, of the version that the first byte
 * chooses, with the words that the rest of the input names replaced: by anything, by a small number
 * or by an address in it.
 */
#include <stdio.h>

#include "model/model.h"
#include "runtime/cpython_tasks.h"
#include "tests/unit/runtime/fake_tasks.h"

#define VERSIONS    (FAKE_MINOR_LAST - FAKE_MINOR_FIRST + 1)
#define PATCH	    12 /* bytes: 3 of place, 1 of kind, 8 of value */
#define PATCHES_MAX 64

static void make_tasks(struct fake_tasks *t)
{
	struct fake *f = t->f;
	uint64_t code = fake_code(t, "f", "/srv/app.py", 7), locks, lock, tasks[4], inner;
	char path[64];

	snprintf(path, sizeof(path), "/usr/lib/python3.%u/asyncio/locks.py", f->l.minor);
	locks = fake_code(t, "Lock.acquire", path, 100);
	lock = fake_instance(f, "Lock", 0, NULL, NULL);
	inner = fake_coro(t, f->coroutine, FAKE_AWAITING, locks, lock,
			  fake_iter(t, fake_future(t, f->future, 0)));
	tasks[0] = fake_task_of(t, "a", fake_coro(t, f->coroutine, FAKE_AWAITING, code, 0, inner));
	inner = fake_coro(t, f->coroutine, FAKE_AWAITING, code, 0, fake_iter(t, tasks[0]));
	tasks[1] = fake_task_of(t, "b", inner);
	tasks[2] = fake_task_of(t, "c", fake_coro(t, f->coroutine, FAKE_RUNNING, code, 0, 0));
	tasks[3] = fake_task_of(t, "d", fake_coro(t, f->coroutine, FAKE_CREATED, code, 0, 0));
	fake_tasks(&t->a, 4, tasks);
}

static void patch(struct fake *f, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + PATCH <= size && i < PATCHES_MAX * PATCH; i += PATCH) {
		uint64_t at = data[i] | (uint64_t)data[i + 1] << 8 | (uint64_t)data[i + 2] << 16;
		uint64_t value;

		memcpy(&value, data + i + 4, sizeof(value));
		if (data[i + 3] & 1)
			value = FAKE_BASE + value % f->used;
		else if (data[i + 3] & 2)
			value %= 4096;
		memcpy(f->bytes + at % f->used / 8 * 8, &value, sizeof(value));
	}
}

static int put(void *ctx, const struct str *payload)
{
	return chunk_emit(model_sink(ctx), CHUNK_TASKS, payload);
}

static void check_list(const struct task_list *l)
{
	if (l->n_tasks > TASKS_MAX)
		__builtin_trap();
	for (size_t i = 0; i < l->n_tasks; i++) {
		const struct task *t = &l->tasks[i];

		for (size_t k = 0; k < t->n_awaits; k++)
			if (t->awaits[k].task >= (int)l->n_tasks)
				__builtin_trap();
	}
}

/* What the reader writes the model must be able to read. */
static void ask(struct fake_tasks *t)
{
	cleanup(model_freep) struct model *m = NULL;
	struct cpython_tasks_opts o = {
		.loops = &t->a.loops, .names = t->names, .tgid = 4711, .runtime = t->runtime
	};
	const struct profile *p;

	if (model_new(&m) < 0 || cpython_tasks(&o, put, m) < 0)
		return;
	p = model_seal(m, "");
	if (!p || p->n_lost)
		__builtin_trap();
	for (size_t i = 0; i < p->n_task_lists; i++)
		check_list(&p->task_lists[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_tasks t;

	if (size < 1)
		return 0;
	fake_tasks_init(&t, FAKE_MINOR_FIRST + data[0] % VERSIONS);
	make_tasks(&t);
	fake_step = 100000;
	patch(t.f, data + 1, size - 1);
	ask(&t);
	fake_tasks_release(&t);
	return 0;
}
