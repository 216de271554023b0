/* test_gaps.c: which native stacks count as not whole, and for which reason. */
#include "build.h"

static void give_stopped(struct bench *b, uint64_t hash, uint32_t flags, uint32_t stop,
			 const char *module)
{
	put_u64(b, hash);
	put_u32(b, flags | stop << 16);
	put_u32(b, 0);
	put_u32(b, 0); /* no nameless frames */
	put_str(b, module);
	give(b, CHUNK_STACK_NAMES);
}

/* Reasons are counted by module, most first; whole stacks and those without tables are none. */
TEST(test_counts)
{
	const struct profile *p;

	BENCH(b);
	for (uint64_t i = 1; i <= 5; i++)
		give_stopped(&b, i, 0, UNWIND_STOP_ROOT, "");
	give_stopped(&b, 11, STACK_PYTHON, UNWIND_STOP_KERNEL, "");
	for (uint64_t i = 21; i <= 23; i++)
		give_stopped(&b, i, 0, UNWIND_STOP_POINTER, "libfoo.so");
	give_stopped(&b, 31, 0, UNWIND_STOP_POINTER, "libbar\x1b.so");
	give_stopped(&b, 41, 0, UNWIND_STOP_MAPPING, "");
	give_stopped(&b, 42, 0, UNWIND_STOP_MAPPING, "");
	p = seal(&b);
	assert_int_equal(p->native_stacks, 11);
	assert_int_equal(p->n_gaps, 3);
	assert_string_equal(p->gaps[0].why, "no table and no frame pointer");
	assert_string_equal(p->gaps[0].module, "libfoo.so");
	assert_int_equal(p->gaps[0].stacks, 3);
	assert_string_equal(p->gaps[1].why, "code in no known mapping");
	assert_string_equal(p->gaps[1].module, "");
	assert_int_equal(p->gaps[1].stacks, 2);
	assert_string_equal(p->gaps[2].module, "libbar\\x1b.so");
	assert_int_equal(p->gaps[2].stacks, 1);
	bench_close(&b);
}

/* A stack that reached the outermost frame can be cut, or out of step, all the same. */
TEST(test_why)
{
	struct stack s = { .user_stop = UNWIND_STOP_ROOT };

	(void)state;
	assert_string_equal(gap_why(&s), "");
	s.flags = STACK_UNMERGED;
	assert_string_equal(gap_why(&s), "not in step with the interpreter's frames");
	s.flags |= STACK_USER_CUT;
	assert_string_equal(gap_why(&s), "found by frame pointer what is no call");
	s.user_stop = UNWIND_STOP_DEPTH;
	assert_string_equal(gap_why(&s), "deeper than 128 frames");
	s.user_stop = UNWIND_STOP_KERNEL;
	assert_string_equal(gap_why(&s), "");
	s.user_stop = 4711;
	assert_string_equal(gap_why(&s), "for a reason that this version does not know");
}

/* Made-up modules do not grow the list without end. */
TEST(test_many)
{
	const struct profile *p;
	char module[32];

	BENCH(b);
	for (uint64_t i = 1; i <= 263; i++) {
		snprintf(module, sizeof(module), "lib%u.so", (unsigned)i);
		give_stopped(&b, i, 0, UNWIND_STOP_READ, module);
	}
	p = seal(&b);
	assert_int_equal(p->n_gaps, 256);
	assert_int_equal(lost_count(p, "items"), 7);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
