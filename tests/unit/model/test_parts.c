/* test_parts.c: the parts of a stall sum to its classes, whatever came from the kernel side. */
#include "build.h"

#include <stdlib.h>

static const struct stall *only_stall(struct bench *b, struct event_stall *e)
{
	give_stall(b, e);
	assert_int_equal(b->handed, 1);
	return b->last;
}

static void assert_sums(const struct stall *s)
{
	uint64_t ns[CLASS_COUNT] = { 0 }, sum = 0;

	for (size_t i = 0; i < s->n_parts; i++) {
		ns[s->parts[i].klass] += s->parts[i].dur_ns;
		assert_true(s->parts[i].dur_ns > 0);
		assert_true(s->parts[i].count > 0);
		assert_true(i == 0 || s->parts[i - 1].at_ns <= s->parts[i].at_ns);
	}
	for (int i = 0; i < CLASS_COUNT; i++) {
		assert_int_equal(ns[i], s->ns[i]);
		sum += ns[i];
	}
	assert_int_equal(sum, s->dur_ns);
}

/* The first part of a class that has a stack, or the one without for stack -1. */
static const struct part *find(const struct stall *s, enum stall_class klass, int stack)
{
	for (size_t i = 0; i < s->n_parts; i++)
		if (s->parts[i].klass == klass && s->parts[i].stack == stack)
			return &s->parts[i];
	fail();
	return NULL;
}

/* Measured parts keep their length; what a class has over becomes a part without a stack. */
TEST(test_measured)
{
	struct event_stall e = a_stall(1, 3, 401 * MS);
	const struct stall *s;

	BENCH(b);
	give_python(&b, 7, "get_user", 41);
	add_part(&e, CLASS_SYSCALL, 311 * MS, 7)->count = 3;
	e.class_ns[CLASS_SYSCALL] += 13;
	e.class_ns[CLASS_CPU] -= 13;
	s = only_stall(&b, &e);
	assert_sums(s);
	assert_int_equal(s->n_parts, 3);
	assert_int_equal(find(s, CLASS_SYSCALL, 0)->dur_ns, 311 * MS);
	assert_int_equal(find(s, CLASS_SYSCALL, 0)->count, 3);
	assert_int_equal(find(s, CLASS_SYSCALL, -1)->dur_ns, 13);
	assert_int_equal(find(s, CLASS_SYSCALL, -1)->count, 1);
	assert_int_equal(find(s, CLASS_CPU, -1)->dur_ns, 90 * MS - 13);
	bench_close(&b);
}

/* Short waits are weights: they share what the measured ones leave, and keep their counts. */
TEST(test_short)
{
	struct event_stall e = a_stall(1, 3, 211 * MS);
	struct stall_part *p;
	const struct stall *s;

	BENCH(b);
	give_python(&b, 7, "a", 1);
	give_python(&b, 8, "b", 2);
	give_python(&b, 9, "c", 3);
	add_part(&e, CLASS_GIL, 100 * MS, 7);
	p = add_part(&e, CLASS_GIL, 0, 8);
	p->ns = 30 * MS;
	p->count = 5;
	p->flags = PART_SHORT;
	p = add_part(&e, CLASS_GIL, 0, 9);
	p->ns = 10 * MS;
	p->flags = PART_SHORT;
	e.class_ns[CLASS_GIL] = 180 * MS;
	e.class_ns[CLASS_CPU] = 31 * MS;
	s = only_stall(&b, &e);
	assert_sums(s);
	assert_int_equal(s->n_parts, 4);
	assert_int_equal(find(s, CLASS_GIL, 0)->dur_ns, 100 * MS);
	assert_int_equal(find(s, CLASS_GIL, 1)->dur_ns, 60 * MS);
	assert_int_equal(find(s, CLASS_GIL, 1)->count, 5);
	assert_int_equal(find(s, CLASS_GIL, 2)->dur_ns, 20 * MS);
	bench_close(&b);
}

/* Waits that found no free part are not laid upon the short ones; their number is known. */
TEST(test_dropped)
{
	struct event_stall e = a_stall(1, 3, 103 * MS);
	struct stall_part *p;
	const struct stall *s;

	BENCH(b);
	give_python(&b, 7, "a", 1);
	p = add_part(&e, CLASS_SYSCALL, 0, 7);
	p->ns = 5 * MS;
	p->flags = PART_SHORT;
	e.class_ns[CLASS_SYSCALL] = 100 * MS;
	e.class_ns[CLASS_CPU] = 3 * MS;
	e.dropped_ns[CLASS_SYSCALL] = 60 * MS;
	e.dropped = 17;
	s = only_stall(&b, &e);
	assert_sums(s);
	assert_int_equal(find(s, CLASS_SYSCALL, 0)->dur_ns, 40 * MS);
	assert_int_equal(find(s, CLASS_SYSCALL, -1)->dur_ns, 60 * MS);
	assert_int_equal(find(s, CLASS_SYSCALL, -1)->count, 17);
	assert_int_equal(s->parts_dropped, 17);
	/* of several classes: nobody knows how many of each */
	e.iteration++;
	e.dropped_ns[CLASS_LOCK] = 1;
	give_stall(&b, &e);
	assert_int_equal(find(b.last, CLASS_SYSCALL, -1)->count, 1);
	bench_close(&b);
}

