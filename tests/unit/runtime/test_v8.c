/* test_v8.c: Node.js recognised and attached to, where there is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/runtime.h"

static pid_t child;

/* A node that says when it runs, then sleeps; 0: there is none. */
static pid_t start_node(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		execlp("node", "node", "-e",
		       "require('fs').writeSync(1, '.'); setTimeout(() => 0, 60000)", NULL);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	close(ends[0]);
	return pid;
}

static int setup(void **state)
{
	(void)state;
	child = start_node();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return 0;
}

/* This program is none. */
static void test_other(void **state)
{
	struct runtime_session *session;
	struct runtime_facts facts;
	struct process *p;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(runtime_v8.detect(p), 0);
	assert_true(runtime_v8.attach(p, &facts, &session) < 0);
	assert_string_not_equal(facts.why, "");
	process_close(p);
}

/* The version is the one it prints; the plan is whole; frames that cannot be are not named. */
static void test_node(void **state)
{
	struct interp_frame nothing = { .code = 1ull << JIT_CODE_BITS | 0x1001, .off = -1 };
	struct interp_frame unread = { .code = 0x1001, .off = -1 }, entry = { .code = 2 };
	struct runtime_session *session;
	struct runtime_facts facts;
	struct chunk_frame f;
	struct process *p;

	(void)state;
	if (!child) {
		print_message("SKIP no node in the path\n");
		skip();
	}
	assert_int_equal(process_open("/proc", child, &p), 0);
	assert_int_equal(runtime_v8.detect(p), 1);
	assert_ptr_equal(runtime_detect(p), &runtime_v8);
	assert_int_equal(runtime_v8.attach(p, &facts, &session), 0);
	assert_int_equal(facts.jit.enabled, 1);
	assert_int_equal(facts.plan.enabled, 0);
	assert_true(facts.placed);
	assert_non_null(strchr(facts.version, '.'));
	runtime_v8.begin(session, NULL);
	assert_int_equal(runtime_v8.name_frame(session, &nothing, &f), 0);
	assert_int_equal(f.kind, FRAME_JS);
	assert_string_equal(f.fn, "<moved>");
	/* what it was at the time nobody knows */
	assert_int_equal(runtime_v8.name_frame(session, &unread, &f), 0);
	assert_string_equal(f.fn, "<unknown>");
	assert_int_equal(runtime_v8.name_frame(session, &entry, &f), -ENODATA);
	runtime_v8.close(session);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_node),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
