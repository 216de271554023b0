/* test_resolver.c: what becomes of raw stacks: stripped, named, cut, encoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/cpython_find.h"
#include "runtime/resolver_state.h"
#include "runtime/walk_host.h"
#include "target/native.h"
#include "tests/support/python_truth.h"

static char root[] = "/tmp/resolver-XXXXXX";
static struct resolver_host *host;
static struct event_stack stack;

struct seen {
	uint32_t kind, flags, line;
	uint64_t offset;
	char fn[256], file[512], module[256];
};

static struct seen seen[RESOLVER_FRAMES_MAX];
static uint32_t n_nameless; /* of the stack resolved last */
static uint32_t seen_flags;
static char seen_end[256];

static void take_text(struct chunk_cursor *c, char *to, size_t room)
{
	uint32_t len;
	const char *text = chunk_get_str(c, &len);

	snprintf(to, room, "%.*s", (int)len, text);
}

/* Inlined frames stand right above the one they are in, and come or not with the debug files that
 * are installed: the other frames are what is looked at. */
static size_t drop_inlined(size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (!(seen[i].flags & FRAME_INLINED)) {
			seen[kept++] = seen[i];
			continue;
		}
		assert_true(i + 1 < n && seen[i + 1].kind == FRAME_NATIVE);
		assert_string_equal(seen[i].module, seen[i + 1].module);
	}
	return kept;
}

/* Resolves `stack` and decodes the payload again; returns the number of frames, those that were
 * inlined not counted. */
static size_t resolve(struct resolver *r)
{
	struct str payload = { 0 };
	struct chunk_cursor c;
	uint32_t n, i;

	stack.hash = 0x1234567;
	assert_int_equal(resolver_stack(r, &stack, &payload), 0);
	chunk_cursor_init(&c, &(struct chunk){ CHUNK_STACK_NAMES, payload.len, payload.text });
	assert_int_equal(chunk_get_u64(&c), 0x1234567);
	seen_flags = chunk_get_u32(&c);
	assert_int_equal(seen_flags >> 16, stack.user_stop);
	seen_flags &= 0xffff;
	n = chunk_get_u32(&c);
	assert_true(n <= RESOLVER_FRAMES_MAX);
	for (i = 0; i < n; i++) {
		seen[i].kind = chunk_get_u32(&c);
		seen[i].flags = chunk_get_u32(&c);
		seen[i].line = chunk_get_u32(&c);
		seen[i].offset = chunk_get_u64(&c);
		take_text(&c, seen[i].fn, sizeof(seen[i].fn));
		take_text(&c, seen[i].file, sizeof(seen[i].file));
		take_text(&c, seen[i].module, sizeof(seen[i].module));
	}
	n_nameless = chunk_get_u32(&c);
	for (i = 0; i < n_nameless; i++) {
		assert_true(chunk_get_u32(&c) < n);
		assert_true(chunk_get_u32(&c) > 0);
		chunk_get_u64(&c);
	}
	take_text(&c, seen_end, sizeof(seen_end));
	assert_false(c.bad);
	assert_ptr_equal(c.at, c.end);
	str_release(&payload);
	return drop_inlined(n);
}

static struct resolver *open_self(struct process **p)
{
	struct resolver *r;

	assert_int_equal(process_open("/proc", getpid(), p), 0);
	assert_int_equal(resolver_open(host, *p, &r), 0);
	return r;
}

/* Everything down to the last probe frame near the top goes, also what has no name; below, nothing
 * is left out. */
