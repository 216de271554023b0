/* test_running.c: which coroutine and task a stall belongs to. */
#include "build.h"

static void give_coro(struct bench *b, uint64_t hash, const char *inner, const char *outer)
{
	struct chunk_frame f[] = {
		{ .kind = FRAME_PYTHON, .fn = "get_user", .file = "a.py", .module = "" },
		{ .kind = FRAME_PYTHON,
		  .fn = inner,
		  .file = "a.py",
		  .module = "",
		  .flags = FRAME_COROUTINE },
		{ .kind = FRAME_PYTHON,
		  .fn = outer,
		  .file = "a.py",
		  .module = "",
		  .flags = FRAME_COROUTINE },
		{ .kind = FRAME_PYTHON,
		  .fn = "Handle._run",
		  .file = "events.py",
		  .module = "",
		  .flags = FRAME_LIBRARY },
	};

	give_stack(b, hash, 0, f, 4);
}

static void give_task(struct bench *b, uint64_t start, const char *task, const char *coro)
{
	put_u32(b, 1);
	put_u64(b, start);
	put_str(b, task);
	put_str(b, coro);
	give(b, CHUNK_TASK);
}

/* A stall with waits of those lengths in those stacks; begins at `iteration` seconds. */
static const struct stall *in_stacks(struct bench *b, uint64_t iteration, uint64_t hash1,
				     uint64_t ms1, uint64_t hash2, uint64_t ms2)
{
	struct event_stall e = a_stall(1, iteration, (ms1 + ms2 + 1) * MS);

	add_part(&e, CLASS_SYSCALL, ms1 * MS, hash1);
	if (ms2)
		add_part(&e, CLASS_SYSCALL, ms2 * MS, hash2)->syscall = NR_RECV;
	give_stall(b, &e);
	return b->last;
}

/* The outermost coroutine is the task's own; what the runtime said agrees with it. */
TEST(test_agrees)
{
	const struct stall *s;

	BENCH(b);
	give_coro(&b, 7, "fetch", "list_users");
	give_task(&b, 3000 * MS, "Task-812", "list_users");
	s = in_stacks(&b, 3, 7, 200, 0, 0);
	assert_string_equal(s->coro, "list_users");
	assert_string_equal(s->task, "Task-812");
	bench_close(&b);
}

/* Another coroutine, another loop, another busy period: another task. */
TEST(test_of_another)
{
	BENCH(b);
	give_coro(&b, 7, "fetch", "list_users");
	give_task(&b, 3000 * MS, "Task-1", "upload");
	assert_string_equal(in_stacks(&b, 3, 7, 200, 0, 0)->task, "");
	assert_string_equal(b.last->coro, "list_users");
	give_task(&b, 4001 * MS, "Task-2", "list_users");
	assert_string_equal(in_stacks(&b, 4, 7, 200, 0, 0)->task, "");
	put_u32(&b, 2);
	put_u64(&b, 5000 * MS);
	put_str(&b, "Task-3");
	put_str(&b, "list_users");
	give(&b, CHUNK_TASK);
	assert_string_equal(in_stacks(&b, 5, 7, 200, 0, 0)->task, "");
	give_task(&b, 6000 * MS, "Task-4", ""); /* of nothing known */
	assert_string_equal(in_stacks(&b, 6, 7, 200, 0, 0)->task, "");
	bench_close(&b);
}

/* Code without a qualified name agrees with the end of one, at a dot only. */
TEST(test_short_names)
{
	BENCH(b);
	give_coro(&b, 7, "fetch", "get");
	give_task(&b, 3000 * MS, "Task-1", "Client.get");
	assert_string_equal(in_stacks(&b, 3, 7, 200, 0, 0)->task, "Task-1");
	assert_string_equal(b.last->coro, "Client.get");
	give_task(&b, 4000 * MS, "Task-2", "forget");
	assert_string_equal(in_stacks(&b, 4, 7, 200, 0, 0)->task, "");
	give_coro(&b, 8, "fetch", "forget");
	give_task(&b, 5000 * MS, "Task-3", "get");
	assert_string_equal(in_stacks(&b, 5, 8, 200, 0, 0)->task, "");
	bench_close(&b);
}

/* Two tasks in one busy period: neither is the stall's. */
TEST(test_two_tasks)
{
	BENCH(b);
	give_coro(&b, 7, "fetch", "list_users");
	give_task(&b, 3000 * MS, "Task-1", "list_users");
	give_task(&b, 3000 * MS, "Task-2", "list_users");
	assert_string_equal(in_stacks(&b, 3, 7, 200, 0, 0)->task, "");
	give_task(&b, 4000 * MS, "Task-3", "list_users");
	give_task(&b, 4000 * MS, "Task-3", "list_users");
	assert_string_equal(in_stacks(&b, 4, 7, 200, 0, 0)->task, "Task-3");
	bench_close(&b);
}

/* Half of what the stacks show at least; the heaviest stack alone is not enough. */
TEST(test_least_half)
{
	struct event_stall e = a_stall(1, 5, 310 * MS);

	BENCH(b);
	give_coro(&b, 7, "fetch", "list_users");
	give_coro(&b, 8, "fetch", "upload");
	give_coro(&b, 9, "fetch", "page");
	give_task(&b, 5000 * MS, "Task-1", "list_users");
	add_part(&e, CLASS_SYSCALL, 110 * MS, 7);
	add_part(&e, CLASS_SYSCALL, 100 * MS, 8);
	add_part(&e, CLASS_SYSCALL, 100 * MS, 9);
	give_stall(&b, &e);
	assert_string_equal(b.last->coro, "list_users");
	assert_string_equal(b.last->task, "");
	bench_close(&b);
}

/* Without a coroutine in any stack nothing speaks against the runtime's word; with one, it does. */
TEST(test_no_coroutine)
{
	BENCH(b);
	give_python(&b, 7, "callback", 41);
	give_coro(&b, 8, "fetch", "list_users");
	give_task(&b, 3000 * MS, "Task-1", "cythonised");
	assert_string_equal(in_stacks(&b, 3, 7, 200, 0, 0)->task, "Task-1");
	assert_string_equal(b.last->coro, "cythonised");
	give_task(&b, 4000 * MS, "Task-2", "list_users");
	assert_string_equal(in_stacks(&b, 4, 7, 200, 8, 100)->task, "");
	assert_string_equal(b.last->coro, "");
	bench_close(&b);
}

/* What is told after the stall is there in the sealed profile; a cut chunk tells nothing. */
TEST(test_late_and_cut)
{
	const struct profile *p;

	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	give_coro(&b, 7, "fetch", "list_users");
	assert_string_equal(in_stacks(&b, 3, 7, 200, 0, 0)->task, "");
	give_task(&b, 3000 * MS, "Task-1\x07", "list_users");
	in_stacks(&b, 4, 7, 200, 0, 0);
	put_u32(&b, 1);
	put_u64(&b, 4000 * MS);
	put_str(&b, "Task-2");
	give(&b, CHUNK_TASK);
	b.m->items_max = 1;
	give_task(&b, 4000 * MS, "Task-2", "list_users");
	p = seal(&b);
	assert_string_equal(p->stalls[0].task, "Task-1\\x07");
	assert_string_equal(p->stalls[1].task, "");
	assert_int_equal(lost_count(p, "bad events"), 1);
	assert_int_equal(lost_count(p, "items"), 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees),	     cmocka_unit_test(test_of_another),
		cmocka_unit_test(test_short_names),  cmocka_unit_test(test_two_tasks),
		cmocka_unit_test(test_least_half),   cmocka_unit_test(test_no_coroutine),
		cmocka_unit_test(test_late_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
