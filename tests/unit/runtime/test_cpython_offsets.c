/* test_cpython_offsets.c: rows, plans, and the block that newer interpreters state offsets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "runtime/cpython_offsets.h"

/* Every row fits what the walker can do: words at multiples of 8 inside one block of 128 bytes. */
static void test_rows(void **state)
{
	uint32_t minor, rows = 0;

	(void)state;
	for (minor = 0; minor < 30; minor++) {
		const struct cpython_offsets *o = cpython_offsets_find(minor);

		if (!o)
			continue;
		rows++;
		assert_true(o->frame_size <= 128);
		assert_int_equal((o->frame_code | o->frame_prev | o->frame_ip) % 8, 0);
		assert_true(o->frame_ip + 8 <= o->frame_size);
		assert_true(o->frame_shim < o->frame_size);
		assert_true(o->runtime_key && o->state_thread_id && o->code_filename);
		assert_true(o->code_flags && o->code_flags < o->code_firstlineno);
		assert_true(!o->runtime_gil != !o->interp_gil);
		assert_int_equal(!o->code_qualname, minor < 11);
		assert_true(o->code_version || (o->code_name - o->code_firstlineno) % 8 == 0);
		assert_true(o->code_version || o->code_lines + 8 - o->code_firstlineno <= 128);
	}
	assert_int_equal(rows, 6);
	assert_null(cpython_offsets_find(7));
	assert_null(cpython_offsets_find(14));
}

/* 3.11 mixes a tag out of three fields in ascending order; 3.12 has a version word. */
static void test_plan(void **state)
{
	struct walk_plan plan;

	(void)state;
	cpython_plan(cpython_offsets_find(11), 3, &plan);
	assert_int_equal(plan.enabled, 1);
	assert_int_equal(plan.slot_off, 0x310 + 3 * 16 + 8);
	assert_int_equal(plan.tag_mode, TAG_MIX);
	assert_true(plan.tag_off[0] < plan.tag_off[1] && plan.tag_off[1] < plan.tag_off[2]);
	assert_int_equal(plan.head_indirect, 1);
	assert_int_equal(plan.gil_size, 208);
	assert_int_equal(plan.gil[0], 0);
	assert_int_equal(plan.gil_holder, 8);
	assert_int_equal(plan.gil_locked, 16);
	assert_int_equal(plan.state_thread, 152);
	cpython_plan(cpython_offsets_find(12), 0, &plan);
	assert_int_equal(plan.tag_mode, TAG_WORD);
	assert_int_equal(plan.tag_off[0], 92);
	assert_int_equal(plan.shim, SHIM_OWNER_GE);
	cpython_plan(cpython_offsets_find(10), 0, &plan);
	assert_int_equal(plan.ip_scale, 2);
	assert_int_equal(plan.shim, SHIM_NONE);
}

static void put(uint8_t *block, size_t at, uint64_t v)
{
	memcpy(block + at, &v, sizeof(v));
}

/* A block as 3.13 has it, stating what the row says. */
static void make_block(uint8_t *block)
{
	const struct cpython_offsets *o = cpython_offsets_find(13);

	memset(block, 0, CPYTHON_DEBUG_SIZE);
	memcpy(block, "xdebugpy", 8);
	put(block, 8, 0x030d00f0);
	put(block, 40, o->runtime_interp_head);
	put(block, 64, o->interp_next);
	put(block, 72, o->interp_threads);
	put(block, 112, o->interp_gil);
	put(block, 168, o->state_next);
	put(block, 176, o->state_interp);
	put(block, 184, o->state_head);
	put(block, 192, o->state_thread_id);
	put(block, 232, o->frame_prev);
	put(block, 240, o->frame_code);
	put(block, 248, o->frame_ip);
	put(block, 264, o->frame_shim);
	put(block, 280, o->code_filename);
	put(block, 288, o->code_name);
	put(block, 296, o->code_qualname);
	put(block, 304, o->code_lines);
	put(block, 312, o->code_firstlineno);
	put(block, 344, o->code_start);
}

/* What the process states replaces the row; the row itself is not touched. */
static void test_stated(void **state)
{
	struct cpython_offsets o = *cpython_offsets_find(13);
	uint8_t block[CPYTHON_DEBUG_SIZE];

	(void)state;
	make_block(block);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), 0);
	assert_memory_equal(&o, cpython_offsets_find(13), sizeof(o));
	put(block, 192, 160);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), 0);
	assert_int_equal(o.state_thread_id, 160);
	assert_int_equal(cpython_offsets_find(13)->state_thread_id, 152);
}

/* A foreign cookie or version, a free-threaded build and absurd offsets are refused, and change
 * nothing. */
static void test_refused(void **state)
{
	const struct cpython_offsets row = *cpython_offsets_find(13);
	struct cpython_offsets o = row, old = *cpython_offsets_find(12);
	uint8_t block[CPYTHON_DEBUG_SIZE];

	(void)state;
	make_block(block);
	assert_int_equal(cpython_debug_offsets(&old, block, sizeof(block)), -EPROTO);
	assert_int_equal(cpython_debug_offsets(&o, block, 100), -EPROTO);
	put(block, 16, 1);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), -ENOTSUP);
	make_block(block);
	put(block, 8, 0x030e00f0);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), -EPROTO);
	make_block(block);
	block[0] = 'X';
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), -EPROTO);
	make_block(block);
	put(block, 232, 1ull << 40);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), -EPROTO);
	make_block(block);
	put(block, 240, 4);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), -EPROTO);
	make_block(block);
	put(block, 248, 80);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), -EPROTO);
	assert_memory_equal(&o, &row, sizeof(o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_stated),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