static void test_kernel(void **state)
{
	struct process *p;
	struct resolver *r = open_self(&p);
	int i;

	(void)state;
	memset(&stack, 0, sizeof(stack));
	stack.kernel[0] = 0xffffffff01000000; /* a program without a name */
	stack.kernel[1] = 0xffffffff81000010; /* bpf_prog */
	stack.kernel[2] = 0xffffffff01000000; /* a trampoline */
	stack.kernel[3] = 0xffffffff81001010; /* bpf_trace_run4 */
	for (i = 4; i < 8; i++)
		stack.kernel[i] = 0xffffffff81002010; /* __schedule */
	stack.kernel[8] = 0xffffffff81001010; /* too deep to be the one that took this stack */
	stack.kernel[9] = 0xffffffff01000000;
	stack.n_kernel = 10;
	assert_true(resolver_host_has_kernel(host));
	assert_int_equal(resolve(r), 6);
	assert_string_equal(seen[0].fn, "__schedule");
	assert_int_equal(seen[0].kind, FRAME_KERNEL);
	assert_string_equal(seen[4].fn, "bpf_trace_run4");
	assert_string_equal(seen[5].fn, "<unknown>");
	assert_null(resolver_loop_kind(r));
	stack.n_kernel = 1;
	assert_int_equal(resolve(r), 1);
	assert_string_equal(seen[0].fn, "<unknown>");
	resolver_close(r);
	process_close(p);
}

static void __attribute__((noinline)) resolver_marker(struct process *p)
{
	stack.user[0] = (uintptr_t)resolver_marker;
	stack.user[1] = (uintptr_t)__builtin_return_address(0);
	assert_true(native_plausible(p, stack.user[1]));
}

/* The instruction itself is certain, a return address behind a call is a guess, and the first that
 * cannot be one ends the native part. */
static void test_native(void **state)
{
	struct process *p;
	struct resolver *r = open_self(&p);

	(void)state;
	assert_string_equal(resolver_runtime(r), "");
	assert_string_equal(resolver_why(r), "");
	assert_int_equal(resolver_plan(r)->enabled, 0);
	memset(&stack, 0, sizeof(stack));
	resolver_marker(p);
	stack.user[2] = (uintptr_t)&stack;
	stack.user[3] = stack.user[1];
	stack.n_user = 4;
	assert_int_equal(resolve(r), 2);
	assert_string_equal(seen[0].fn, "resolver_marker");
	assert_string_equal(seen[0].module, "test_resolver");
	assert_int_equal(seen[0].flags, 0);
	assert_string_equal(seen[1].fn, "test_native");
	assert_int_equal(seen[1].flags, FRAME_GUESSED);
	assert_int_equal(n_nameless, 0);
	stack.user[0] = (uintptr_t)&stack;
	assert_int_equal(resolve(r), 0);
	resolver_close(r);
	process_close(p);
}

/* What a table found is certain: no look at the bytes, and no end.  A guess among it still must
 * look like a call.  An exact address is the place itself, others are behind a call. */
static void test_by_table(void **state)
{
	uint64_t start = (uintptr_t)test_by_table;
	struct process *p;
	struct resolver *r = open_self(&p);

	(void)state;
	memset(&stack, 0, sizeof(stack));
	resolver_marker(p);
	stack.user[2] = start | USER_EXACT;
	stack.user[3] = start;
	stack.user[4] = start + 1;
	stack.user[5] = (uintptr_t)&stack;
	stack.user[6] = start + 5;
	stack.n_user = 7;
	stack.user_stop = UNWIND_STOP_ROOT;
	assert_int_equal(resolve(r), 7);
	assert_int_equal(seen_flags, 0);
	assert_string_equal(seen_end, "");
	assert_string_equal(seen[1].fn, "test_by_table");
	assert_int_equal(seen[1].flags, 0);
	assert_string_equal(seen[2].fn, "test_by_table");
	assert_string_not_equal(seen[3].fn, "test_by_table");
	assert_string_equal(seen[4].fn, "test_by_table");
	assert_string_equal(seen[5].module, "[anonymous]");
	stack.user_stop = UNWIND_STOP_POINTER;
	assert_int_equal(resolve(r), 7);
	assert_string_equal(seen_end, "test_resolver");
	stack.user_stop = UNWIND_STOP_ROOT;
	stack.user[1] |= USER_GUESSED;
	stack.user[3] |= USER_GUESSED;
	assert_int_equal(resolve(r), 3);
	assert_int_equal(seen_flags, STACK_USER_CUT);
	assert_int_equal(seen[1].flags, FRAME_GUESSED);
	assert_int_equal(seen[2].flags, 0);
	assert_string_equal(seen_end, "test_resolver");
	resolver_close(r);
	process_close(p);
}

