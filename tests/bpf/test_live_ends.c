/* test_live_ends.c: targets that end, or become another program in mid-stall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "tests/bpf/live_fixture.h"

#define CALL_SLEEP 230

static void *thread_that_ends(void *arg)
{
	int epoll = epoll_create1(0);

	for (int i = 0; i < 5; i++)
		live_poll(epoll, 2);
	live_stall(arg, 70 * MSEC);
	return NULL;
}

static void target_thread_ends(struct live_shared *s)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_that_ends, s);
	pthread_join(thread, NULL);
}

static void target_process_ends(struct live_shared *s)
{
	thread_that_ends(s);
}

/* A stall that its thread does not survive is found, and marked as its last. */
static void check_last(void (*target)(struct live_shared *))
{
	const struct event_stall *e;
	struct live v;

	live_start(&v, target, NULL);
	live_finish(&v);
	assert_int_equal(live_truths_found(&v), 1);
	e = live_only(&v);
	assert_true(e->flags & STALL_LAST);
	assert_non_null(live_part(e, CLASS_SYSCALL, CALL_SLEEP, 70 * MSEC - SLACK));
	live_free(&v);
}

static void test_thread_ends(void **state)
{
	(void)state;
	check_last(target_thread_ends);
}

static void test_process_ends(void **state)
{
	(void)state;
	check_last(target_process_ends);
}

static void target_exec(struct live_shared *s)
{
	thread_that_ends(s);
	execl("/bin/sleep", "sleep", "0.2", (char *)NULL);
	_exit(1);
}

/* The same when the process becomes another program; and that one's own time is no stall. */
static void test_exec(void **state)
{
	(void)state;
	check_last(target_exec);
}

static void target_forever(struct live_shared *s)
{
	int epoll = epoll_create1(0);

	for (int i = 0; i < 5; i++)
		live_poll(epoll, 2);
	s->step = 1;
	live_stall(s, 3600000 * MSEC);
}

/* A target that is killed in a stall ends the capture, and the stall, as long as it was. */
static void test_killed(void **state)
{
	const struct event_stall *e;
	struct live v;

	(void)state;
	live_start(&v, target_forever, NULL);
	live_until(&v, 1);
	live_run(&v, 170 * MSEC);
	kill(v.pid, SIGKILL);
	live_finish(&v);
	e = live_only(&v);
	assert_true(e->flags & STALL_LAST);
	assert_in_range(e->class_ns[CLASS_SYSCALL], 100 * MSEC, 60000 * MSEC);
	live_free(&v);
}

static void *thread_after_main(void *arg)
{
	struct live_shared *s = arg;

	while (s->go < 2)
		usleep(1000);
	thread_that_ends(s);
	return NULL;
}

static void target_main_ends(struct live_shared *s)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_after_main, s);
	pthread_exit(NULL);
}

/* A main thread that ended before the capture began takes no element, and is no loop that hangs;
 * the thread that it left behind is watched to its end. */
static void test_main_thread_ended(void **state)
{
	struct live v;
	int seen = 0;

	(void)state;
	live_start_late(&v, target_main_ends, NULL);
	live_run(&v, 200 * MSEC);
	v.shared->go = 2;
	live_finish(&v);
	for (size_t i = 0; i < v.events.count; i++) {
		const struct event_head *head = v.events.items[i];

		seen += head->tid == (uint32_t)v.pid && head->kind != EVENT_LIFE &&
			head->kind != EVENT_STACK;
	}
	assert_int_equal(seen, 0);
	assert_int_equal(live_truths_found(&v), 1);
	live_free(&v);
}

/* A process that is gone before the capture starts is refused in one sentence. */
static void test_gone_before(void **state)
{
	cleanup(str_releasep) struct str why = { 0 };
	struct live v = { .sink.put = live_put };
	pid_t pid = fork();
	struct capture_opts opts = { .pids = &pid, .n_pids = 1 };

	(void)state;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_true(capture_open(&opts, &v.sink, &v.capture, &why) < 0);
	assert_true(strstr(str_text(&why), "no process") != NULL);
	for (size_t i = 0; i < v.events.count; i++)
		free(v.events.items[i]);
	vec_release(&v.events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_ends),
		cmocka_unit_test(test_process_ends),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_main_thread_ended),
		cmocka_unit_test(test_gone_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
