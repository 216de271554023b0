/* test_cpython_offsets.c: rows, plans, and the block that newer interpreters state offsets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
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
		assert_true(o->runtime_interp_head && o->state_thread_id && o->code_filename);
		assert_int_equal(!o->runtime_key, minor > 14);
		assert_true(o->code_flags && o->code_flags < o->code_firstlineno);
		assert_true(!o->runtime_gil != !o->interp_gil);
		assert_int_equal(!o->code_qualname, minor < 11);
		assert_true(o->code_version || (o->code_name - o->code_firstlineno) % 8 == 0);
		assert_true(o->code_version || o->code_lines + 8 - o->code_firstlineno <= 128);
	}
	assert_int_equal(rows, 8);
	assert_null(cpython_offsets_find(7));
	assert_null(cpython_offsets_find(16));
}

/* 3.11 mixes a tag out of three fields in ascending order; 3.12 has a version word. */
static void test_plan(void **state)
{
	struct walk_plan plan;

	(void)state;
	cpython_plan(cpython_offsets_find(11), 0x318, &plan);
	assert_int_equal(plan.enabled, 1);
	assert_int_equal(plan.slot_off, 0x318);
	assert_int_equal(plan.tag_mode, TAG_MIX);
	assert_true(plan.tag_off[0] < plan.tag_off[1] && plan.tag_off[1] < plan.tag_off[2]);
	assert_int_equal(plan.tag_deref, 24);
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
	cpython_plan(cpython_offsets_find(15), -0x28, &plan);
	assert_int_equal(plan.slot_off, -0x28);
	assert_int_equal(plan.state_thread, 176);
	assert_int_equal(plan.frame_shim, 74);
	assert_int_equal(plan.code_mask, ~7ull);
	cpython_plan(cpython_offsets_find(10), 0, &plan);
	assert_int_equal(plan.ip_scale, 2);
	assert_int_equal(plan.shim, SHIM_NONE);
}

static void put(uint8_t *block, size_t at, uint64_t v)
{
	memcpy(block + at, &v, sizeof(v));
}

/* Where each version states what, as its pycore_debug_offsets.h lays it out. */
struct layout {
	uint32_t minor;
	uint32_t head, next, threads, gil, state_next, state_interp, state_head, thread_id;
	uint32_t prev, code, ip, owner;
	uint32_t filename, name, qualname, lines, firstlineno, start;
	uint32_t ob_type, bytes_size, bytes_data, text_state, text_length, text_size;
};

static const struct layout layouts[] = {
	{ 13,  40,  64,	 72,  112, 168, 176, 184, 192, 232, 240, 248, 264,
	  280, 288, 296, 304, 312, 344, 360, 520, 528, 544, 552, 560 },
	{ 14,  40,  64,	 72,  120, 192, 200, 208, 216, 256, 264, 272, 288,
	  320, 328, 336, 344, 352, 384, 408, 600, 608, 624, 632, 640 },
	{ 15,  40,  64,	 72,  120, 192, 200, 208, 240, 320, 328, 336, 352,
	  384, 392, 400, 408, 416, 448, 472, 696, 704, 720, 728, 736 },
};

/* A block as that version has it, stating what the row says. */
static void make_block(const struct layout *l, uint8_t *block)
{
	const struct cpython_offsets *o = cpython_offsets_find(l->minor);

	memset(block, 0xee, CPYTHON_DEBUG_SIZE);
	memcpy(block, "xdebugpy", 8);
	put(block, 8, 0x030000f0 | l->minor << 16);
	put(block, 16, 0);
	put(block, l->head, o->runtime_interp_head);
	put(block, l->next, o->interp_next);
	put(block, l->threads, o->interp_threads);
	put(block, l->gil, o->interp_gil);
	put(block, l->state_next, o->state_next);
	put(block, l->state_interp, o->state_interp);
	put(block, l->state_head, o->state_head);
	put(block, l->thread_id, o->state_thread_id);
	put(block, l->prev, o->frame_prev);
	put(block, l->code, o->frame_code);
	put(block, l->ip, o->frame_ip);
	put(block, l->owner, o->frame_shim);
	put(block, l->filename, o->code_filename);
	put(block, l->name, o->code_name);
	put(block, l->qualname, o->code_qualname);
	put(block, l->lines, o->code_lines);
	put(block, l->firstlineno, o->code_firstlineno);
	put(block, l->start, o->code_start);
	put(block, l->ob_type, 8);
	put(block, l->bytes_size, 16);
	put(block, l->bytes_data, 32);
	put(block, l->text_state, 32);
	put(block, l->text_length, 16);
	put(block, l->text_size, o->text_ascii);
}