/* More frames than a stack can hold are refused before anything is read. */
static void test_counts(void **state)
{
	struct process *p;
	struct resolver *r = open_self(&p);
	struct str payload = { 0 };

	(void)state;
	memset(&stack, 0, sizeof(stack));
	stack.n_kernel = STACK_KERNEL_MAX + 1;
	assert_int_equal(resolver_stack(r, &stack, &payload), -EINVAL);
	stack.n_kernel = 0;
	stack.n_user = STACK_USER_MAX + 1;
	assert_int_equal(resolver_stack(r, &stack, &payload), -EINVAL);
	stack.n_user = 0;
	stack.n_python = STACK_PYTHON_MAX + 1;
	assert_int_equal(resolver_stack(r, &stack, &payload), -EINVAL);
	assert_int_equal(payload.len, 0);
	resolver_close(r);
	resolver_close(NULL);
	process_close(p);
}

/* A plausible return address in the first executable mapping whose path holds that word. */
static uint64_t call_site(struct process *p, const char *word)
{
	size_t i;

	for (i = 0; i < p->maps.list.count; i++) {
		const struct mapping *m = &p->maps.list.items[i];
		uint64_t addr;

		if (!m->exec || !strstr(m->path, word))
			continue;
		for (addr = m->start + 4096; addr < m->end; addr++)
			if (native_plausible(p, addr))
				return addr;
	}
	return 0;
}

static const struct truth_frame *thread_with(const struct truth *t, const char *fn)
{
	const struct truth_frame *first = NULL;
	size_t i;

	for (i = 0; i < t->frames.count; i++) {
		const struct truth_frame *f = &t->frames.items[i];

		if (!first || first->tid != f->tid)
			first = f;
		if (strcmp(f->fn, fn) == 0)
			return first;
	}
	return NULL;
}

