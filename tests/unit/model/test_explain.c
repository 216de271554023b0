/* test_explain.c: the cause, the user's frame, the quality and the key of a stall. */
#include "build.h"

#define PY(name, at_line, fl) \
	{ \
		.kind = FRAME_PYTHON, .flags = fl, .line = at_line, .fn = name, .file = "x.py", \
		.module = "" \
	}
#define NATIVE(name, fl) \
	{ \
		.kind = FRAME_NATIVE, .flags = fl, .fn = name, .file = "", \
		.module = "redis-server" \
	}
#define KERNEL(name) \
	{ \
		.kind = FRAME_KERNEL, .fn = name, .file = "", .module = "" \
	}
#define GIVE_STACK(b, hash, flags, ...) \
	do { \
		static const struct chunk_frame frames_[] = { __VA_ARGS__ }; \
		give_stack(b, hash, flags, frames_, sizeof(frames_) / sizeof(frames_[0])); \
	} while (0)

/* Feeds a stall whose largest class is one syscall part with that stack. */
static const struct stall *explained(struct bench *b, uint64_t iteration, uint64_t stack)
{
	struct event_stall e = a_stall(1, iteration, 401 * MS);
	struct stall_part *p = add_part(&e, CLASS_SYSCALL, 311 * MS, stack);

	p->syscall = NR_RECV;
	p->target.kind = TARGET_TCP;
	give_stall(b, &e);
	return b->last;
}

/* The innermost frame outside the libraries is the user's; the leaf may be another one. */
TEST(test_at_python)
{
	const struct stall *s;

	BENCH(b);
	GIVE_STACK(&b, 7, 0, KERNEL("schedule"), NATIVE("own_native", 0),
		   PY("recv", 3, FRAME_LIBRARY), PY("get_user", 41, 0), PY("list_users", 88, 0));
	s = explained(&b, 3, 7);
	assert_string_equal(s->at->fn, "get_user");
	assert_int_equal(s->at->line, 41);
	assert_string_equal(s->leaf->fn, "own_native");
	bench_close(&b);
}

/* A bare address in the interpreter says less than the frame that it runs; one in an extension says
 * which. */
TEST(test_leaf_of_interpreter)
{
	struct chunk_frame frames[] = { NATIVE("", 0), PY("to_json", 3, FRAME_LIBRARY),
					PY("get_user", 41, 0) };
	static const struct {
		const char *module, *fn, *leaf;
	} cases[] = {
		{ "python3.11", "", "to_json" },
		{ "libpython3.12.so.1.0", "", "to_json" },
		{ "python3.11", "gc_collect_main", "gc_collect_main" },
		{ "_json.cpython-311-x86_64-linux-gnu.so", "", "" },
	};

	BENCH(b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		frames[0].module = cases[i].module;
		frames[0].fn = cases[i].fn;
		give_stack(&b, 7 + i, 0, frames, 3);
		assert_string_equal(explained(&b, 3 + i, 7 + i)->leaf->fn, cases[i].leaf);
	}
	give_stack(&b, 23, 0, frames, 1);
	assert_string_equal(explained(&b, 23, 23)->leaf->fn, "");
	bench_close(&b);
}

/* Where an interpreter runs, no native frame is the user's, even if every script frame is a
 * library's. */
TEST(test_at_only_libraries)
{
	const struct stall *s;

	BENCH(b);
	GIVE_STACK(&b, 7, 0, NATIVE("own_native", 0), PY("recv", 3, FRAME_LIBRARY));
	s = explained(&b, 3, 7);
	assert_null(s->at);
	assert_string_equal(s->leaf->fn, "own_native");
	bench_close(&b);
}

/* Without an interpreter the innermost native frame outside the libraries is the user's. */
TEST(test_at_native)
{
	const struct stall *s;

	BENCH(b);
	GIVE_STACK(&b, 7, 0, KERNEL("hrtimer_nanosleep"), NATIVE("usleep", FRAME_LIBRARY),
		   NATIVE("debugCommand", 0), NATIVE("main", 0));
	s = explained(&b, 3, 7);
	assert_string_equal(s->at->fn, "debugCommand");
	assert_string_equal(s->leaf->fn, "usleep");
	bench_close(&b);
}

