/* test_rows.c: the tables of --off-cpu, with room for six rows: whatever comes, each adds up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bpf/account.h"

#include "account.skel.h"

#include "tests/bpf/account_fixture.h"

/* What lies in one table, by whether it is the overflow row. */
struct sum {
	uint64_t count, ns, max, hist, rows;
	struct offcpu_value overflow;
};

static void table_add(struct sum *sum, const struct offcpu_key *key, const struct offcpu_value *v)
{
	sum->count += v->count;
	sum->ns += v->ns;
	sum->max = v->max > sum->max ? v->max : sum->max;
	for (int i = 0; i < OFFCPU_HIST_BUCKETS; i++)
		sum->hist += v->hist[i];
	if (key->overflow)
		sum->overflow = *v;
	else
		sum->rows++;
}

static struct sum table_sum(struct bpf_map *map, uint8_t by)
{
	struct offcpu_key key, *previous = NULL;
	struct offcpu_stack_row row;
	struct sum sum = { 0 };

	while (!bpf_map__get_next_key(map, previous, &key, sizeof(key))) {
		assert_int_equal(bpf_map__lookup_elem(map, &key, sizeof(key), &row,
						      bpf_map__value_size(map), 0),
				 0);
		assert_int_equal(key.by, by);
		table_add(&sum, &key, &row.value);
		previous = &key;
	}
	return sum;
}

/* Empties the table but for its overflow row, as the capture makes it before it starts. */
static void table_reset(struct bpf_map *map, uint8_t by)
{
	struct offcpu_key key, overflow = { .by = by, .overflow = 1 };
	struct offcpu_stack_row row = { 0 };

	while (!bpf_map__get_next_key(map, NULL, &key, sizeof(key)))
		bpf_map__delete_elem(map, &key, sizeof(key), 0);
	assert_int_equal(bpf_map__update_elem(map, &overflow, sizeof(overflow), &row,
					      bpf_map__value_size(map), BPF_ANY),
			 0);
}

static void rows_reset(struct account *a)
{
	account_reset(a);
	table_reset(a->bpf->maps.by_stack, OFFCPU_BY_STACK);
	table_reset(a->bpf->maps.by_syscall, OFFCPU_BY_SYSCALL);
	table_reset(a->bpf->maps.by_thread, OFFCPU_BY_THREAD);
}

static void add(struct account *a, uint64_t stack, int syscall, uint32_t klass, uint64_t ns)
{
	struct door *d = &a->bpf->bss->door;

	d->stack = stack;
	d->syscall = syscall;
	d->klass = klass;
	d->ns = ns;
	RUN(a, offcpu_add);
}

static void check_sum(const struct sum *s, uint64_t count, uint64_t ns, uint64_t max)
{
	assert_int_equal(s->count, count);
	assert_int_equal(s->ns, ns);
	assert_int_equal(s->max, max);
	assert_int_equal(s->hist, count);
}

/* 101 waits in 23 stacks and 11 calls of one thread: three tables with one total, full tables put
 * the rest into the overflow row, and every such wait is counted. */
static void test_overflow(void **state)
{
	struct account *a = *state;
	struct sum stack, call, thread;
	uint64_t ns = 0;

	rows_reset(a);
	for (unsigned int i = 0; i < 101; i++) {
		add(a, 1 + i % 23, i % 11, CLASS_SYSCALL, 1000 + i);
		ns += 1000 + i;
	}
	stack = table_sum(a->bpf->maps.by_stack, OFFCPU_BY_STACK);
	call = table_sum(a->bpf->maps.by_syscall, OFFCPU_BY_SYSCALL);
	thread = table_sum(a->bpf->maps.by_thread, OFFCPU_BY_THREAD);
	check_sum(&stack, 101, ns, 1100);
	check_sum(&call, 101, ns, 1100);
	check_sum(&thread, 101, ns, 1100);
	assert_true(stack.overflow.count > 0);
	assert_true(call.overflow.count > 0);
	assert_int_equal(thread.overflow.count, 0);
	assert_int_equal(thread.rows, 1);
	assert_int_equal(a->bpf->bss->lost[LOST_ROWS], stack.overflow.count + call.overflow.count);
}

/* Waits of one key are one row; another class is another row in all three tables. */
static void test_keys(void **state)
{
	struct account *a = *state;
	struct sum sum;

	rows_reset(a);
	add(a, 7, 1, CLASS_SYSCALL, 3);
	add(a, 7, 1, CLASS_SYSCALL, 5);
	add(a, 7, 1, CLASS_RUNQUEUE, 7);
	sum = table_sum(a->bpf->maps.by_stack, OFFCPU_BY_STACK);
	assert_int_equal(sum.rows, 2);
	sum = table_sum(a->bpf->maps.by_syscall, OFFCPU_BY_SYSCALL);
	assert_int_equal(sum.rows, 2);
	sum = table_sum(a->bpf->maps.by_thread, OFFCPU_BY_THREAD);
	assert_int_equal(sum.rows, 2);
	check_sum(&sum, 3, 15, 7);
	assert_int_equal(a->bpf->bss->lost[LOST_ROWS], 0);
}

/* A wait is in the bucket of its highest bit; zero in the first, the longest in the last. */
static void test_histogram(void **state)
{
	static const uint64_t lengths[] = { 0, 1, 2, 3, 1023, 1024, 1ULL << 39, ~0ULL >> 1 };
	static const int buckets[] = { 0, 0, 1, 1, 9, 10, 39, 39 };
	struct account *a = *state;
	struct offcpu_key key = { .by = OFFCPU_BY_THREAD, .syscall = -1, .klass = CLASS_LOCK };
	struct offcpu_thread_row v, before;

	rows_reset(a);
	key.tgid = key.tid = getpid();
	add(a, 0, -1, CLASS_LOCK, 1);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct bpf_map *map = a->bpf->maps.by_thread;

		assert_int_equal(
			bpf_map__lookup_elem(map, &key, sizeof(key), &before, sizeof(v), 0), 0);
		add(a, 0, -1, CLASS_LOCK, lengths[i]);
		assert_int_equal(bpf_map__lookup_elem(map, &key, sizeof(key), &v, sizeof(v), 0), 0);
		assert_int_equal(v.value.hist[buckets[i]], before.value.hist[buckets[i]] + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, account_open, account_close);
}
