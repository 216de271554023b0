/* test_cpython.c: attaching to live interpreters; the stacks are those that Python prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "runtime/cpython_text.h"
#include "runtime/path.h"
#include "runtime/runtime.h"
#include "runtime/walk_host.h"
#include "tests/support/python_truth.h"

static void check_frame(const struct chunk_frame *f, const struct truth_frame *want,
			const struct process *p)
{
	bool library = strstr(want->file, "/lib/python3.") != NULL;

	assert_int_equal(f->kind, FRAME_PYTHON);
	assert_string_equal(f->fn, want->fn);
	assert_string_equal(f->file, path_shown(want->file, p->cwd));
	assert_int_equal(f->line, want->line);
	assert_int_equal(f->flags & ~FRAME_ENTRY,
			 (library ? FRAME_LIBRARY : 0) | (want->coroutine ? FRAME_COROUTINE : 0));
}

/* Python does not tell who called a frame; of these three the script makes sure. */
static void check_entry(const struct chunk_frame *f, bool outermost, bool marked)
{
	if (!marked || outermost || strcmp(f->fn, "generator") == 0)
		assert_true(f->flags & FRAME_ENTRY);
	else if (strcmp(f->fn, "deep") == 0)
		assert_false(f->flags & FRAME_ENTRY);
}

/* All frames of one thread; returns the index of the next thread's first. */
static size_t check_thread(struct process *p, const struct runtime_facts *facts,
			   struct runtime_session *s, const struct truth *t, size_t first)
{
	static struct interp_frame frames[STACK_PYTHON_MAX];
	const struct truth_frame *want = &t->frames.items[first];
	size_t n = walk_host(p, &facts->plan, want->thread_pointer, frames, NULL), at = 0, i;
	bool marked = facts->plan.shim != SHIM_NONE;

	runtime_cpython.begin(s, NULL);
	for (i = 0; first + i < t->frames.count && t->frames.items[first + i].tid == want->tid;
	     i++) {
		struct chunk_frame f;
		int r = -ENOENT;

		if (at >= STACK_PYTHON_MAX)
			continue;
		while (r == -ENOENT && at < n) /* what the interpreter hides from programs */
			r = runtime_cpython.name_frame(s, &frames[at++], &f);
		assert_int_equal(r, 0);
		check_frame(&f, &want[i], p);
		check_entry(&f, at == n && n < STACK_PYTHON_MAX, marked);
	}
	assert_int_equal(n, at);
	return first + i;
}

static void check_python(const char *python)
{
	struct runtime_session *s = NULL;
	struct runtime_facts facts;
	size_t at = 0, threads = 0;
	struct process *p;
	struct truth t;

	assert_int_equal(truth_start(&t, python), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(runtime_cpython.detect(p), 1);
	if (runtime_cpython.attach(p, &facts, &s) < 0)
		fail_msg("%s: %s", python, facts.why);
	assert_true(str_starts(facts.version, "3."));
	assert_int_equal(facts.plan.enabled, 1);
	assert_true(facts.plan.gil[0] && !facts.plan.gil[1]);
	assert_true(facts.text_start && facts.text_end > facts.text_start);
	for (; at < t.frames.count; threads++)
		at = check_thread(p, &facts, s, &t, at);
	assert_int_equal(threads, TRUTH_THREADS);
	print_message("%s: %s, %zu frames\n", python, facts.version, at);
	runtime_cpython.close(s);
	process_close(p);
	truth_stop(&t);
}

/* All threads under each interpreter at hand: every name, file, line and library mark. */
static void test_equal_python(void **state)
{
	(void)state;
	assert_true(truth_each_python(check_python) >= 1);
}

/* A changed tag says that the code is stale; so does an address that holds no code object. */
static void test_stale(void **state)
{
	static struct interp_frame frames[STACK_PYTHON_MAX];
	struct runtime_session *s = NULL;
	struct runtime_facts facts;
	struct chunk_frame f;
	struct process *p;
	struct truth t;

	(void)state;
	assert_int_equal(truth_start(&t, "python3"), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(runtime_cpython.attach(p, &facts, &s), 0);
	assert_true(walk_host(p, &facts.plan, t.frames.items[0].thread_pointer, frames, NULL) > 1);
	frames[0].tag ^= 4;
	assert_int_equal(runtime_cpython.name_frame(s, &frames[0], &f), 0);
	assert_string_equal(f.fn, "<stale code>");
	assert_int_equal(f.flags & ~FRAME_ENTRY, FRAME_STALE);
	frames[1].code += 16;
	assert_int_equal(runtime_cpython.name_frame(s, &frames[1], &f), 0);
	assert_string_equal(f.fn, "<stale code>");
	/* a tag of 0 means that it was not read: then there is nothing to compare */
	frames[0].tag = 0;
	assert_int_equal(runtime_cpython.name_frame(s, &frames[0], &f), 0);
	assert_string_equal(f.fn, t.frames.items[0].fn);
	frames[0].off = -1;
	assert_int_equal(runtime_cpython.name_frame(s, &frames[0], &f), 0);
	assert_true(f.line > 0 && f.line < t.frames.items[0].line);
	runtime_cpython.close(s);
	runtime_cpython.close(NULL);
	process_close(p);
	truth_stop(&t);
}

/* When the process is gone, what was named before keeps its name and the rest is honestly unknown.
 */
static void test_gone(void **state)
{
	static struct interp_frame frames[STACK_PYTHON_MAX];
	struct runtime_session *s = NULL;
	struct runtime_facts facts;
	struct chunk_frame f;
	struct process *p;
	struct truth t;

	(void)state;
	assert_int_equal(truth_start(&t, "python3"), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(runtime_cpython.attach(p, &facts, &s), 0);
	assert_true(walk_host(p, &facts.plan, t.frames.items[0].thread_pointer, frames, NULL) > 1);
	assert_int_equal(runtime_cpython.name_frame(s, &frames[0], &f), 0);
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	assert_int_equal(runtime_cpython.name_frame(s, &frames[0], &f), 0);
	assert_string_equal(f.fn, t.frames.items[0].fn);
	assert_int_equal(runtime_cpython.name_frame(s, &frames[1], &f), 0);
	assert_string_equal(f.fn, "<unknown>");
	runtime_cpython.close(s);
	process_close(p);
	t.pid = 0;
	truth_stop(&t);
}

/* A process without Python is not recognised, and attaching to it says why it cannot be. */
static void test_other_process(void **state)
{
	struct runtime_session *s = NULL;
	struct runtime_facts facts;
	struct process *p;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(runtime_cpython.detect(p), 0);
	assert_int_equal(runtime_cpython.attach(p, &facts, &s), -ENOENT);
	assert_true(facts.why[0] != '\0');
	assert_int_equal(facts.plan.enabled, 0);
	assert_null(s);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_python),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_other_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
