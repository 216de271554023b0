/* test_holders.c: who held the GIL or released the lock, and for how much of the wait. */
#include "build.h"

/* A stall of ms on the CPU, until parts are added. */
static void add_owned(struct event_stall *e, enum stall_class klass, uint64_t ms, uint8_t role,
		      uint32_t tid, uint64_t stack)
{
	struct stall_part *p = add_part(e, klass, ms * MS, 0);

	p->owner =
		(struct wait_owner){ .role = role, .tid = tid, .stack = stack, .comm = "python" };
	if (role == OWNER_WAKER)
		p->owner.tgid = TGID;
}

/* Shares are of the whole wait: what nobody was seen to hold is nobody's. */
TEST(test_shares)
{
	struct event_stall e = a_stall(1, 3, 420 * MS);
	const struct stall *s;

	BENCH(b);
	add_owned(&e, CLASS_GIL, 116, OWNER_HOLDER, 4261, 0);
	add_owned(&e, CLASS_GIL, 200, OWNER_HOLDER, 4260, 0);
	add_owned(&e, CLASS_GIL, 24, OWNER_HOLDER, 4260, 0);
	add_owned(&e, CLASS_GIL, 40, OWNER_FREE, 0, 0);
	add_owned(&e, CLASS_GIL, 20, OWNER_NONE, 0, 0);
	give_stall(&b, &e);
	s = b.last;
	assert_int_equal(s->n_holders, 2);
	assert_int_equal(s->holders[0].owner.tid, 4260);
	assert_int_equal(s->holders[0].ns, 224 * MS);
	assert_true(s->holders[0].share > 0.559 && s->holders[0].share < 0.561);
	assert_int_equal(s->holders[1].owner.tid, 4261);
	assert_true(s->holders[1].share > 0.289 && s->holders[1].share < 0.291);
	assert_false(s->convoy);
	bench_close(&b);
}

/* Of several stacks of a holder the heaviest one names the place. */
TEST(test_heaviest_stack)
{
	struct event_stall e = a_stall(1, 3, 420 * MS);
	static const struct chunk_frame encode[] = {
		{ .kind = FRAME_PYTHON,
		  .flags = FRAME_LIBRARY,
		  .line = 214,
		  .fn = "iterencode",
		  .file = "encoder.py",
		  .module = "" },
		{ .kind = FRAME_PYTHON,
		  .line = 19,
		  .fn = "to_report",
		  .file = "report.py",
		  .module = "" },
	};

	BENCH(b);
	give_stack(&b, 7, 0, encode, 2);
	give_python(&b, 8, "parse", 77);
	add_owned(&e, CLASS_GIL, 100, OWNER_HOLDER, 4260, 7);
	add_owned(&e, CLASS_GIL, 100, OWNER_HOLDER, 4260, 7);
	add_owned(&e, CLASS_GIL, 150, OWNER_HOLDER, 4260, 8);
	give_stall(&b, &e);
	assert_string_equal(b.last->holders[0].at->fn, "to_report");
	assert_string_equal(b.last->holders[0].leaf->fn, "iterencode");
	bench_close(&b);
}

/* A lock is released by a thread of the same process; others only woke the loop. */
TEST(test_lock)
{
	struct event_stall e = a_stall(1, 3, 420 * MS);

	BENCH(b);
	add_owned(&e, CLASS_LOCK, 100, OWNER_WAKER, 4261, 0);
	add_owned(&e, CLASS_LOCK, 200, OWNER_WAKER, 900, 0);
	e.parts[1].owner.tgid = 900;
	add_owned(&e, CLASS_SYSCALL, 50, OWNER_WAKER, 4262, 0);
	add_owned(&e, CLASS_LOCK, 10, OWNER_HOLDER, 4263, 0);
	add_owned(&e, CLASS_GIL, 10, OWNER_WAKER, 4264, 0);
	give_stall(&b, &e);
	assert_int_equal(b.last->n_holders, 1);
	assert_int_equal(b.last->holders[0].klass, CLASS_LOCK);
	assert_int_equal(b.last->holders[0].owner.tid, 4261);
	assert_int_equal(b.last->parts[2].owner.pid, 900);
	bench_close(&b);
}

/* Who let a file's lock go is known where this kernel keeps it; else a server's answer came. */
TEST(test_file_lock)
{
	struct chunk_frame f[] = {
		{ .kind = FRAME_KERNEL, .fn = "__schedule", .file = "", .module = "" },
		{ .kind = FRAME_KERNEL, .fn = "schedule", .file = "", .module = "" },
		{ .kind = FRAME_KERNEL, .fn = "fcntl_setlk", .file = "", .module = "" },
	};
	struct event_stall e = a_stall(1, 3, 420 * MS);

	BENCH(b);
	give_stack(&b, 7, 0, f, 3);
	f[1].fn = "request_wait_answer";
	give_stack(&b, 8, 0, f, 3);
	for (int i = 0; i < 3; i++) {
		add_owned(&e, CLASS_SYSCALL, 100 + (uint64_t)i, OWNER_WAKER, 900 + (uint32_t)i, 0);
		e.parts[i].owner.tgid = 900 + (uint32_t)i;
		e.parts[i].syscall = i == 2 ? 0 : 72; /* read, fcntl */
		e.parts[i].stack = i == 1 ? 8 : 7;
	}
	give_stall(&b, &e);
	assert_int_equal(b.last->n_holders, 1);
	assert_int_equal(b.last->holders[0].klass, CLASS_SYSCALL);
	assert_int_equal(b.last->holders[0].owner.tid, 900);
	assert_int_equal(b.last->holders[0].owner.pid, 900);
	bench_close(&b);
}

