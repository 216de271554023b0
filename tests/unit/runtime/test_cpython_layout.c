/* test_cpython_layout.c: a row for every version, and what a process states instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "runtime/cpython_layout.h"

static void test_rows(void **state)
{
	uint32_t minor;

	(void)state;
	for (minor = 8; minor <= 15; minor++) {
		const struct cpython_layout *l = cpython_layout_find(minor);

		assert_non_null(l);
		assert_int_equal(l->minor, minor);
		assert_true(l->interp_modules && l->state_dict && l->state_id && l->tuple_items);
		assert_true(l->future_state && l->task_coro && l->task_name && l->gen_qualname);
		assert_true(!l->gen_frame != !l->gen_iframe);
		assert_true((l->attrs == ATTRS_DICT) == !l->type_cached_keys);
	}
	assert_null(cpython_layout_find(7));
	assert_null(cpython_layout_find(16));
}

static void put(uint8_t *block, size_t at, uint64_t value)
{
	memcpy(block + at, &value, sizeof(value));
}

/* The size of a thread state is a micro release's; an absurd number refuses the whole block. */
static void test_block(void **state)
{
	struct cpython_layout l = *cpython_layout_find(13), before;
	uint8_t block[CPYTHON_STATED_SIZE] = { 0 };

	(void)state;
	put(block, 88, 7656);
	put(block, 152, 312);
	put(block, 256, 72);
	put(block, 408, 24);
	assert_int_equal(cpython_layout_stated(&l, block, sizeof(block), NULL), 0);
	assert_int_equal(l.state_size, 312);
	assert_int_equal(l.gen_iframe, 72);
	before = l;
	put(block, 152, 1ull << 40);
	assert_int_equal(cpython_layout_stated(&l, block, sizeof(block), NULL), -EPROTO);
	put(block, 152, 0);
	assert_int_equal(cpython_layout_stated(&l, block, sizeof(block), NULL), -EPROTO);
	assert_int_equal(cpython_layout_stated(&l, block, 400, NULL), -EPROTO);
	assert_memory_equal(&l, &before, sizeof(l));
	l = *cpython_layout_find(12); /* has no such block */
	assert_int_equal(cpython_layout_stated(&l, block, sizeof(block), NULL), 0);
	assert_memory_equal(&l, cpython_layout_find(12), sizeof(l));
}

/* The thirteen words of 3.14.10. */
static void test_asyncio(void **state)
{
	uint64_t words[CPYTHON_ASYNCIO_WORDS] = { 168,	  136,	 96,  108, 109, 128, 152,
						  225864, 10880, 936, 864, 872, 880 };
	struct cpython_layout l = *cpython_layout_find(14);

	(void)state;
	assert_int_equal(l.running_loop, 0);
	assert_int_equal(cpython_layout_stated(&l, NULL, 0, words), 0);
	assert_int_equal(l.running_loop, 864);
	assert_int_equal(l.running_task, 872);
	assert_int_equal(l.tasks_head, 880);
	assert_int_equal(l.interp_tasks_head, 10880);
	assert_int_equal(l.task_awaited_by, 96);
	assert_int_equal(l.task_awaited_by_is_set, 109);
	assert_int_equal(l.task_coro, 128);
	assert_int_equal(l.task_name, 136);
	assert_int_equal(l.task_node, 152);
	words[12] = UINT64_MAX;
	l.tasks_head = 1;
	assert_int_equal(cpython_layout_stated(&l, NULL, 0, words), -EPROTO);
	assert_int_equal(l.tasks_head, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_asyncio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