/* Native frames stay down to the interpreter's own, which Python's tell better; one alone stays. */
static void test_python(void **state)
{
	const struct truth_frame *want;
	struct resolver *r;
	struct process *p;
	struct truth t;
	size_t n;

	(void)state;
	assert_int_equal(truth_start(&t, "/usr/bin/python3"), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(resolver_open(host, p, &r), 0);
	assert_string_equal(resolver_runtime(r), "python");
	assert_string_equal(resolver_why(r), "");
	want = thread_with(&t, "idle");
	if (!want)
		want = thread_with(&t, "BaseEventLoop._run_once");
	assert_non_null(want);
	memset(&stack, 0, sizeof(stack));
	stack.n_python = walk_host(p, resolver_plan(r), want->thread_pointer, stack.python,
				   &stack.flags);
	stack.user[0] = call_site(p, "libc.so");
	stack.user[1] = call_site(p, "python3");
	stack.user[2] = call_site(p, "libc.so");
	stack.n_user = 3;
	assert_true(stack.user[0] && stack.user[1]);
	n = resolve(r);
	assert_int_equal(n, 1 + stack.n_python);
	assert_int_equal(seen[0].kind, FRAME_NATIVE);
	assert_true(strstr(seen[0].module, "libc") && seen[0].flags & FRAME_LIBRARY);
	assert_string_equal(seen[1].fn, want->fn);
	assert_int_equal(seen[1].kind, FRAME_PYTHON);
	assert_string_equal(resolver_loop_kind(r), "asyncio");
	stack.user[0] = stack.user[1];
	n = resolve(r);
	assert_int_equal(n, 1 + stack.n_python);
	assert_true(strstr(seen[0].module, "python") != NULL);
	/* without Python frames the interpreter's own are all there is */
	stack.n_python = 0;
	assert_int_equal(resolve(r), 3);
	assert_null(resolver_loop_kind(r));
	assert_int_equal(resolver_refresh(r), 0);
	assert_string_equal(resolver_runtime(r), "python");
	truth_stop(&t);
	assert_int_equal(resolver_refresh(r), -ESRCH);
	assert_int_equal(resolver_plan(r)->enabled, 1);
	/* the dead process's addresses still have a module, and names where its files were read */
	assert_int_equal(resolve(r), 1);
	assert_true(strstr(seen[0].module, "python") != NULL);
	resolver_close(r);
	process_close(p);
}

static void fake_begin(struct runtime_session *s, const struct event_stack *of)
{
	(void)s;
	(void)of;
}

static int fake_outer_left;

/* Code 7 has no name, code 5 none that is shown, and code 6 was put into two others. */
static int fake_name(struct runtime_session *s, const struct interp_frame *frame,
		     struct chunk_frame *ret_frame)
{
	(void)s;
	fake_outer_left = frame->code == 6 ? 2 : 0;
	if (frame->code == 7 || frame->code == 5)
		return frame->code == 7 ? -ENOENT : -ENODATA;
	*ret_frame = (struct chunk_frame){ .kind = FRAME_JS,
					   .fn = frame->code == 3 ? "inner" : "outer",
					   .file = "app.js",
					   .module = "" };
	return 0;
}

static int fake_outer(struct runtime_session *s, struct chunk_frame *ret_frame)
{
	(void)s;
	if (!fake_outer_left)
		return -ENOENT;
	*ret_frame = (struct chunk_frame){ .kind = FRAME_JS,
					   .fn = fake_outer_left-- == 2 ? "around" : "all",
					   .file = "app.js",
					   .module = "" };
	return 0;
}

static struct runtime_session *fake_close(struct runtime_session *s)
{
	(void)s;
	return NULL;
}

/* Frames that say where they stand replace the native ones there, which stay where there is no
 * name; they are no guesses, whatever the bytes before them are. */
static void test_placed(void **state)
{
	static const struct runtime fake = {
		.name = "fake", .begin = fake_begin, .name_frame = fake_name, .close = fake_close
	};
	struct process *p;
	struct resolver *r = open_self(&p);

	(void)state;
	r->runtime = &fake;
	r->session = (struct runtime_session *)r;
	r->facts.placed = true;
	memset(&stack, 0, sizeof(stack));
	resolver_marker(p);
	stack.user[2] = (uintptr_t)&stack | USER_GUESSED;
	stack.user[3] = stack.user[1];
	stack.user[4] = (uintptr_t)&stack | USER_GUESSED;
	stack.user[5] = stack.user[1];
	stack.n_user = 6;
	stack.user_stop = UNWIND_STOP_ROOT;
	stack.python[0] = (struct interp_frame){ .code = 7, .tag = 1 };
	stack.python[1] = (struct interp_frame){ .code = 3, .tag = 2 };
	stack.python[2] = (struct interp_frame){ .code = 4, .tag = 2 };
	stack.python[3] = (struct interp_frame){ .code = 4, .tag = 9 };
	stack.n_python = 4;
	assert_int_equal(resolve(r), 5);
	assert_string_equal(seen[0].fn, "resolver_marker");
	assert_string_equal(seen[1].fn, "test_placed");
	assert_int_equal(seen[2].kind, FRAME_JS);
	assert_string_equal(seen[2].fn, "inner");
	assert_string_equal(seen[3].fn, "outer");
	assert_string_equal(seen[4].fn, "test_placed");
	/* the guess without a frame of the runtime ends it */
	assert_int_equal(seen_flags, STACK_USER_CUT);
	resolver_close(r);
	process_close(p);
}

/* A frame of the runtime's own goes together with its native one; several functions may stand in
 * the place of one native frame. */
static void test_placed_many(void **state)
{
	static const struct runtime fake = { .name = "fake",
					     .begin = fake_begin,
					     .name_frame = fake_name,
					     .name_outer = fake_outer,
					     .close = fake_close };
	struct process *p;
	struct resolver *r = open_self(&p);

	(void)state;
	r->runtime = &fake;
	r->session = (struct runtime_session *)r;
	r->facts.placed = true;
	memset(&stack, 0, sizeof(stack));
	resolver_marker(p);
	stack.user[2] = stack.user[3] = stack.user[1];
	stack.n_user = 4;
	stack.user_stop = UNWIND_STOP_ROOT;
	stack.python[0] = (struct interp_frame){ .code = 5, .tag = 1 };
	stack.python[1] = (struct interp_frame){ .code = 6, .tag = 2 };
	stack.n_python = 2;
	assert_int_equal(resolve(r), 5);
	assert_string_equal(seen[0].fn, "resolver_marker");
	assert_string_equal(seen[1].fn, "outer");
	assert_string_equal(seen[2].fn, "around");
	assert_string_equal(seen[3].fn, "all");
	assert_string_equal(seen[4].fn, "test_placed_many");
	resolver_close(r);
	process_close(p);
}

/* The words of a native part walked by table: the C library, the interpreter's loop once for each
 * run, other code after the first of them, and where a thread begins. */
static void put_native(struct process *p, uint64_t eval, size_t runs)
{
	size_t i;

	stack.n_user = 0;
	stack.user[stack.n_user++] = call_site(p, "libc.so");
	for (i = 0; i < runs; i++) {
		stack.user[stack.n_user++] = eval + 5;
		if (i == 0)
			stack.user[stack.n_user++] = call_site(p, "libm.so");
		stack.user[stack.n_user++] = call_site(p, "python3");
	}
	stack.user[stack.n_user++] = call_site(p, "libc.so");
	stack.user_stop = UNWIND_STOP_ROOT;
}

/* Walked by table, interpreter frames stand where the frames of the interpreter's loop are, and
 * what other code does between two of them is seen; where they do not fit the stack says so. */
static void test_merged(void **state)
{
	size_t first, n, i, runs = 2;
	struct cpython_place place;
	const struct truth_frame *want;
	struct resolver *r;
	struct process *p;
	struct truth t;

	(void)state;
	assert_int_equal(truth_start(&t, "/usr/bin/python3"), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(resolver_open(host, p, &r), 0);
	assert_int_equal(cpython_find(p, &place), 0);
	want = thread_with(&t, "idle");
	if (!want)
		want = thread_with(&t, "BaseEventLoop._run_once");
	assert_non_null(want);
	memset(&stack, 0, sizeof(stack));
	stack.n_python = walk_host(p, resolver_plan(r), want->thread_pointer, stack.python,
				   &stack.flags);
	assert_true(stack.n_python > 2);
	for (i = 0; i < stack.n_python; i++)
		stack.python[i].code &= ~1ull;
	stack.python[1].code |= 1;
	stack.python[stack.n_python - 1].code |= 1;
	put_native(p, place.eval[0].start, runs);
	n = resolve(r);
	assert_int_equal(n, stack.n_python + 2);
	assert_int_equal(seen_flags & STACK_UNMERGED, 0);
	assert_true(strstr(seen[0].module, "libc") != NULL);
	assert_int_equal(seen[1].kind, FRAME_PYTHON);
	assert_int_equal(seen[2].kind, FRAME_PYTHON);
	assert_true(strstr(seen[3].module, "libm") != NULL);
	for (first = 4; first < n; first++)
		assert_int_equal(seen[first].kind, FRAME_PYTHON);
	assert_string_equal(resolver_loop_kind(r), "asyncio");
	put_native(p, place.eval[0].start, runs + 1);
	assert_int_equal(resolve(r), stack.n_python + 1);
	assert_int_equal(seen_flags & STACK_UNMERGED, STACK_UNMERGED);
	/* a list that nothing called is of no use */
	stack.python[stack.n_python - 1].code &= ~1ull;
	put_native(p, place.eval[0].start, runs);
	assert_int_equal(resolve(r), stack.n_user);
	assert_int_equal(seen_flags & STACK_PYTHON_LOST, STACK_PYTHON_LOST);
	resolver_close(r);
	process_close(p);
	truth_stop(&t);
}

static int start(void **state)
{
	char path[64];
	FILE *f;

	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/kallsyms", root);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fputs("ffffffff81000000 t bpf_prog_6deef7357e7b4530_on_switch\t[bpf]\n"
	      "ffffffff81001000 t bpf_trace_run4\n"
	      "ffffffff81002000 t __schedule\n",
	      f);
	fclose(f);
	return resolver_host_open(root, &host);
}

static int stop(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/kallsyms", root);
	unlink(path);
	rmdir(root);
	resolver_host_close(host);
	resolver_host_close(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),	 cmocka_unit_test(test_native),
		cmocka_unit_test(test_by_table), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_python),	 cmocka_unit_test(test_merged),
		cmocka_unit_test(test_placed),	 cmocka_unit_test(test_placed_many),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