/* libc of a static program is called by the first frame that has lines, if any has. */
TEST(test_at_static)
{
	struct frame f[] = {
		{ .kind = FRAME_KERNEL, .fn = "entry_SYSCALL_64_after_hwframe", .module = "" },
		{ .kind = FRAME_NATIVE, .fn = "clock_nanosleep", .module = "app" },
		{ .kind = FRAME_NATIVE,
		  .fn = "sleep_for",
		  .library = true,
		  .line = 9,
		  .module = "app" },
		{ .kind = FRAME_NATIVE, .fn = "tick", .line = 6, .module = "app" },
	};
	struct stack stack = { .n_frames = 4, .frames = f };

	(void)state;
	assert_ptr_equal(user_frame(&stack), &f[3]);
	f[3].module = "other"; /* another file tells nothing of this one */
	assert_ptr_equal(user_frame(&stack), &f[1]);
	f[3].module = "app";
	f[3].line = 0;
	assert_ptr_equal(user_frame(&stack), &f[1]);
	f[3].line = 6;
	f[0].fn = "asm_exc_page_fault"; /* its own code, however it was built */
	assert_ptr_equal(user_frame(&stack), &f[1]);
}

/* Kernel frames alone name neither the user's frame nor a leaf; no stack at all neither. */
TEST(test_at_nothing)
{
	const struct stall *s;

	BENCH(b);
	GIVE_STACK(&b, 7, 0, KERNEL("schedule"));
	s = explained(&b, 3, 7);
	assert_null(s->at);
	assert_null(s->leaf);
	s = explained(&b, 5, 0);
	assert_null(s->at);
	assert_int_equal(s->n_stacks, 0);
	assert_int_equal(s->kernel, QUALITY_NONE);
	bench_close(&b);
}

/* Many short waits for one thing outweigh the longest single wait for another. */
TEST(test_why_by_sum)
{
	struct event_stall e = a_stall(1, 3, 401 * MS);
	const struct stall *s;

	BENCH(b);
	give_python(&b, 7, "one_long", 1);
	give_python(&b, 8, "many_short", 2);
	add_part(&e, CLASS_SYSCALL, 90 * MS, 7)->syscall = NR_SLEEP;
	for (int i = 0; i < 5; i++) {
		struct stall_part *p = add_part(&e, CLASS_SYSCALL, 23 * MS, 8);

		p->syscall = NR_READ;
		p->target.kind = TARGET_PIPE;
		p->args[0] = i;
	}
	add_part(&e, CLASS_LOCK, 120 * MS, 0);
	give_stall(&b, &e);
	s = b.last;
	assert_int_equal(s->why.klass, CLASS_SYSCALL);
	assert_true(s->why.share > 205.0 / 401 - 1e-9 && s->why.share < 205.0 / 401 + 1e-9);
	assert_string_equal(s->why.syscall, "read");
	assert_string_equal(s->why.target.text, "pipe");
	assert_string_equal(s->at->fn, "many_short");
	assert_int_equal(s->n_stacks, 2);
	assert_int_equal(s->stacks[0].weight_ns, 115 * MS);
	assert_int_equal(s->stacks[1].weight_ns, 90 * MS);
	bench_close(&b);
}

/* On a tie of two stacks the one that was told first stands first. */
TEST(test_tie)
{
	struct event_stall e = a_stall(1, 3, 401 * MS);

	BENCH(b);
	give_python(&b, 7, "first", 1);
	give_python(&b, 8, "second", 2);
	add_part(&e, CLASS_SYSCALL, 130 * MS, 8);
	add_part(&e, CLASS_SYSCALL, 130 * MS, 7);
	give_stall(&b, &e);
	assert_int_equal(b.last->stacks[0].stack, 0);
	assert_string_equal(b.last->at->fn, "first");
	bench_close(&b);
}

/* A cause with a name is told even if more of the class has none. */
TEST(test_why_named)
{
	struct event_stall e = a_stall(1, 3, 401 * MS);

	BENCH(b);
	add_part(&e, CLASS_SYSCALL, 200 * MS, 0);
	add_part(&e, CLASS_SYSCALL, 50 * MS, 0)->syscall = NR_READ;
	add_part(&e, CLASS_SYSCALL, 70 * MS, 0)->syscall = NR_RECV;
	give_stall(&b, &e);
	assert_string_equal(b.last->why.syscall, "recvfrom");
	bench_close(&b);
}

/* Sleeps that grow are one cause, told by the longest. */
TEST(test_why_of_sleeps)
{
	struct event_stall e = a_stall(1, 3, 401 * MS);

	BENCH(b);
	add_part(&e, CLASS_SYSCALL, 90 * MS, 0)->syscall = NR_READ;
	for (int i = 0; i < 3; i++) {
		static const uint64_t ns[] = { 23 * MS, 50 * MS, 41 * MS };
		struct stall_part *p = add_part(&e, CLASS_SYSCALL, ns[i], 0);

		p->syscall = NR_SLEEP;
		p->target.kind = TARGET_SLEEP;
		p->target.value = ns[i];
	}
	give_stall(&b, &e);
	assert_string_equal(b.last->why.target.text, "sleep 50ms");
	assert_int_equal(b.last->why.target.asked_ns, 50 * MS);
	bench_close(&b);
}

