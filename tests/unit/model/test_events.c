/* test_events.c: raw events that lie about their size, their counts or their sums. */
#include "build.h"

static uint64_t bad_after(struct bench *b)
{
	return b->m->bad_events;
}

/* A payload cut at any byte, or with one byte more, does not match its head and is skipped. */
TEST(test_cut)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);
	size_t size;

	BENCH(b);
	add_part(&e, CLASS_LOCK, 7 * MS, 0);
	e.head.size = size = stall_size(&e);
	for (size_t len = 0; len < size; len++)
		give_event(&b, &e, len);
	assert_int_equal(bad_after(&b), size);
	give_event(&b, &e, size + 1);
	assert_int_equal(bad_after(&b), size + 1);
	assert_int_equal(b.handed, 0);
	give_event(&b, &e, size);
	assert_int_equal(b.handed, 1);
	bench_close(&b);
}

/* A head that agrees with the length of the payload must also agree with what is counted in it. */
TEST(test_counts)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);

	BENCH(b);
	for (uint32_t size = sizeof(e.head); size < stall_size(&e) + 300; size += 7) {
		if (size == stall_size(&e))
			continue;
		e.head.size = size;
		give_event(&b, &e, size);
	}
	e.n_parts = STALL_PARTS_MAX + 1;
	e.head.size = sizeof(e);
	give_event(&b, &e, sizeof(e));
	assert_int_equal(b.handed, 0);
	assert_true(bad_after(&b) > 43);
	bench_close(&b);
}

/* Classes and kinds of targets out of range are never used as an index. */
TEST(test_ranges)
{
	BENCH(b);
	for (int i = 0; i < 3; i++) {
		struct event_stall e = a_stall(1, 3 + i, 101 * MS);
		struct stall_part *p = add_part(&e, CLASS_LOCK, 7 * MS, 0);

		if (i == 0)
			p->klass = CLASS_COUNT;
		if (i == 1)
			p->target.kind = TARGET_COUNT;
		give_stall(&b, &e);
	}
	assert_int_equal(bad_after(&b), 2);
	assert_int_equal(b.handed, 1);
	bench_close(&b);
}

/* What the classes leave of the length is unexplained; more than the length cannot be. */
TEST(test_class_sums)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);

	BENCH(b);
	e.class_ns[CLASS_CPU] -= 13;
	give_stall(&b, &e);
	assert_int_equal(b.last->ns[CLASS_UNEXPLAINED], 13);
	e.class_ns[CLASS_CPU] += 14;
	give_stall(&b, &e);
	e.class_ns[CLASS_CPU] = e.class_ns[CLASS_GIL] = UINT64_MAX;
	give_stall(&b, &e);
	assert_int_equal(bad_after(&b), 2);
	assert_int_equal(b.handed, 1);
	bench_close(&b);
}

/* A stall of no length, and one that ends after the end of time. */
TEST(test_lengths)
{
	struct event_stall e = a_stall(1, 3, 0);

	BENCH(b);
	give_stall(&b, &e);
	e = a_stall(1, 3, 101 * MS);
	e.start = UINT64_MAX - 100 * MS;
	give_stall(&b, &e);
	assert_int_equal(bad_after(&b), 2);
	bench_close(&b);
}

/* Raw stacks whose counts pass their arrays or do not match their size. */
TEST(test_raw_stacks)
{
	static const uint16_t counts[][3] = {
		{ STACK_KERNEL_MAX + 1, 0, 0 },
		{ 0, STACK_USER_MAX + 1, 0 },
		{ 0, 0, STACK_PYTHON_MAX + 1 },
		{ 0, 0, 7 },
	};
	struct event_stack e = { .hash = 7 };

	BENCH(b);
	for (size_t i = 0; i < 4; i++) {
		e.n_kernel = counts[i][0];
		e.n_user = counts[i][1];
		e.n_python = counts[i][2];
		e.head = head_of(EVENT_STACK, offsetof(struct event_stack, python));
		give_event(&b, &e, e.head.size);
	}
	assert_int_equal(bad_after(&b), 4);
	e.hash = e.n_python = 0;
	give_event(&b, &e, e.head.size);
	assert_int_equal(bad_after(&b), 5);
	/* and the largest that there may be */
	e.hash = 7;
	e.n_kernel = STACK_KERNEL_MAX;
	e.n_user = STACK_USER_MAX;
	e.n_python = STACK_PYTHON_MAX;
	e.head.size = sizeof(e);
	give_event(&b, &e, sizeof(e));
	assert_int_equal(bad_after(&b), 5);
	assert_int_equal(seal(&b)->n_stacks, 1);
	assert_int_equal(seal(&b)->stacks[0].n_frames,
			 STACK_KERNEL_MAX + STACK_USER_MAX + STACK_PYTHON_MAX);
	bench_close(&b);
}

/* Events of fixed size may have grown in a later version, but not shrunk. */
TEST(test_fixed_sizes)
{
	static const uint16_t kinds[] = { EVENT_LOOP, EVENT_LIFE, EVENT_LOOP_STATS };
	static const size_t sizes[] = { sizeof(struct event_loop), sizeof(struct event_life),
					sizeof(struct event_loop_stats) };
	unsigned char bytes[1024] = { 0 };

	BENCH(b);
	for (int i = 0; i < 3; i++) {
		struct event_head head = head_of(kinds[i], sizes[i] - 1);

		memcpy(bytes, &head, sizeof(head));
		give_event(&b, bytes, head.size);
		assert_int_equal(bad_after(&b), i + 1);
		head.size = sizes[i] + 13;
		memcpy(bytes, &head, sizeof(head));
		give_event(&b, bytes, head.size);
		assert_int_equal(bad_after(&b), i + 1);
	}
	bench_close(&b);
}

/* Kinds that are not known yet are skipped without a word. */
TEST(test_later_kinds)
{
	struct event_head head = head_of(EVENT_MADE + 1, sizeof(head));

	BENCH(b);
	give_event(&b, &head, sizeof(head));
	head.kind = 0;
	give_event(&b, &head, sizeof(head));
	head.kind = UINT16_MAX;
	give_event(&b, &head, sizeof(head));
	assert_int_equal(bad_after(&b), 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),	    cmocka_unit_test(test_counts),
		cmocka_unit_test(test_ranges),	    cmocka_unit_test(test_class_sums),
		cmocka_unit_test(test_lengths),	    cmocka_unit_test(test_raw_stacks),
		cmocka_unit_test(test_fixed_sizes), cmocka_unit_test(test_later_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
