/* test_stacks.c: named and raw stacks, and which of them stays. */
#include "build.h"

/* Every field of a frame comes through, texts made printable. */
TEST(test_names)
{
	static const struct chunk_frame frames[] = {
		{ FRAME_KERNEL, 0, 0, 0, "schedule", "", "" },
		{ FRAME_NATIVE, FRAME_LIBRARY, 0, 0x1234, "", "", "libpq.so.5" },
		{ FRAME_PYTHON, 0, 41, 0, "get\x1buser", "app.py", "" },
	};
	const struct profile *p;

	BENCH(b);
	give_stack(&b, 7, STACK_PYTHON_CUT, frames, 3);
	p = seal(&b);
	assert_int_equal(p->n_stacks, 1);
	assert_int_equal(p->stacks[0].hash, 7);
	assert_int_equal(p->stacks[0].flags, STACK_PYTHON_CUT);
	assert_int_equal(p->stacks[0].n_frames, 3);
	assert_int_equal(p->stacks[0].frames[0].kind, FRAME_KERNEL);
	assert_true(p->stacks[0].frames[1].library);
	assert_int_equal(p->stacks[0].frames[1].offset, 0x1234);
	assert_string_equal(p->stacks[0].frames[1].module, "libpq.so.5");
	assert_string_equal(p->stacks[0].frames[2].fn, "get\\x1buser");
	assert_int_equal(p->stacks[0].frames[2].line, 41);
	assert_false(p->stacks[0].frames[2].library);
	bench_close(&b);
}

static void give_module(struct bench *b, uint32_t number, const char *build_id)
{
	put_u32(b, number);
	put_str(b, build_id);
	put_str(b, "/usr/lib/libpq.so.5");
	give(b, CHUNK_MODULE);
}

/* A nameless frame has the build id of its module; what refers to nothing is left out. */
TEST(test_build_ids)
{
	static const struct chunk_frame frames[] = {
		{ FRAME_NATIVE, 0, 0, 0x1234, "", "", "libpq.so.5" },
		{ FRAME_NATIVE, 0, 0, 0x1234, "PQexec", "", "libpq.so.5" },
		{ FRAME_NATIVE, 0, 0, 0x1234, "", "", "libpq.so.5" },
	};
	static const uint32_t refs[][2] = { { 0, 3 }, { 1, 3 }, { 2, 4 }, { 3, 3 } };
	const struct profile *p;

	BENCH(b);
	give_module(&b, 3, "abcd");
	give_module(&b, 3, "later");
	give_module(&b, 0, "none");
	put_u64(&b, 7);
	put_u32(&b, 0);
	put_u32(&b, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(chunk_put_frame(&b.payload, &frames[i]), 0);
	put_u32(&b, 4);
	for (int i = 0; i < 4; i++) {
		put_u32(&b, refs[i][0]);
		put_u32(&b, refs[i][1]);
		put_u64(&b, 0x1233);
	}
	give(&b, CHUNK_STACK_NAMES);
	p = seal(&b);
	assert_int_equal(p->n_stacks, 1);
	assert_string_equal(p->stacks[0].frames[0].build_id, "abcd");
	assert_string_equal(p->stacks[0].frames[1].build_id, "");
	assert_string_equal(p->stacks[0].frames[2].build_id, "");
	bench_close(&b);
}

static void give_raw(struct bench *b, uint64_t hash)
{
	struct event_stack e = { .hash = hash, .n_kernel = 1, .n_user = 2, .n_python = 3 };

	e.head = head_of(EVENT_STACK, offsetof(struct event_stack, python) + 3 * 16);
	e.kernel[0] = 0xffffffff81000000;
	e.user[1] = 0x7f0011223344;
	e.python[2].code = 0x1001;
	give_event(b, &e, e.head.size);
}

/* A stack that nobody named shows its addresses, entry marks taken off. */
TEST(test_raw)
{
	const struct profile *p;

	BENCH(b);
	give_raw(&b, 7);
	p = seal(&b);
	assert_int_equal(p->n_stacks, 1);
	assert_int_equal(p->stacks[0].n_frames, 6);
	assert_int_equal(p->stacks[0].frames[0].offset, 0xffffffff81000000);
	assert_int_equal(p->stacks[0].frames[2].offset, 0x7f0011223344);
	assert_int_equal(p->stacks[0].frames[2].kind, FRAME_NATIVE);
	assert_string_equal(p->stacks[0].frames[2].fn, "");
	assert_int_equal(p->stacks[0].frames[5].kind, FRAME_PYTHON);
	assert_int_equal(p->stacks[0].frames[5].offset, 0x1000);
	bench_close(&b);
}

/* Names replace addresses, in either order, and the first names stay. */
TEST(test_first_names_stay)
{
	const struct profile *p;

	BENCH(b);
	give_raw(&b, 7);
	give_python(&b, 7, "first", 1);
	give_python(&b, 7, "second", 2);
	give_raw(&b, 7);
	p = seal(&b);
	assert_int_equal(p->n_stacks, 1);
	assert_int_equal(p->stacks[0].n_frames, 1);
	assert_string_equal(p->stacks[0].frames[0].fn, "first");
	bench_close(&b);
}

/* Hash 0 means no stack, and a hash nobody told of is none. */
TEST(test_find)
{
	BENCH(b);
	give_python(&b, 7, "f", 1);
	assert_int_equal(stack_find(b.m, 7), 0);
	assert_int_equal(stack_find(b.m, 0), -1);
	assert_int_equal(stack_find(b.m, 8), -1);
	bench_close(&b);
}

/* Counts, kinds and lengths that cannot be: skipped and counted, without taking memory for them. */
TEST(test_hostile)
{
	struct chunk_frame f = { .kind = FRAME_KIND_COUNT, .fn = "", .file = "", .module = "" };
	const struct profile *p;

	BENCH(b);
	give_python(&b, 0, "no hash", 1);
	give_stack(&b, 1, 0, &f, 1);
	put_u64(&b, 2);
	put_u32(&b, 0);
	put_u32(&b, UINT32_MAX);
	give(&b, CHUNK_STACK_NAMES);
	put_u64(&b, 3);
	put_u32(&b, 0);
	put_u32(&b, 1);
	for (int i = 0; i < 8; i++)
		put_u32(&b, 1);
	give(&b, CHUNK_STACK_NAMES);
	give(&b, CHUNK_STACK_NAMES);
	p = seal(&b);
	assert_int_equal(p->n_stacks, 0);
	assert_int_equal(lost_count(p, "bad events"), 5);
	bench_close(&b);
}

/* A stack without frames is one. */
TEST(test_empty)
{
	const struct profile *p;

	BENCH(b);
	give_stack(&b, 7, STACK_KERNEL_LOST, NULL, 0);
	p = seal(&b);
	assert_int_equal(p->n_stacks, 1);
	assert_int_equal(p->stacks[0].n_frames, 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_raw),
		cmocka_unit_test(test_find),	  cmocka_unit_test(test_first_names_stay),
		cmocka_unit_test(test_empty),	  cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_build_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