/* The CPU is a class like any other: its own heaviest stack is shown. */
TEST(test_at_of_cpu)
{
	struct event_stall e = a_stall(1, 3, 401 * MS);

	BENCH(b);
	give_python(&b, 7, "blocks", 1);
	give_python(&b, 8, "computes", 2);
	give_python(&b, 9, "computes_more", 3);
	add_part(&e, CLASS_SYSCALL, 190 * MS, 7);
	add_part(&e, CLASS_CPU, 3, 8)->flags = PART_SAMPLED;
	add_part(&e, CLASS_CPU, 3, 9)->flags = PART_SAMPLED;
	e.parts[2].count = 2;
	give_stall(&b, &e);
	assert_int_equal(b.last->why.klass, CLASS_CPU);
	assert_string_equal(b.last->at->fn, "computes_more");
	bench_close(&b);
}

/* The stack of the cause counts, not a heavier one of another class. */
TEST(test_at_of_the_cause)
{
	struct event_stall e = a_stall(1, 3, 401 * MS);

	BENCH(b);
	give_python(&b, 7, "blocks", 1);
	give_python(&b, 8, "computes", 2);
	add_part(&e, CLASS_SYSCALL, 110 * MS, 7);
	add_part(&e, CLASS_SYSCALL, 100 * MS, 0);
	add_part(&e, CLASS_CPU, 1, 8)->flags = PART_SAMPLED;
	give_stall(&b, &e);
	assert_int_equal(b.last->why.klass, CLASS_SYSCALL);
	assert_string_equal(b.last->at->fn, "blocks");
	assert_int_equal(b.last->stacks[0].weight_ns, 191 * MS);
	/* and without any stack of the cause, the heaviest there is */
	e = a_stall(1, 5, 401 * MS);
	add_part(&e, CLASS_SYSCALL, 310 * MS, 0);
	add_part(&e, CLASS_CPU, 1, 8)->flags = PART_SAMPLED;
	give_stall(&b, &e);
	assert_string_equal(b.last->at->fn, "computes");
	bench_close(&b);
}

/* What runs has a stack for each place at which it was seen: together they outweigh one of another
 * function. */
TEST(test_at_sum)
{
	struct event_stall e = a_stall(1, 3, 17 * MS);

	BENCH(b);
	GIVE_STACK(&b, 1, 0, NATIVE("one", 0), PY("print", 19, 0));
	GIVE_STACK(&b, 2, 0, NATIVE("two", 0), PY("derive", 41, 0));
	GIVE_STACK(&b, 3, 0, NATIVE("three", 0), PY("derive", 43, 0));
	GIVE_STACK(&b, 4, 0, NATIVE("four", 0), PY("derive", 41, 0));
	add_part(&e, CLASS_CPU, 5 * MS, 1);
	add_part(&e, CLASS_CPU, 3 * MS, 2);
	add_part(&e, CLASS_CPU, 4 * MS, 3);
	add_part(&e, CLASS_CPU, 3 * MS, 4);
	give_stall(&b, &e);
	assert_string_equal(b.last->at->fn, "derive");
	assert_int_equal(b.last->at->line, 43);
	bench_close(&b);
}

/* Where the script's frames are lost, a function of the interpreter is not the user's. */
TEST(test_at_lost)
{
	BENCH(b);
	GIVE_STACK(&b, 1, STACK_PYTHON_LOST, NATIVE("v8::base::ConditionVariable::WaitFor", 0));
	GIVE_STACK(&b, 2, 0, NATIVE("serve", 0));
	assert_null(explained(&b, 3, 1)->at);
	assert_string_equal(b.last->leaf->fn, "v8::base::ConditionVariable::WaitFor");
	assert_string_equal(explained(&b, 5, 2)->at->fn, "serve");
	bench_close(&b);
}

/* Lines and addresses do not change the key; a function, the call or the object do. */
TEST(test_key)
{
	char key[20];

	BENCH(b);
	GIVE_STACK(&b, 1, 0, NATIVE("memcpy", 0), PY("get", 41, 0), PY("recv", 1, FRAME_LIBRARY));
	GIVE_STACK(&b, 2, 0, NATIVE("read", 0), PY("get", 47, 0), PY("other", 1, FRAME_LIBRARY));
	GIVE_STACK(&b, 3, 0, PY("put", 41, 0));
	GIVE_STACK(&b, 4, 0, NATIVE("one", 0));
	GIVE_STACK(&b, 5, 0, NATIVE("two", 0));
	strcpy(key, explained(&b, 3, 1)->key);
	assert_int_equal(strlen(key), 8);
	assert_int_equal(strspn(key, "0123456789abcdef"), 8);
	assert_string_equal(explained(&b, 5, 2)->key, key);
	assert_string_not_equal(explained(&b, 7, 3)->key, key);
	strcpy(key, explained(&b, 11, 4)->key);
	assert_string_not_equal(explained(&b, 13, 5)->key, key);
	for (int i = 0; i < 2; i++) {
		struct event_stall e = a_stall(1, 17 + i, 401 * MS);
		struct stall_part *p = add_part(&e, CLASS_SYSCALL, 311 * MS, 4);

		p->syscall = i ? NR_RECV : NR_READ;
		p->target.kind = i ? TARGET_UDP : TARGET_TCP;
		give_stall(&b, &e);
		assert_string_not_equal(b.last->key, key);
	}
	bench_close(&b);
}

