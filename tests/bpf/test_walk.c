/* test_walk.c: the walker in the kernel, against what Python says of its own stacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/str.h"
#include "runtime/path.h"
#include "runtime/runtime.h"
#include "target/process.h"
#include "tests/bpf/walk_stack.h"
#include "tests/support/python_truth.h"
#include "walk.skel.h"

struct attached {
	struct truth truth;
	struct process *p;
	struct runtime_facts facts;
	struct runtime_session *session;
	struct walk_bpf *bpf;
};

static void start(struct attached *a, const char *python)
{
	__u32 zero = 0;

	memset(a, 0, sizeof(*a));
	assert_int_equal(truth_start(&a->truth, python), 0);
	assert_int_equal(process_open("/proc", a->truth.pid, &a->p), 0);
	if (runtime_cpython.attach(a->p, &a->facts, &a->session) < 0)
		fail_msg("%s: %s", python, a->facts.why);
	a->bpf = walk_bpf__open();
	assert_non_null(a->bpf);
	a->bpf->rodata->target = a->p->pid;
	assert_int_equal(walk_bpf__load(a->bpf), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(a->bpf->maps.plans), &zero, &a->facts.plan,
					     BPF_ANY),
			 0);
	assert_int_equal(walk_bpf__attach(a->bpf), 0);
}

static void stop(struct attached *a)
{
	walk_bpf__destroy(a->bpf);
	runtime_cpython.close(a->session);
	process_close(a->p);
	truth_stop(&a->truth);
}

/* Sleepers are switched when a signal wakes them: the one that pauses and continues a process. */
static void make_all_switch(struct attached *a)
{
	kill(a->p->pid, SIGSTOP);
	usleep(50000);
	kill(a->p->pid, SIGCONT);
	usleep(200000);
}

static size_t frames_of_thread(const struct truth *t, size_t first)
{
	size_t n = first;

	while (n < t->frames.count && t->frames.items[n].tid == t->frames.items[first].tid)
		n++;
	return n - first;
}

/* Compares one thread's stack, as far as the walker may go. */
static void check_thread(struct attached *a, int map, size_t first)
{
	static struct walk_stack stack;
	const struct truth_frame *want = &a->truth.frames.items[first];
	size_t have = frames_of_thread(&a->truth, first), at = 0, i;

	assert_int_equal(bpf_map_lookup_elem(map, &want->tid, &stack), 0);
	assert_int_equal(stack.flags & STACK_PYTHON_LOST, 0);
	runtime_cpython.begin(a->session, NULL);
	for (i = 0; i < have && at < STACK_PYTHON_MAX; i++) {
		struct chunk_frame f;
		int r = -ENOENT;

		while (r == -ENOENT && at < stack.n) /* what the interpreter hides from programs */
			r = runtime_cpython.name_frame(a->session, &stack.frames[at++], &f);
		assert_int_equal(r, 0);
		assert_string_equal(f.fn, want[i].fn);
		assert_string_equal(f.file, path_shown(want[i].file, a->p->cwd));
		assert_int_equal(f.line, want[i].line);
	}
	assert_int_equal(stack.n, at);
}

static void check_map(struct attached *a, int map)
{
	size_t i, threads = 0;

	for (i = 0; i < a->truth.frames.count; i += frames_of_thread(&a->truth, i), threads++)
		check_thread(a, map, i);
	assert_int_equal(threads, TRUTH_THREADS);
}

static void check_python(const char *python)
{
	struct attached a;

	print_message("%s\n", python);
	start(&a, python);
	make_all_switch(&a);
	check_map(&a, bpf_map__fd(a.bpf->maps.stacks));
	stop(&a);
}

/* Names, files and lines of all threads are those that the interpreter itself prints. */
static void test_stacks_equal_python(void **state)
{
	(void)state;
	assert_true(truth_each_python(check_python) >= 1);
}

/* Without a plan there is no walk: no frames, and no flag that one was tried. */
static void test_plan_off(void **state)
{
	static const struct walk_plan none;
	static struct walk_stack stack;
	struct attached a;
	__u32 zero = 0, tid;

	(void)state;
	start(&a, "python3");
	bpf_map_update_elem(bpf_map__fd(a.bpf->maps.plans), &zero, &none, BPF_ANY);
	make_all_switch(&a);
	tid = (__u32)a.truth.frames.items[0].tid;
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(a.bpf->maps.stacks), &tid, &stack), 0);
	assert_int_equal(stack.n, 0);
	assert_int_equal(stack.flags, 0);
	stop(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stacks_equal_python),
		cmocka_unit_test(test_plan_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