/* Samples of the CPU share its whole time by their number, whatever their period said. */
TEST(test_sampled)
{
	struct event_stall e = a_stall(1, 3, 130 * MS);
	const struct stall *s;

	BENCH(b);
	give_python(&b, 7, "a", 1);
	give_python(&b, 8, "b", 2);
	for (int i = 0; i < 2; i++) {
		struct stall_part *p = add_part(&e, CLASS_CPU, 77, 7 + i);

		p->flags = PART_SAMPLED;
		p->count = i ? 3 : 10;
	}
	s = only_stall(&b, &e);
	assert_sums(s);
	assert_int_equal(s->n_parts, 2);
	assert_int_equal(find(s, CLASS_CPU, 0)->dur_ns, 100 * MS);
	assert_int_equal(find(s, CLASS_CPU, 1)->dur_ns, 30 * MS);
	bench_close(&b);
}

/* Measured parts over their class, because its run-queue share was split off, shrink to fit. */
TEST(test_too_much)
{
	struct event_stall e = a_stall(1, 3, 120 * MS);
	const struct stall *s;

	BENCH(b);
	give_python(&b, 7, "a", 1);
	give_python(&b, 8, "b", 2);
	add_part(&e, CLASS_LOCK, 90 * MS, 7);
	add_part(&e, CLASS_LOCK, 30 * MS, 8);
	e.class_ns[CLASS_LOCK] = 100 * MS;
	e.class_ns[CLASS_RUNQUEUE] = 20 * MS;
	s = only_stall(&b, &e);
	assert_sums(s);
	assert_int_equal(find(s, CLASS_LOCK, 0)->dur_ns, 75 * MS);
	assert_int_equal(find(s, CLASS_LOCK, 1)->dur_ns, 25 * MS);
	assert_int_equal(find(s, CLASS_RUNQUEUE, -1)->dur_ns, 20 * MS);
	bench_close(&b);
}

/* Parts come in the order of time, and none begins after the end. */
TEST(test_order)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);
	const struct stall *s;

	BENCH(b);
	add_part(&e, CLASS_SYSCALL, 50 * MS, 0)->at = UINT64_MAX;
	add_part(&e, CLASS_LOCK, 10 * MS, 0)->at = 7;
	add_part(&e, CLASS_GIL, 10 * MS, 0)->at = 7;
	s = only_stall(&b, &e);
	assert_sums(s);
	assert_int_equal(s->n_parts, 4);
	assert_int_equal(s->parts[0].klass, CLASS_CPU);
	assert_int_equal(s->parts[1].klass, CLASS_GIL);
	assert_int_equal(s->parts[2].klass, CLASS_LOCK);
	assert_int_equal(s->parts[3].at_ns, 101 * MS);
	e = a_stall(1, 5, 101 * MS);
	for (int i = 0; i < 3; i++)
		add_part(&e, CLASS_LOCK, (i == 1 ? 20 : 10) * MS, 0)->at = 7;
	give_stall(&b, &e);
	assert_int_equal(b.last->parts[1].dur_ns, 20 * MS);
	bench_close(&b);
}

static struct event_stall random_stall(uint64_t iteration)
{
	struct event_stall e = a_stall(1, iteration, 1);

	e.ns = 0;
	for (int i = 0; i < CLASS_COUNT; i++) {
		e.class_ns[i] = random() % 3 ? random() % 1000003 : 0;
		e.dropped_ns[i] = random() % 5 ? 0 : random() % 500009;
		e.ns += e.class_ns[i];
	}
	e.class_ns[CLASS_UNEXPLAINED]++;
	e.ns++;
	e.n_parts = random() % (STALL_PARTS_MAX + 1);
	e.dropped = random() % 7;
	for (int i = 0; i < e.n_parts; i++)
		e.parts[i] = (struct stall_part){ .at = random() % 2000003,
						  .ns = random() % 300007,
						  .stack = random() % 5,
						  .count = random() % 3,
						  .klass = random() % CLASS_COUNT,
						  .flags = random() % 8,
						  .syscall = random() % 400 - 1,
						  .target.kind = random() % TARGET_COUNT };
	return e;
}

/* The sums hold for a thousand stalls of random classes, parts, weights and drops. */
TEST(test_random)
{
	BENCH(b);
	srandom(20047);
	for (uint64_t hash = 1; hash < 4; hash++)
		give_python(&b, hash, "f", hash);
	for (uint64_t i = 1; i <= 1009; i++) {
		struct event_stall e = random_stall(i);

		give_stall(&b, &e);
		assert_int_equal(b.handed, i);
		assert_sums(b.last);
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measured), cmocka_unit_test(test_short),
		cmocka_unit_test(test_dropped),	 cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_too_much), cmocka_unit_test(test_order),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
