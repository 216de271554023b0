/* test_offcpu.c: rows of --off-cpu: order, rounding, and what each kind of row may say. */
#include "build.h"

static void give_row(struct bench *b, enum offcpu_by by, uint64_t stack, uint64_t ns)
{
	struct event_offcpu e = {
		.key = { .stack = stack,
			 .tgid = TGID,
			 .tid = TID,
			 .syscall = NR_READ,
			 .klass = CLASS_SYSCALL,
			 .by = by },
		.value = { .count = 3, .ns = ns, .max = ns / 2, .hist = { [17] = 3 } },
		.target = { .kind = TARGET_PIPE, .fd = 5 },
		.comm = "worker\x07",
	};

	e.head = head_of(EVENT_OFFCPU, sizeof(e));
	give_event(b, &e, sizeof(e));
}

/* By kind, then most time first, with the microseconds of each kind adding up. */
TEST(test_order_and_rounding)
{
	const struct profile *p;
	uint64_t us = 0;

	BENCH(b);
	give_python(&b, 7, "f", 1);
	give_row(&b, OFFCPU_BY_THREAD, 0, 5003);
	for (uint64_t i = 0; i < 23; i++)
		give_row(&b, OFFCPU_BY_STACK, 7, 1700 + i);
	give_row(&b, OFFCPU_BY_SYSCALL, 0, 7001);
	p = seal(&b);
	assert_int_equal(p->n_offcpu, 25);
	for (size_t i = 0; i < 23; i++) {
		assert_int_equal(p->offcpu[i].by, OFFCPU_BY_STACK);
		assert_int_equal(p->offcpu[i].sum_ns, 1722 - i);
		assert_int_equal(p->offcpu[i].stack, 0);
		us += p->offcpu[i].us;
	}
	assert_int_equal(us, (1700 * 23 + 22 * 23 / 2) / 1000);
	assert_int_equal(p->offcpu[23].us, 7);
	assert_int_equal(p->offcpu[24].us, 5);
	bench_close(&b);
}

/* Rows of equal time stand in the order in which their stacks were told. */
TEST(test_ties)
{
	const struct profile *p;

	BENCH(b);
	for (uint64_t hash = 1; hash <= 7; hash++)
		give_python(&b, hash, "f", hash);
	for (uint64_t hash = 7; hash >= 1; hash--)
		give_row(&b, OFFCPU_BY_STACK, hash, 1009);
	p = seal(&b);
	for (int i = 0; i < 7; i++)
		assert_int_equal(p->offcpu[i].stack, i);
	bench_close(&b);
}

/* A row by stack has its object and tip, one by thread the thread's name, and no row both. */
TEST(test_content)
{
	const struct profile *p;

	BENCH(b);
	give_proc(&b, TGID, "uvicorn", "/usr/bin/python3");
	give_row(&b, OFFCPU_BY_STACK, 99, 1009);
	give_row(&b, OFFCPU_BY_THREAD, 99, 1009);
	p = seal(&b);
	assert_int_equal(p->n_procs, 1);
	assert_int_equal(p->offcpu[0].stack, -1);
	assert_int_equal(p->offcpu[0].tid, 0);
	assert_string_equal(p->offcpu[0].comm, "");
	assert_string_equal(p->offcpu[0].syscall, "read");
	assert_string_equal(p->offcpu[0].target.text, "pipe");
	assert_string_equal(p->offcpu[0].tip, "[syscall read pipe]");
	assert_int_equal(p->offcpu[0].count, 3);
	assert_int_equal(p->offcpu[0].max_ns, 504);
	assert_int_equal(p->offcpu[0].hist[17], 3);
	assert_int_equal(p->offcpu[1].tid, TID);
	assert_string_equal(p->offcpu[1].comm, "worker\\x07");
	assert_string_equal(p->offcpu[1].target.text, "");
	bench_close(&b);
}

/* Rows that cannot be, or would overflow the sum, are counted; those over the limit too. */
TEST(test_hostile)
{
	struct event_offcpu e = { .key = { .by = OFFCPU_BY_STACK } };
	const struct profile *p;

	BENCH(b);
	e.head = head_of(EVENT_OFFCPU, sizeof(e));
	e.key.klass = CLASS_COUNT;
	give_event(&b, &e, sizeof(e));
	e.key.klass = 0;
	e.target.kind = TARGET_COUNT;
	give_event(&b, &e, sizeof(e));
	e.target.kind = 0;
	e.key.by = 0;
	give_event(&b, &e, sizeof(e));
	e.key.by = OFFCPU_BY_THREAD + 1;
	give_event(&b, &e, sizeof(e));
	give_row(&b, OFFCPU_BY_STACK, 0, MODEL_TOTAL_MAX + 1);
	b.m->items_max = 1;
	give_row(&b, OFFCPU_BY_STACK, 0, 1);
	give_row(&b, OFFCPU_BY_STACK, 0, 1);
	p = seal(&b);
	assert_int_equal(lost_count(p, "bad events"), 5);
	assert_int_equal(lost_count(p, "items"), 1);
	assert_int_equal(p->n_offcpu, 1);
	bench_close(&b);
}

/* The row for everything that found none belongs to no process, and still has a name. */
TEST(test_overflow_row)
{
	struct event_offcpu e = { .key = { .by = OFFCPU_BY_STACK, .overflow = 1 },
				  .value = { .count = 1, .ns = 1009 } };
	const struct profile *p;

	BENCH(b);
	e.head = head_of(EVENT_OFFCPU, sizeof(e));
	give_event(&b, &e, sizeof(e));
	p = seal(&b);
	assert_true(p->offcpu[0].overflow);
	assert_string_equal(p->procs[p->offcpu[0].proc].comm, "(all)");
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_rounding),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_overflow_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
