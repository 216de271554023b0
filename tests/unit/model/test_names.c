/* test_names.c: what threads are called, and who kept one waiting. */
#include "build.h"

static void give_name(struct bench *b, uint32_t tgid, uint32_t tid, const char *name)
{
	put_u32(b, tgid);
	put_u32(b, tid);
	put_str(b, name);
	give(b, CHUNK_THREAD_NAME);
}

static struct owner owner_of(struct bench *b, struct wait_owner raw)
{
	struct owner o;

	assert_int_equal(owner_make(b->m, TGID, &raw, &o), 0);
	return o;
}

/* The last name of a thread counts; that of a thread of the same number elsewhere does not. */
TEST(test_last_name)
{
	BENCH(b);
	give_name(&b, TGID, 4260, "Thread-1");
	give_name(&b, TGID, 4260, "worker-3");
	give_name(&b, TGID + 1, 4260, "another");
	assert_string_equal(thread_name(b.m, TGID, 4260), "worker-3");
	assert_string_equal(thread_name(b.m, TGID, 4261), "");
	bench_close(&b);
}

/* The program's own name comes first, then what the kernel calls the thread. */
TEST(test_owner)
{
	struct wait_owner raw = { .tid = 4260, .role = OWNER_HOLDER, .comm = "python" };
	struct owner o;

	BENCH(b);
	give_python(&b, 7, "encode", 214);
	assert_string_equal(owner_of(&b, raw).name, "python");
	give_name(&b, TGID, 4260, "worker-3");
	raw.stack = 7;
	o = owner_of(&b, raw);
	assert_string_equal(o.name, "worker-3");
	assert_int_equal(o.stack, 0);
	assert_int_equal(o.pid, 0);
	raw.stack = 8;
	assert_int_equal(owner_of(&b, raw).stack, -1);
	bench_close(&b);
}

/* A waker may be of another process; the waiter's own is not said. */
TEST(test_owner_elsewhere)
{
	struct wait_owner raw = { .tid = 900, .tgid = 900, .role = OWNER_WAKER, .comm = "redis" };

	BENCH(b);
	give_name(&b, TGID, 900, "not this one");
	assert_int_equal(owner_of(&b, raw).pid, 900);
	assert_string_equal(owner_of(&b, raw).name, "redis");
	raw.tgid = TGID;
	assert_int_equal(owner_of(&b, raw).pid, 0);
	bench_close(&b);
}

/* Nobody has neither name nor stack, whatever else the event holds. */
TEST(test_nobody)
{
	struct wait_owner raw = { .tid = 900, .stack = 7, .role = OWNER_FREE, .comm = "redis" };

	BENCH(b);
	give_python(&b, 7, "encode", 214);
	assert_string_equal(owner_of(&b, raw).name, "");
	assert_int_equal(owner_of(&b, raw).stack, -1);
	bench_close(&b);
}

/* Bytes from outside are made printable, a cut name is no name, and there is an end to them. */
TEST(test_hostile)
{
	BENCH(b);
	give_name(&b, TGID, 1, "\x1b[2J\xff");
	assert_string_equal(thread_name(b.m, TGID, 1), "\\x1b[2J\\xff");
	put_u32(&b, TGID);
	put_u32(&b, 1);
	put_u32(&b, UINT32_MAX);
	give(&b, CHUNK_THREAD_NAME);
	assert_string_equal(thread_name(b.m, TGID, 1), "\\x1b[2J\\xff");
	b.m->items_max = 1;
	give_name(&b, TGID, 3, "one too many");
	assert_string_equal(thread_name(b.m, TGID, 3), "");
	assert_int_equal(lost_count(seal(&b), "items"), 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_name),	cmocka_unit_test(test_owner),
		cmocka_unit_test(test_owner_elsewhere), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