static bool convoy_of(struct bench *b, size_t threads, uint64_t first_ms, uint64_t other_ms,
		      uint64_t unseen_ms)
{
	static uint64_t iteration = 3;
	struct event_stall e = a_stall(1, iteration++, 2000 * MS);

	e.class_ns[CLASS_CPU] = 0;
	e.ns = 0;
	for (uint32_t i = 0; i < threads; i++) {
		uint64_t ms = i ? other_ms : first_ms;

		e.class_ns[CLASS_CPU] += ms * MS;
		e.ns += ms * MS;
		add_owned(&e, CLASS_GIL, ms, OWNER_HOLDER, 4260 + i, 0);
	}
	e.class_ns[CLASS_CPU] += unseen_ms * MS + MS;
	e.ns += unseen_ms * MS + MS;
	add_owned(&e, CLASS_GIL, unseen_ms, OWNER_FREE, 0, 0);
	give_stall(b, &e);
	return b->last->convoy;
}

/* Three threads at least, most of it seen, and of that none for half. */
TEST(test_convoy)
{
	BENCH(b);
	assert_true(convoy_of(&b, 3, 100, 100, 10));
	assert_true(convoy_of(&b, 7, 30, 31, 1));
	assert_false(convoy_of(&b, 2, 100, 100, 10));
	assert_false(convoy_of(&b, 3, 200, 100, 10)); /* half of 400 */
	assert_true(convoy_of(&b, 3, 199, 100, 10));
	assert_false(convoy_of(&b, 3, 100, 100, 301)); /* who held the rest? */
	bench_close(&b);
}

/* Passing the GIL around explains nothing where something else took longer. */
TEST(test_convoy_aside)
{
	struct event_stall e = a_stall(1, 3, 1000 * MS);

	BENCH(b);
	for (uint32_t i = 0; i < 3; i++)
		add_owned(&e, CLASS_GIL, 100, OWNER_HOLDER, 4260 + i, 0);
	give_stall(&b, &e);
	assert_int_equal(b.last->n_holders, 3);
	assert_false(b.last->convoy);
	bench_close(&b);
}

/* A name that comes after the stall is still its holder's; the row has the longest one's. */
TEST(test_late_name)
{
	struct event_stall e = a_stall(1, 3, 420 * MS);
	const struct profile *p;

	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	add_owned(&e, CLASS_GIL, 400, OWNER_HOLDER, 4260, 0);
	give_stall(&b, &e);
	assert_string_equal(b.last->holders[0].owner.name, "python");
	put_u32(&b, TGID);
	put_u32(&b, 4260);
	put_str(&b, "worker-3");
	give(&b, CHUNK_THREAD_NAME);
	p = seal(&b);
	assert_string_equal(p->stalls[0].holders[0].owner.name, "worker-3");
	assert_string_equal(p->stalls[0].parts[1].owner.name, "worker-3");
	assert_ptr_equal(p->rows[0].holder, &p->stalls[0].holders[0]);
	bench_close(&b);
}

/* Over the limit a stall is in the sums only, and its row points at nothing that is gone. */
TEST(test_row_of_lost_stall)
{
	struct event_stall e = a_stall(1, 3, 420 * MS);
	const struct profile *p;

	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	b.m->items_max = 0;
	add_owned(&e, CLASS_GIL, 400, OWNER_HOLDER, 4260, 0);
	give_stall(&b, &e);
	p = seal(&b);
	assert_int_equal(p->n_rows, 1);
	assert_null(p->rows[0].holder);
	bench_close(&b);
}

/* A role that does not exist makes the event a bad one. */
TEST(test_bad_role)
{
	struct event_stall e = a_stall(1, 3, 420 * MS);

	BENCH(b);
	add_owned(&e, CLASS_GIL, 400, OWNER_FREE + 1, 4260, 0);
	give_stall(&b, &e);
	assert_int_equal(b.handed, 0);
	assert_int_equal(lost_count(seal(&b), "bad events"), 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),	  cmocka_unit_test(test_heaviest_stack),
		cmocka_unit_test(test_lock),	  cmocka_unit_test(test_file_lock),
		cmocka_unit_test(test_convoy),	  cmocka_unit_test(test_convoy_aside),
		cmocka_unit_test(test_late_name), cmocka_unit_test(test_row_of_lost_stall),
		cmocka_unit_test(test_bad_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
