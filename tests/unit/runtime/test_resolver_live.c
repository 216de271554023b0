/* test_resolver_live.c: questions about a live process reach its runtime, or are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "runtime/resolver.h"
#include "tests/support/python_truth.h"

static struct resolver_host *host;
static struct event_stack stack, again;

static int refuse_payload(void *ctx, const struct str *payload)
{
	(void)ctx;
	(void)payload;
	fail_msg("a process without a loop has no task list");
	return 0;
}

/* This program runs no interpreter: every question says so, and a walk shows nothing. */
static void test_no_runtime(void **state)
{
	struct runtime_thread thread;
	struct runtime_loop loop;
	struct process *p;
	struct resolver *r;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(resolver_open(host, p, &r), 0);
	memset(&stack, 0xff, sizeof(stack));
	assert_int_equal(resolver_loop_now(r, 4096, &loop), -ENOTSUP);
	assert_int_equal(resolver_thread_now(r, 4096, &thread), -ENOTSUP);
	assert_int_equal(resolver_tasks(r, refuse_payload, NULL), -ENOTSUP);
	assert_int_equal(resolver_walk(r, 4096, &stack), 0);
	assert_int_equal(stack.n_python, 0);
	assert_int_equal(stack.n_kernel, 0);
	resolver_close(r);
	process_close(p);
}

/* Every blocked thread of an interpreter: frames (which ones is test_cpython.c's to say), the same
 * hash twice, another one for another thread. */
static void check_walks(const char *python)
{
	struct truth t;
	struct process *p;
	struct resolver *r;
	size_t i, n, threads = 0;
	uint64_t last = 0;

	assert_int_equal(truth_start(&t, python), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(resolver_open(host, p, &r), 0);
	for (i = 0; i < t.frames.count; i += n, threads++) {
		const struct truth_frame *f = &t.frames.items[i];

		for (n = 0; i + n < t.frames.count && f[n].tid == f->tid;)
			n++;
		assert_in_range(resolver_walk(r, f->thread_pointer, &stack), 1, STACK_PYTHON_MAX);
		assert_true(stack.n_python >= (n < STACK_PYTHON_MAX ? n : STACK_PYTHON_MAX));
		assert_int_equal(resolver_walk(r, f->thread_pointer, &again), stack.n_python);
		assert_int_equal(stack.hash, again.hash);
		assert_int_not_equal(stack.hash, last);
		last = stack.hash;
	}
	assert_int_equal(threads, TRUTH_THREADS);
	resolver_close(r);
	process_close(p);
	truth_stop(&t);
}

static void test_walks(void **state)
{
	(void)state;
	if (!truth_each_python(check_walks))
		skip();
}

static int open_host(void **state)
{
	(void)state;
	return resolver_host_open("/proc", &host);
}

static int close_host(void **state)
{
	(void)state;
	resolver_host_close(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_runtime),
		cmocka_unit_test(test_walks),
	};

	return cmocka_run_group_tests(tests, open_host, close_host);
}