/* Functions that the compiler inlined are known once the debug information is read: the key of a
 * stall that was named before is the same. */
TEST(test_key_inlined)
{
	char key[20];

	BENCH(b);
	GIVE_STACK(&b, 1, 0, NATIVE("serve", 0));
	GIVE_STACK(&b, 2, 0, NATIVE("copy", FRAME_INLINED), NATIVE("serve", 0));
	GIVE_STACK(&b, 3, 0, NATIVE("copy", 0), NATIVE("serve", 0));
	strcpy(key, explained(&b, 3, 1)->key);
	assert_string_equal(explained(&b, 5, 2)->key, key);
	assert_string_not_equal(explained(&b, 7, 3)->key, key);
	bench_close(&b);
}

/* The id is the same for two reports of one stall and differs between stalls. */
TEST(test_id)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);
	char id[20];

	BENCH(b);
	e.flags = STALL_ONGOING;
	give_stall(&b, &e);
	strcpy(id, b.last->id);
	assert_int_equal(strlen(id), 12);
	e.ns = e.class_ns[CLASS_CPU] = 211 * MS;
	e.flags = 0;
	give_stall(&b, &e);
	assert_string_equal(b.last->id, id);
	e.iteration++;
	give_stall(&b, &e);
	assert_string_not_equal(b.last->id, id);
	bench_close(&b);
}

/* Quality follows what was lost, cut or guessed, part by part of the stack. */
TEST(test_quality)
{
	static const struct {
		uint32_t flags, native_flags;
		enum quality python, native, kernel;
	} cases[] = {
		{ 0, 0, QUALITY_FULL, QUALITY_FULL, QUALITY_FULL },
		{ STACK_PYTHON_CUT, 0, QUALITY_PARTIAL, QUALITY_FULL, QUALITY_FULL },
		{ STACK_PYTHON_LOST, 0, QUALITY_PARTIAL, QUALITY_FULL, QUALITY_FULL },
		{ STACK_USER_CUT, 0, QUALITY_FULL, QUALITY_PARTIAL, QUALITY_FULL },
		{ 0, FRAME_GUESSED, QUALITY_FULL, QUALITY_PARTIAL, QUALITY_FULL },
		{ STACK_KERNEL_CUT, 0, QUALITY_FULL, QUALITY_FULL, QUALITY_PARTIAL },
		{ STACK_KERNEL_LOST, 0, QUALITY_FULL, QUALITY_FULL, QUALITY_NONE },
	};

	BENCH(b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chunk_frame f[] = { NATIVE("f", cases[i].native_flags),
					   NATIVE("__libc_start_main", 0), PY("g", 1, 0) };
		const struct stall *s;

		give_stack(&b, 100 + i, cases[i].flags, f, 3);
		s = explained(&b, 3 + i, 100 + i);
		assert_int_equal(s->python, cases[i].python);
		assert_int_equal(s->native, cases[i].native);
		assert_int_equal(s->kernel, cases[i].kernel);
	}
	/* A walk that ends below a root leaves the callers unknown. */
	GIVE_STACK(&b, 5, 0, NATIVE("clock_nanosleep", 0), PY("g", 1, 0));
	assert_int_equal(explained(&b, 97, 5)->native, QUALITY_PARTIAL);
	GIVE_STACK(&b, 7, 0, KERNEL("schedule"));
	assert_int_equal(explained(&b, 101, 7)->native, QUALITY_NONE);
	assert_int_equal(b.last->python, QUALITY_NONE);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_python),
		cmocka_unit_test(test_at_only_libraries),
		cmocka_unit_test(test_at_native),
		cmocka_unit_test(test_at_static),
		cmocka_unit_test(test_at_nothing),
		cmocka_unit_test(test_why_by_sum),
		cmocka_unit_test(test_at_of_the_cause),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_at_lost),
		cmocka_unit_test(test_at_sum),
		cmocka_unit_test(test_key_inlined),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_quality),
		cmocka_unit_test(test_tie),
		cmocka_unit_test(test_why_named),
		cmocka_unit_test(test_at_of_cpu),
		cmocka_unit_test(test_leaf_of_interpreter),
		cmocka_unit_test(test_why_of_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
