/* test_tasks.c: lists of tasks: addresses become indexes, and nothing hostile becomes a list. */
#include "build.h"

static void put_head(struct bench *b)
{
	put_u64(b, 5000 + 7); /* ts */
	put_u32(b, TGID);
	put_u64(b, 0x7f00);
	put_u32(b, TID);
	put_str(b, "asyncio");
	put_u64(b, 57);
	put_u64(b, UINT64_MAX);
	put_u64(b, 3);
	put_u64(b, 2);
}

static void put_await(struct bench *b, uint32_t kind, const char *fn, uint32_t line,
		      uint64_t address)
{
	put_u32(b, kind);
	put_u32(b, kind == AWAIT_FRAME && line > 100);
	put_str(b, fn);
	put_str(b, kind == AWAIT_FRAME ? "app.py" : "");
	put_u32(b, line);
	put_u64(b, address);
}

static void put_task(struct bench *b, const char *name, uint32_t state, uint64_t address,
		     uint32_t n_awaits)
{
	put_str(b, name);
	put_str(b, "coro");
	put_u32(b, state);
	put_u32(b, 0);
	put_u64(b, address);
	put_u32(b, n_awaits);
}

/* Task-10 awaits Task-2 and a lock that Task-2 holds; neither order nor addresses are the list's.
 */
static void put_two(struct bench *b)
{
	put_head(b);
	put_u32(b, 2);
	put_task(b, "Task-10", TASK_PENDING, 0xa0, 5);
	put_await(b, AWAIT_FRAME, "outer", 41, 0);
	put_await(b, AWAIT_FRAME, "acquire", 120, 0);
	put_await(b, AWAIT_LOCK, "Lock", 0, 0x10c);
	put_await(b, AWAIT_TASK, "", 0, 0xdead);
	put_await(b, AWAIT_TASK, "", 0, 0xb0);
	put_u32(b, 0);
	put_task(b, "Task-2\x1b", TASK_RUNNING, 0xb0, 0);
	put_u32(b, 2);
	put_u64(b, 0xdead);
	put_u64(b, 0xa0);
	put_u32(b, 2);
	put_str(b, "Queue");
	put_u64(b, 0x10d);
	put_u64(b, 0);
	put_u32(b, 1);
	put_u64(b, 0xdead);
	put_str(b, "Lock");
	put_u64(b, 0x10c);
	put_u64(b, 0xb0);
	put_u32(b, 2);
	put_u64(b, 0xa0);
	put_u64(b, 0xbeef);
}

static const struct task_list *only_list(struct bench *b)
{
	const struct profile *p = model_seal(b->m, "");

	assert_non_null(p);
	assert_int_equal(p->n_lost, 0);
	assert_int_equal(p->n_task_lists, 1);
	return p->task_lists;
}

static void addresses_become_indexes(void **state)
{
	const struct task_list *l;
	const struct task *t;
	struct bench b;

	(void)state;
	bench_open(&b);
	give_meta(&b, META_MODE, "tasks");
	give_meta(&b, META_START_MONO, "5000");
	give_meta(&b, META_START_REAL, "9000");
	put_two(&b);
	give(&b, CHUNK_TASKS);
	l = only_list(&b);
	assert_int_equal(l->wall_ns, 9007);
	assert_int_equal(l->tid, TID);
	assert_int_equal(l->ready, 57);
	assert_true(l->scheduled == UINT64_MAX);
	assert_int_equal(l->vanished, 3);
	assert_int_equal(l->skipped, 2);
	assert_int_equal(l->n_tasks, 2);
	t = &l->tasks[0];
	assert_string_equal(t->name, "Task-10");
	assert_string_equal(t->file, "app.py");
	assert_int_equal(t->line, 41);
	assert_int_equal(t->n_awaits, 5);
	assert_false(t->awaits[0].library);
	assert_true(t->awaits[1].library);
	assert_int_equal(t->awaits[2].address, 0x10c);
	assert_int_equal(t->awaits[3].task, 1);
	assert_int_equal(t->awaits[4].task, -1);
	assert_int_equal(t->n_awaited_by, 0);
	t = &l->tasks[1];
	assert_string_equal(t->name, "Task-2\\x1b");
	assert_int_equal(t->state, TASK_RUNNING);
	assert_string_equal(t->file, "");
	assert_int_equal(t->n_awaited_by, 1);
	assert_int_equal(t->awaited_by[0], 0);
	bench_close(&b);
}

