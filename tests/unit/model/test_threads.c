/* test_threads.c: where the threads of a process wait. */
#include "build.h"

struct a_row {
	uint64_t pool;
	const char *group;
	uint64_t stack;
	uint32_t klass;
	uint64_t ns;
	bool idle;
};

static void put_row(struct bench *b, const struct a_row *row)
{
	put_u32(b, TGID);
	put_u64(b, row->pool);
	put_str(b, row->group);
	put_u64(b, row->stack);
	put_u32(b, row->klass);
	put_u32(b, NR_RECV);
	put_u64(b, 40);
	put_u64(b, row->ns);
	put_u32(b, 3);
	put_u32(b, row->idle);
}

static void give_row(struct bench *b, const struct a_row *row, uint8_t kind)
{
	struct wait_target target = { .kind = kind, .fd = 9, .value = 0x7f10 };

	put_row(b, row);
	assert_int_equal(str_add_mem(&b->payload, &target, sizeof(target)), 0);
	give(b, CHUNK_THREADS);
}

static void give_pool(struct bench *b, uint64_t id)
{
	put_u32(b, TGID);
	put_u64(b, id);
	put_str(b, "asyncio");
	put_str(b, "");
	for (int i = 0; i < 3; i++)
		put_u32(b, 1);
	for (int i = 0; i < 4; i++)
		put_u64(b, 1);
	put_u32(b, 1);
	put_u32(b, 1);
	put_u64(b, 1);
	put_u32(b, 0);
	give(b, CHUNK_POOL);
}

/* The last report of a row counts; anything else in its key makes another row. */
TEST(test_rows)
{
	struct a_row row = { 0, "consumer", 7, CLASS_SYSCALL, 100, false };
	const struct profile *p;

	BENCH(b);
	give_python(&b, 7, "take", 12);
	give_row(&b, &row, TARGET_PIPE);
	row.ns = 300;
	give_row(&b, &row, TARGET_PIPE);
	row.group = "mailer";
	row.ns = 200;
	give_row(&b, &row, TARGET_PIPE);
	row.stack = 8; /* which nobody named */
	row.ns = 250;
	give_row(&b, &row, TARGET_PIPE);
	row.klass = CLASS_LOCK;
	row.ns = 150;
	give_row(&b, &row, TARGET_FUTEX);
	row.ns = 900;
	row.idle = true; /* a row of its own */
	give_row(&b, &row, TARGET_FUTEX);
	p = seal(&b);
	assert_int_equal(p->n_threads, 5);
	assert_int_equal(p->threads[0].ns, 300);
	assert_string_equal(p->threads[0].group, "consumer");
	assert_string_equal(p->threads[0].at->fn, "take");
	assert_string_equal(p->threads[0].tip, "[syscall recvfrom pipe]");
	assert_int_equal(p->threads[0].at_once, 3);
	assert_int_equal(p->threads[0].samples, 40);
	assert_int_equal(p->threads[0].pool, -1);
	assert_int_equal(p->threads[1].stack, -1);
	assert_int_equal(p->threads[2].ns, 200);
	assert_int_equal(p->threads[3].ns, 150);
	assert_true(p->threads[4].idle); /* last, however long */
	bench_close(&b);
}

/* A pool has the waits of its busy workers, and only these; a lock in the library has a name. */
TEST(test_pools)
{
	static const struct chunk_frame wait = { .kind = FRAME_PYTHON,
						 .flags = FRAME_LIBRARY,
						 .fn = "Condition.wait",
						 .module = "",
						 .file = "/lib/threading.py" };
	const struct profile *p;

	BENCH(b);
	give_row(&b, &(struct a_row){ 70, "asyncio", 7, CLASS_LOCK, 100, false }, TARGET_FUTEX);
	give_row(&b, &(struct a_row){ 70, "asyncio", 0, CLASS_SYSCALL, 300, false }, TARGET_PIPE);
	give_row(&b, &(struct a_row){ 70, "asyncio", 0, CLASS_LOCK, 900, true }, TARGET_FUTEX);
	give_row(&b, &(struct a_row){ 71, "another", 0, CLASS_LOCK, 900, false }, TARGET_FUTEX);
	give_pool(&b, 70);
	give_stack(&b, 7, 0, &wait, 1); /* named last */
	p = seal(&b);
	assert_int_equal(p->pools[0].n_waits, 2);
	assert_int_equal(p->pools[0].waits[0]->ns, 300);
	assert_string_equal(p->pools[0].waits[1]->target.text, "threading.Condition.wait");
	assert_int_equal(p->pools[0].waits[1]->pool, 0);
	bench_close(&b);
}

/* Cut before its end, or of a class or a kind of target that does not exist: bad. */
TEST(test_hostile)
{
	struct a_row row = { 0, "\x1b", 7, CLASS_SYSCALL, UINT64_MAX, false };
	const struct profile *p;

	BENCH(b);
	put_row(&b, &row);
	put_u64(&b, 0);
	give(&b, CHUNK_THREADS);
	row.klass = CLASS_COUNT;
	give_row(&b, &row, TARGET_PIPE);
	row.klass = CLASS_CPU;
	give_row(&b, &row, TARGET_COUNT);
	give_row(&b, &row, TARGET_NONE);
	b.m->items_max = 1;
	row.stack = 8;
	give_row(&b, &row, TARGET_NONE);
	p = seal(&b);
	assert_int_equal(p->n_threads, 1);
	assert_string_equal(p->threads[0].group, "\\x1b");
	assert_int_equal(lost_count(p, "bad events"), 3);
	assert_int_equal(lost_count(p, "items"), 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
