/* test_live_stops.c: targets that are stopped, by a signal or with their control group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/bpf/live_fixture.h"

#define CALL_SLEEP 230
#define STOP	   (150 * MSEC)
#define LONG_SLEEP (900 * MSEC) /* a busy machine stops it late, but before its end */

/* How long the target was stopped, at least and at most. */
struct stop {
	uint64_t least, most;
};

static bool is_stopped(const struct live *v, void *unused)
{
	int status;

	(void)unused;
	return waitpid(v->pid, &status, WUNTRACED | WNOHANG) == v->pid && WIFSTOPPED(status);
}

/* Keeps the target stopped for 150 ms, while the capture goes on: it needs a processor to stop. */
static struct stop stop_for(struct live *v, bool (*stopped)(const struct live *, void *), void *ctx,
			    void (*set)(struct live *, void *, bool))
{
	uint64_t asked = live_now(), seen;
	struct stop stop;

	set(v, ctx, true);
	for (int i = 0; i < 10000 && !stopped(v, ctx); i++)
		live_run(v, MSEC);
	seen = live_now();
	live_run(v, STOP);
	stop.least = live_now() - seen;
	set(v, ctx, false);
	stop.most = live_now() - asked;
	return stop;
}

static void set_stopped(struct live *v, void *unused, bool on)
{
	(void)unused;
	kill(v->pid, on ? SIGSTOP : SIGCONT);
}

static struct stop stop_for_a_while(struct live *v)
{
	return stop_for(v, is_stopped, NULL, set_stopped);
}

static void assert_stopped(const struct event_stall *e, const struct stop *stop)
{
	assert_in_range(e->class_ns[CLASS_STOPPED], stop->least - MSEC, stop->most + MSEC);
}

static void target_long_sleep(struct live_shared *s)
{
	int epoll = epoll_create1(0);

	for (int i = 0; i < 5; i++)
		live_poll(epoll, 2);
	s->step = 1;
	live_stall(s, LONG_SLEEP);
	live_poll(epoll, 2);
}

/* A stop in the middle of a sleep is `stopped`; the rest is still that sleep, in its own name. */
static void test_stopped_in_sleep(void **state)
{
	const struct event_stall *e;
	struct stop stop;
	struct live v;

	(void)state;
	live_start(&v, target_long_sleep, NULL);
	live_until(&v, 1);
	live_run(&v, 70 * MSEC);
	stop = stop_for_a_while(&v);
	live_finish(&v);
	assert_int_equal(live_truths_found(&v), 1);
	e = live_only(&v);
	assert_stopped(e, &stop);
	assert_in_range(e->class_ns[CLASS_SYSCALL] + e->class_ns[CLASS_STOPPED] + live_noise(e),
			LONG_SLEEP - SLACK, e->ns);
	assert_non_null(live_part(e, CLASS_STOPPED, -1, stop.least - MSEC));
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
	struct stop stop;
	struct live v;

	live_start(&v, target, hooks);
	live_until(&v, 1);
	live_run(&v, 70 * MSEC);
	stop = stop_for_a_while(&v);
	live_run(&v, 100 * MSEC);
	v.shared->go = 2;
	live_finish(&v);
	e = live_only(&v);
	assert_stopped(e, &stop);
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

/* A control group of the target's own. */
struct freezer {
	char top[32], group[64];
};

static bool is_frozen(const struct live *v, void *ctx)
{
	const struct freezer *f = ctx;
	char path[96], line[32];
	bool frozen = false;
	FILE *events;

	(void)v;
	snprintf(path, sizeof(path), "%s/cgroup.events", f->group);
	events = fopen(path, "r");
	while (events && fgets(line, sizeof(line), events))
		frozen |= strcmp(line, "frozen 1\n") == 0;
	if (events)
		fclose(events);
	return frozen;
}

static void set_frozen(struct live *v, void *ctx, bool on)
{
	const struct freezer *f = ctx;

	(void)v;
	file_write(f->group, "cgroup.freeze", on ? "1" : "0");
}

/* Freezes the target for 150 ms; false if that cannot be. */
static bool freeze_for_a_while(struct live *v, struct stop *ret_stop)
{
	struct freezer f = { .top = "/tmp/stallprof-cgroup-XXXXXX" };
	char text[16];
	bool can;

	if (!mkdtemp(f.top))
		return false;
	if (mount("none", f.top, "cgroup2", 0, NULL) < 0) {
		rmdir(f.top);
		return false;
	}
	snprintf(f.group, sizeof(f.group), "%s/stallprof-%d", f.top, v->pid);
	snprintf(text, sizeof(text), "%d", v->pid);
	can = mkdir(f.group, 0755) == 0 && file_write(f.group, "cgroup.procs", text) == 0 &&
	      file_write(f.group, "cgroup.freeze", "0") == 0;
	if (can)
		*ret_stop = stop_for(v, is_frozen, &f, set_frozen);
	file_write(f.top, "cgroup.procs", text);
	rmdir(f.group);
	umount(f.top);
	rmdir(f.top);
	return can;
}

/* The freezer of control groups stops too, although the scheduler sees an ordinary sleep. */
static void test_frozen(void **state)
{
	const struct event_stall *e;
	struct stop stop;
	struct live v;
	bool frozen;

	(void)state;
	live_start(&v, target_long_sleep, NULL);
	live_until(&v, 1);
	live_run(&v, 70 * MSEC);
	frozen = freeze_for_a_while(&v, &stop);
	live_finish(&v);
	if (frozen) {
		e = live_only(&v);
		assert_stopped(e, &stop);
	}
	live_free(&v);
	if (!frozen)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped_in_sleep),
		cmocka_unit_test(test_stopped_in_epoll),
		cmocka_unit_test(test_stopped_in_poll),
		cmocka_unit_test(test_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