/* A lock whose waiters are all unknown says nothing. */
static void locks_have_waiters(void **state)
{
	const struct task_list *l;
	struct bench b;

	(void)state;
	bench_open(&b);
	put_two(&b);
	give(&b, CHUNK_TASKS);
	l = only_list(&b);
	assert_int_equal(l->n_locks, 1);
	assert_string_equal(l->locks[0].type, "Lock");
	assert_int_equal(l->locks[0].owner, 1);
	assert_int_equal(l->locks[0].n_waiters, 1);
	assert_int_equal(l->locks[0].waiters[0], 0);
	bench_close(&b);
}

/* Task-2 stands before Task-10, as a person would sort them. */
static void tasks_are_sorted_by_name(void **state)
{
	static const char *const names[] = { "Task-10", "b", "Task-9", "a" };
	static const char *const sorted[] = { "a", "b", "Task-9", "Task-10" };
	const struct task_list *l;
	struct bench b;

	(void)state;
	bench_open(&b);
	put_head(&b);
	put_u32(&b, 4);
	for (int i = 0; i < 4; i++) {
		put_task(&b, names[i], TASK_READY, 0x100 + i, 0);
		put_u32(&b, 0);
	}
	put_u32(&b, 0);
	give(&b, CHUNK_TASKS);
	l = only_list(&b);
	for (int i = 0; i < 4; i++)
		assert_string_equal(l->tasks[i].name, sorted[i]);
	bench_close(&b);
}

/* Cut anywhere, it is no list: counted, and the profile is whole without it. */
static void cut_lists_are_counted(void **state)
{
	struct bench whole;
	size_t cut;

	(void)state;
	bench_open(&whole);
	put_two(&whole);
	for (cut = 0; cut < whole.payload.len; cut++) {
		const struct profile *p;
		struct bench b;

		bench_open(&b);
		assert_int_equal(str_add_mem(&b.payload, whole.payload.text, cut), 0);
		give(&b, CHUNK_TASKS);
		p = model_seal(b.m, "");
		assert_non_null(p);
		assert_int_equal(p->n_task_lists, 0);
		assert_int_equal(p->n_lost, 1);
		assert_string_equal(p->lost[0].what, "bad events");
		bench_close(&b);
	}
	bench_close(&whole);
}

/* Counts that the bytes cannot hold, states and kinds that do not exist. */
static void lies_are_counted(void **state)
{
	struct bench b;
	const struct profile *p;

	(void)state;
	bench_open(&b);
	put_head(&b);
	put_u32(&b, UINT32_MAX);
	give(&b, CHUNK_TASKS);
	put_head(&b);
	put_u32(&b, 1);
	put_task(&b, "x", TASK_PENDING, 1, UINT32_MAX / 2);
	give(&b, CHUNK_TASKS);
	put_head(&b);
	put_u32(&b, 1);
	put_task(&b, "x", TASK_CANCELLED + 1, 1, 0);
	put_u32(&b, 0);
	put_u32(&b, 0);
	give(&b, CHUNK_TASKS);
	put_head(&b);
	put_u32(&b, 1);
	put_task(&b, "x", TASK_PENDING, 1, 1);
	put_await(&b, AWAIT_LOCK + 1, "f", 1, 0);
	put_u32(&b, 0);
	put_u32(&b, 0);
	give(&b, CHUNK_TASKS);
	p = model_seal(b.m, "");
	assert_non_null(p);
	assert_int_equal(p->n_task_lists, 0);
	assert_int_equal(p->lost[0].count, 4);
	bench_close(&b);
}

/* Two tasks at one address, and one that awaits itself: the first of the list is meant. */
static void addresses_may_lie(void **state)
{
	const struct task_list *l;
	struct bench b;

	(void)state;
	bench_open(&b);
	put_head(&b);
	put_u32(&b, 2);
	for (int i = 0; i < 2; i++) {
		put_task(&b, i ? "b" : "a", TASK_PENDING, 0x100, 1);
		put_await(&b, AWAIT_TASK, "", 0, 0x100);
		put_u32(&b, 1);
		put_u64(&b, 0x100);
	}
	put_u32(&b, 0);
	give(&b, CHUNK_TASKS);
	l = only_list(&b);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(l->tasks[i].awaits[0].task, 0);
		assert_int_equal(l->tasks[i].awaited_by[0], 0);
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_become_indexes), cmocka_unit_test(locks_have_waiters),
		cmocka_unit_test(tasks_are_sorted_by_name), cmocka_unit_test(cut_lists_are_counted),
		cmocka_unit_test(lies_are_counted),	    cmocka_unit_test(addresses_may_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
