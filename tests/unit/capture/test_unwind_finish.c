/* test_unwind_finish.c: copies of stacks are kept for their bodies, and walked on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "capture/unwind_finish.h"
#include "tests/unit/capture/unwind_memory.h"

#define CODE 0x550000000000 /* of a file whose every frame has two words */
#define LATE 0x7f0000000000 /* of one that is not known at first, likewise */
#define SP   0x7ffd00001230

struct fixture {
	struct unwind_memory *memory;
	struct snapshots *snapshots;
	struct unwind_proc entry;
	struct event_snapshot e;
	struct event_stack body;
};

/* The words of the stack, from SP on. */
static const uint64_t frames[] = {
	1, LATE + 0x100, 2, CODE + 0x200, 3, CODE + 0x300, 4, 0, 5, 6,
};

static void add_mapping(struct fixture *f, uint64_t start, uint32_t place)
{
	f->entry.start[f->entry.n] = start;
	f->entry.map[f->entry.n++] = (struct unwind_mapping){
		.end = start + 0x10000, .bias = start, .page = place, .n_pages = 1
	};
}

static int setup(void **state)
{
	const struct unwind_page page = { 0, 1, 1 };
	const uint64_t row = UNWIND_ROW(0, UNWIND_RSP, UNWIND_RBP_SAME, 2, 0);
	struct fixture *f = calloc(1, sizeof(*f));
	uint32_t place;

	*state = f;
	f->memory = unwind_memory_new(2);
	assert_int_equal(unwind_space_put(f->memory->space, &page, 1, &row, 1, &place), 0);
	assert_int_equal(snapshots_new(&f->snapshots), 0);
	add_mapping(f, CODE, place);
	f->e = (struct event_snapshot){ .hash = 23,
					.ip = CODE + 0x150,
					.sp = SP,
					.bp = 0x11,
					.at = 1,
					.exact = 1,
					.len = sizeof(frames) };
	f->e.head.tgid = 29;
	memcpy(f->e.bytes, frames, sizeof(frames));
	f->body.hash = 23;
	f->body.head.tgid = 29;
	f->body.n_user = 1;
	f->body.user[0] = CODE + 0x150;
	f->body.user_stop = UNWIND_STOP_MAPPING;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snapshots_free(f->snapshots);
	unwind_memory_free(f->memory);
	free(f);
	return 0;
}

static struct snapshot *claim(struct fixture *f)
{
	snapshots_keep(f->snapshots, &f->e, 100);
	assert_true(snapshots_has(f->snapshots, &f->body));
	return snapshots_claim(f->snapshots, &f->body);
}

/* From the innermost frame to the next unknown one, and on when that is known. */
static void test_walk(void **state)
{
	struct fixture *f = *state;
	struct snapshot *s = claim(f);

	assert_non_null(s);
	assert_null(snapshots_claim(f->snapshots, &f->body));
	assert_int_equal(snapshot_code(s), CODE + 0x150);
	snapshot_walk(s, f->memory->space, &f->entry, &f->body);
	assert_int_equal(f->body.user_stop, UNWIND_STOP_MAPPING);
	assert_int_equal(f->body.n_user, 2);
	assert_int_equal(f->body.user[1], LATE + 0x100);
	assert_int_equal(snapshot_code(s), LATE + 0xff);
	add_mapping(f, LATE, f->entry.map[0].page);
	snapshot_walk(s, f->memory->space, &f->entry, &f->body);
	assert_int_equal(f->body.user_stop, UNWIND_STOP_ROOT);
	assert_int_equal(f->body.n_user, 4);
	assert_int_equal(f->body.user[2], CODE + 0x200);
	assert_int_equal(f->body.user[3], CODE + 0x300);
	snapshot_release(s);
	snapshot_release(NULL);
}

/* A copy that ends before the stack does is said to. */
static void test_short(void **state)
{
	struct fixture *f = *state;
	struct snapshot *s;

	add_mapping(f, LATE, f->entry.map[0].page);
	f->e.len = 5 * sizeof(uint64_t);
	s = claim(f);
	snapshot_walk(s, f->memory->space, &f->entry, &f->body);
	assert_int_equal(f->body.n_user, 3);
	assert_int_equal(f->body.user_stop, UNWIND_STOP_SHORT);
	snapshot_release(s);
}

/* A hostile one: no length, place or pointer leads out of it. */
static void test_hostile(void **state)
{
	struct fixture *f = *state;
	struct snapshot *s;

	add_mapping(f, LATE, f->entry.map[0].page);
	for (uint64_t sp = 0; sp < 64; sp++) {
		struct event_stack body = f->body;

		f->e.len = sp % 2 ? UINT32_MAX : 0;
		f->e.sp = sp < 32 ? UINT64_MAX - sp * 8 + 7 : sp * 8;
		s = claim(f);
		snapshot_walk(s, f->memory->space, &f->entry, &body);
		assert_int_not_equal(body.user_stop, UNWIND_STOP_ROOT);
		assert_in_range(body.n_user, 1, STACK_USER_MAX);
		snapshot_release(s);
	}
}

/* Whether there is a table for an address. */
static void test_code(void **state)
{
	struct fixture *f = *state;
	const struct unwind_space *space = f->memory->space;

	assert_int_equal(unwind_code_at(space, &f->entry, CODE + 5), UNWIND_CODE_TABLE);
	assert_int_equal(unwind_code_at(space, &f->entry, LATE + 5), UNWIND_CODE_UNKNOWN);
	f->entry.flags = UNWIND_PROC_JIT;
	assert_int_equal(unwind_code_at(space, &f->entry, LATE + 5), UNWIND_CODE_UNKNOWN);
	add_mapping(f, LATE, 0);
	f->entry.map[1].kind = UNWIND_BY_POINTER;
	assert_int_equal(unwind_code_at(space, &f->entry, LATE + 5), UNWIND_CODE_BARE);
	assert_int_equal(unwind_code_at(space, &f->entry, 0), UNWIND_CODE_UNKNOWN);
}

/* Only its own body gets it; those that nobody comes for go, by age and where there are many. */
static void test_claim(void **state)
{
	struct fixture *f = *state;
	struct event_stack other = f->body;

	snapshots_keep(f->snapshots, &f->e, 100);
	other.hash++;
	assert_false(snapshots_has(f->snapshots, &other));
	other = f->body;
	other.head.tgid++;
	assert_false(snapshots_has(f->snapshots, &other));
	other = f->body;
	other.n_user++; /* it can begin before the body ends, not behind */
	assert_true(snapshots_has(f->snapshots, &other));
	other.n_user = 0;
	assert_false(snapshots_has(f->snapshots, &other));
	snapshots_reap(f->snapshots, 100);
	assert_true(snapshots_has(f->snapshots, &f->body));
	snapshots_reap(f->snapshots, 100000000000);
	assert_false(snapshots_has(f->snapshots, &f->body));

	for (uint64_t i = 0; i < 61; i++) {
		f->e.hash = 1000 + i;
		snapshots_keep(f->snapshots, &f->e, i);
	}
	other = f->body;
	other.hash = 1000;
	assert_false(snapshots_has(f->snapshots, &other));
	for (other.hash = 1031; other.hash < 1061; other.hash++)
		assert_true(snapshots_has(f->snapshots, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_walk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claim, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
