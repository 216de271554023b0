/* test_live_ends.c: targets that are stopped, that end, or become another program in mid-stall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/bpf/live_fixture.h"

#define CALL_SLEEP 230
#define STOP	   (150 * MSEC)
#define STOP_SLACK (70 * MSEC) /* a busy machine delivers the signal late */

/* Stops the target for 150 ms, while the capture goes on. */
static void stop_for_a_while(struct live *v)
{
	kill(v->pid, SIGSTOP);
	live_run(v, STOP);
	kill(v->pid, SIGCONT);
}

static void target_long_sleep(struct live_shared *s)
{
	int epoll = epoll_create1(0);

	for (int i = 0; i < 5; i++)
		live_poll(epoll, 2);
	s->step = 1;
	live_stall(s, 400 * MSEC);
	live_poll(epoll, 2);
}

/* A stop in the middle of a sleep is `stopped`; the rest is still that sleep, in its own name. */
static void test_stopped_in_sleep(void **state)
{
	const struct event_stall *e;
	struct live v;

	(void)state;
	live_start(&v, target_long_sleep, NULL);
	live_until(&v, 1);
	live_run(&v, 70 * MSEC);
	stop_for_a_while(&v);
	live_finish(&v);
	assert_int_equal(live_truths_found(&v), 1);
	e = live_only(&v);
	assert_in_range(e->class_ns[CLASS_STOPPED], STOP - STOP_SLACK, 350 * MSEC);
	assert_in_range(e->class_ns[CLASS_SYSCALL] + e->class_ns[CLASS_STOPPED], 400 * MSEC - SLACK,
			e->ns);
	assert_non_null(live_part(e, CLASS_STOPPED, -1, STOP - STOP_SLACK));
	for (int i = 0; i < e->n_parts; i++)
		if (e->parts[i].klass == CLASS_SYSCALL)
			assert_int_equal(e->parts[i].syscall, CALL_SLEEP);
	live_free(&v);
}

static void target_idle(struct live_shared *s)
{
	int epoll = epoll_create1(0);

	for (int i = 0; i < 5; i++)
		live_poll(epoll, 2);
	s->step = 1;
	while (s->go == 1)
		live_poll(epoll, 400);
	live_poll(epoll, 2);
}

static void target_idle_poll(struct live_shared *s)
{
	for (int i = 0; i < 7; i++)
		poll(NULL, 0, 2);
	s->step = 1;
	while (s->go == 1)
		poll(NULL, 0, 400);
	poll(NULL, 0, 2);
}

/* The stop of an idle loop is one stall, of which nothing but the stop is a wait: the poll that
 * goes on after it is idle again. */
static void check_stopped_idle(void (*target)(struct live_shared *), const char *hooks)
{
	const struct event_stall *e;
	struct live v;

	live_start(&v, target, hooks);
	live_until(&v, 1);
	live_run(&v, 70 * MSEC);
	stop_for_a_while(&v);
	live_run(&v, 100 * MSEC);
	v.shared->go = 2;
	live_finish(&v);
	e = live_only(&v);
	assert_in_range(e->class_ns[CLASS_STOPPED], STOP - STOP_SLACK, 350 * MSEC);
	assert_in_range(e->class_ns[CLASS_SYSCALL], 0, SLACK);
	live_free(&v);
}

static void test_stopped_in_epoll(void **state)
{
	(void)state;
	check_stopped_idle(target_idle, NULL);
}

static void test_stopped_in_poll(void **state)
{
	(void)state;
	check_stopped_idle(target_idle_poll, NULL);
	check_stopped_idle(target_idle_poll, "poll=switch");
}

static int file_write(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fputs(text, f);
	return fclose(f);
}

/* Freezes the target for 150 ms by a control group of its own; false if that cannot be made. */
static bool freeze_for_a_while(struct live *v)
{
	char top[] = "/tmp/stallprof-cgroup-XXXXXX", group[64], text[16];
	bool frozen;

	if (!mkdtemp(top))
		return false;
	if (mount("none", top, "cgroup2", 0, NULL) < 0) {
		rmdir(top);
		return false;
	}
	snprintf(group, sizeof(group), "%s/stallprof-%d", top, v->pid);
	snprintf(text, sizeof(text), "%d", v->pid);
	frozen = mkdir(group, 0755) == 0 && file_write(group, "cgroup.procs", text) == 0 &&
		 file_write(group, "cgroup.freeze", "1") == 0;
	live_run(v, STOP);
	file_write(group, "cgroup.freeze", "0");
	file_write(top, "cgroup.procs", text);
	rmdir(group);
	umount(top);
	rmdir(top);
	return frozen;
}

/* The freezer of control groups stops too, although the scheduler sees an ordinary sleep. */
static void test_frozen(void **state)
{
	const struct event_stall *e;
	struct live v;
	bool frozen;

	(void)state;
	live_start(&v, target_long_sleep, NULL);
	live_until(&v, 1);
	live_run(&v, 70 * MSEC);
	frozen = freeze_for_a_while(&v);
	live_finish(&v);
	if (frozen) {
		e = live_only(&v);
		assert_in_range(e->class_ns[CLASS_STOPPED], STOP - STOP_SLACK, 350 * MSEC);
	}
	live_free(&v);
	if (!frozen)
		skip();
}

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
	assert_in_range(e->class_ns[CLASS_SYSCALL], 170 * MSEC - STOP_SLACK, 5000 * MSEC);
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
		cmocka_unit_test(test_stopped_in_sleep),
		cmocka_unit_test(test_stopped_in_epoll),
		cmocka_unit_test(test_stopped_in_poll),
		cmocka_unit_test(test_thread_ends),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_process_ends),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_main_thread_ended),
		cmocka_unit_test(test_gone_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