/* What the process states replaces the row; the row itself is not touched. */
static void test_stated(void **state)
{
	uint8_t block[CPYTHON_DEBUG_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct cpython_offsets *row = cpython_offsets_find(layouts[i].minor);
		struct cpython_offsets o = *row;

		make_block(&layouts[i], block);
		assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), 0);
		assert_memory_equal(&o, row, sizeof(o));
		put(block, layouts[i].thread_id, 168);
		put(block, layouts[i].lines, 144);
		put(block, layouts[i].text_size, 56);
		assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), 0);
		assert_int_equal(o.state_thread_id, 168);
		assert_int_equal(o.code_lines, 144);
		assert_int_equal(o.text_ascii, 56);
		assert_int_not_equal(row->state_thread_id, 168);
	}
}

/* The blocks of three live interpreters, as recorded: the rows are those of the same releases. */
static void test_recorded(void **state)
{
	uint8_t block[CPYTHON_DEBUG_SIZE];
	uint32_t minor;

	(void)state;
	for (minor = 13; minor <= 15; minor++) {
		struct cpython_offsets o = *cpython_offsets_find(minor);
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "tests/fuzz/corpus/offsets/3.%u", minor);
		f = fopen(path, "r");
		assert_non_null(f);
		assert_int_equal(fread(block, 1, sizeof(block), f), sizeof(block));
		fclose(f);
		assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), 0);
		assert_memory_equal(&o, cpython_offsets_find(minor), sizeof(o));
	}
}

/* Refused, and nothing is changed. */
static void check_refused(const struct layout *l, uint32_t at, uint64_t value, int error)
{
	const struct cpython_offsets row = *cpython_offsets_find(l->minor);
	struct cpython_offsets o = row;
	uint8_t block[CPYTHON_DEBUG_SIZE];

	make_block(l, block);
	put(block, at, value);
	assert_int_equal(cpython_debug_offsets(&o, block, sizeof(block)), error);
	assert_memory_equal(&o, &row, sizeof(o));
}

/* A foreign cookie or version, a free-threaded build and absurd offsets. */
static void test_refused(void **state)
{
	struct cpython_offsets o = *cpython_offsets_find(13), old = *cpython_offsets_find(12);
	uint8_t block[CPYTHON_DEBUG_SIZE];
	size_t i;

	(void)state;
	make_block(&layouts[0], block);
	assert_int_equal(cpython_debug_offsets(&old, block, sizeof(block)), -EPROTO);
	assert_int_equal(cpython_debug_offsets(&o, block, 100), -EPROTO);
	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct layout *l = &layouts[i];

		check_refused(l, 0, 0x58, -EPROTO);
		check_refused(l, 8, 0x030000f0 | (l->minor + 1) << 16, -EPROTO);
		check_refused(l, 8, 0x040000f0 | l->minor << 16, -EPROTO);
		check_refused(l, 16, 1, -ENOTSUP);
		check_refused(l, l->prev, 1ull << 40, -EPROTO);
		check_refused(l, l->code, 4, -EPROTO);
		check_refused(l, l->ip, 80, -EPROTO);
		check_refused(l, l->owner, 80, -EPROTO);
		check_refused(l, l->state_head, 65536, -EPROTO);
		check_refused(l, l->lines, 249, -EPROTO);
		check_refused(l, l->firstlineno, 256, -EPROTO);
		check_refused(l, l->ob_type, 24, -EPROTO);
		check_refused(l, l->bytes_data, 48, -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	cmocka_unit_test(test_plan),
		cmocka_unit_test(test_stated),	cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
