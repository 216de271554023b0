/* test_cpython_count.c: unfinished tasks are counted right, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_asyncio.h"
#include "runtime/cpython_count.h"

static struct fake_asyncio a;

static uint64_t count(void)
{
	struct cpython_asyncio found;

	cpython_reader_begin(&a.f->rd);
	assert_int_equal(cpython_asyncio_find(&a.loops, a.interp, &found), 0);
	return cpython_count_tasks(&a.loops, &found, a.state, a.loop);
}

static uint64_t task(uint64_t loop, uint32_t state)
{
	return fake_task(a.f, loop, state, a.f->None, a.f->None);
}

/* Of these 5 wait, 2 have finished, 1 was cancelled, 3 are another loop's, 1 is of a derived class.
 */
static void fill(uint64_t tasks[12])
{
	int i;

	for (i = 0; i < 12; i++)
		tasks[i] = task(i < 9 ? a.loop : a.f->None, i < 6 ? 0 : i < 8 ? 2 : i < 9);
	fake_put(a.f, tasks[5] + CPYTHON_OB_TYPE, fake_type(a.f, "Mine", 1ull << 9, a.f->task));
	fake_tasks(&a, 12, tasks);
}

static void check_states(void)
{
	uint64_t tasks[12];

	assert_int_equal(count(), 0);
	fill(tasks);
	assert_int_equal(count(), 6);
	fake_put32(a.f, tasks[0] + a.f->l.future_state, 2);
	assert_int_equal(count(), 5);
}

/* A state that no task has, or a task of another kind: the number is not known. */
static void check_unknown(void)
{
	uint64_t tasks[12];

	fill(tasks);
	fake_put(a.f, tasks[3] + CPYTHON_OB_TYPE, a.f->set);
	assert_true(count() == UINT64_MAX);
	fake_put(a.f, tasks[3] + CPYTHON_OB_TYPE, a.f->task);
	assert_int_equal(count(), 6);
}

/* When the clock runs away the count is given up, however many there are. */
static void check_time(void)
{
	uint64_t tasks[20], many[64], set, table, i;

	for (i = 0; i < 20; i++)
		tasks[i] = task(a.loop, 0);
	fake_tasks(&a, 20, tasks);
	fake_step = CPYTHON_COUNT_MAX_NS + 1;
	assert_int_equal(count(), 20); /* not looked at for so few */
	if (a.f->l.running == RUNNING_STATED) {
		/* a circle that never comes back to its head */
		fake_put(a.f, a.list_last, tasks[3] + a.f->l.task_node);
	} else {
		for (i = 0; i < 64; i++)
			many[i] = fake_weakref(a.f, tasks[i % 20]);
		set = fake_set(a.f, 64, many);
		memcpy(&table, fake_at(a.f, set + CPYTHON_SET_TABLE), sizeof(table));
		for (i = 0; i < 64; i++) {
			fake_put(a.f, table + 16 * i, many[i]);
			fake_put(a.f, table + 16 * i + 8, i);
		}
		fake_put(a.f, a.tasks + CPYTHON_SET_TABLE, table);
	}
	assert_true(count() == UINT64_MAX);
}

/* One reference that is dead and one task that is freed are finished tasks; many are no set. */
static void check_turmoil(void)
{
	uint64_t refs[20], i;

	if (a.f->l.running == RUNNING_STATED)
		return;
	for (i = 0; i < 20; i++)
		refs[i] = fake_weakref(a.f, task(a.loop, 0));
	fake_put(a.f, refs[7] + CPYTHON_WEAKREF_OBJECT, a.f->None);
	fake_put(a.f, refs[8] + CPYTHON_WEAKREF_OBJECT, 0x7fff12340000);
	a.tasks = fake_set(a.f, 20, refs);
	a.loops.known[0] = (struct cpython_asyncio){ .interp = a.interp, .scheduled = a.tasks };
	assert_int_equal(count(), 18);
	for (i = 0; i < 12; i++)
		fake_put(a.f, refs[i] + CPYTHON_WEAKREF_OBJECT, 0x7fff12340000);
	assert_true(count() == UINT64_MAX);
}

static struct fake *moved; /* whose set gets another table once this many reads were made */
static uint64_t moved_set;

static int read_and_move(const void *memory, uint64_t addr, void *buf, size_t len)
{
	int r = fake_read(memory, addr, buf, len);
	uint64_t table = FAKE_BASE;

	if (moved)
		memcpy(fake_at(moved, moved_set + CPYTHON_SET_TABLE), &table, sizeof(table));
	return r;
}

/* The table was replaced while its entries were read. */
static void check_moved(void)
{
	uint64_t tasks[12];

	fill(tasks);
	if (a.f->l.running == RUNNING_STATED)
		return;
	assert_int_equal(count(), 6);
	a.f->rd.read = read_and_move;
	moved_set = a.tasks;
	moved = a.f;
	assert_true(count() == UINT64_MAX);
	moved = NULL;
}

/* Those that threads have left behind are in the interpreter's list. */
static void test_left_behind(void **state)
{
	uint64_t left, head;

	(void)state;
	fake_asyncio_init(&a, 14);
	left = task(a.loop, 0);
	head = a.interp + a.f->l.interp_tasks_head;
	fake_tasks(&a, 1, &a.running);
	assert_int_equal(count(), 1);
	fake_put(a.f, head, left + a.f->l.task_node);
	fake_put(a.f, left + a.f->l.task_node, head);
	assert_int_equal(count(), 2);
	fake_put(a.f, left + a.f->l.task_node, 8);
	assert_true(count() == UINT64_MAX);
	fake_asyncio_release(&a);
}

static void over_versions(void (*check)(void))
{
	uint32_t minor;

	for (minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		fake_asyncio_init(&a, minor);
		check();
		fake_asyncio_release(&a);
	}
}

#define OVER_VERSIONS(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		over_versions(check_##name); \
	}
OVER_VERSIONS(states)
OVER_VERSIONS(unknown)
OVER_VERSIONS(time)
OVER_VERSIONS(turmoil)
OVER_VERSIONS(moved)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_time),   cmocka_unit_test(test_turmoil),
		cmocka_unit_test(test_moved),  cmocka_unit_test(test_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
