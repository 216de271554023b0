/* test_live.c: a real target, the real object, every stall found once and its sums exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sys/select.h>

#include "tests/bpf/live_fixture.h"

#define CALL_POLL	7
#define CALL_SELECT	23
#define CALL_SLEEP	230
#define CALL_EPOLL_WAIT 232
#define CALL_PSELECT	270

/* 23 stalls between iterations that do nothing. */
static void target_sleeps(struct live_shared *s)
{
	int epoll = epoll_create1(0);

	for (int i = 0; i < 69; i++) {
		live_poll(epoll, 2);
		if (i % 3 == 2)
			live_stall(s, (60 + i / 3) * MSEC);
	}
	live_poll(epoll, 2);
}

/* The 23 stalls of the run, each once, as a sleep of its length. */
static void check_sleeps(struct live *v)
{
	const struct event_stall *e;
	const struct stall_part *p;
	unsigned int sleeps = 0;
	size_t at = 0;

	assert_int_equal(live_truths_found(v), 23);
	while ((e = live_next(v, &at))) {
		p = live_part(e, CLASS_SYSCALL, CALL_SLEEP, THRESHOLD);
		if (!p)
			continue;
		assert_true(e->class_ns[CLASS_SYSCALL] >= (60 + sleeps) * MSEC - SLACK);
		assert_int_equal(p->target.kind, TARGET_SLEEP);
		assert_int_equal(p->target.value, (60 + sleeps) * MSEC);
		sleeps++;
	}
	assert_int_equal(sleeps, 23);
}

static void test_sleeps(void **state)
{
	struct live v;

	(void)state;
	live_start(&v, target_sleeps, "poll=tracepoint");
	live_finish(&v);
	check_sleeps(&v);
	live_free(&v);
}

/* The last rungs of the ladders see the same, or say that a switch went unseen: a kernel may keep
 * one in 300 from the switch hook (offcpu.bpf.h).  Such a run says so and is made again. */
static void test_sleeps_last_rungs(void **state)
{
	struct live v;

	(void)state;
	for (int i = 0; i < 7; i++) {
		live_start(&v, target_sleeps,
			   "poll=switch,offcpu=btf3,stack=switch,runqueue=waking,oncpu=off");
		live_end(&v);
		if (!v.lost)
			break;
		print_message("%llu switches unseen\n", (unsigned long long)v.lost);
		live_free(&v);
	}
	assert_int_equal(v.lost, 0);
	check_sleeps(&v);
	live_free(&v);
}

/* Waits in another epoll file, in poll and in select, all inside one iteration. */
static void target_nested(struct live_shared *s)
{
	int epoll = epoll_create1(0), other = epoll_create1(0), pipes[2];
	struct live_truth t;
	struct timeval tv = { 0, 40000 }, two = { 0, 60000 };
	struct pollfd p;
	fd_set set;

	if (pipe(pipes) < 0)
		_exit(1);
	for (int i = 0; i < 5; i++)
		live_poll(epoll, 2);
	t.start = live_now();
	t.tid = getpid();
	live_poll(other, 40);
	p.fd = pipes[0];
	p.events = POLLIN;
	poll(&p, 1, 40);
	select(0, NULL, NULL, NULL, &tv);
	FD_ZERO(&set);
	FD_SET(pipes[0], &set);
	FD_SET(pipes[1], &set); /* whose other end will not write */
	select(pipes[1] + 1, &set, NULL, NULL, &two);
	t.end = live_now();
	t.used = false;
	s->truths[s->n_truths++] = t;
	live_poll(epoll, 2);
	live_poll(epoll, 2);
}

/* The part of a select among two descriptors. */
static const struct stall_part *selected(const struct event_stall *e)
{
	for (int i = 0; i < e->n_parts; i++)
		if (e->parts[i].target.fd_count == 2)
			return &e->parts[i];
	return NULL;
}

/* They are one stall of 180 ms blocked in four calls, not four polls. */
static void test_nested(void **state)
{
	const struct stall_part *p, *polled;
	const struct event_stall *e;
	struct live v;

	(void)state;
	live_start(&v, target_nested, NULL);
	live_finish(&v);
	assert_int_equal(live_truths_found(&v), 1);
	e = live_only(&v);
	assert_true(e->class_ns[CLASS_SYSCALL] >= 180 * MSEC - SLACK);
	assert_non_null(live_part(e, CLASS_SYSCALL, CALL_EPOLL_WAIT, 40 * MSEC - SLACK));
	polled = live_part(e, CLASS_SYSCALL, CALL_POLL, 40 * MSEC - SLACK);
	assert_non_null(polled);
	assert_int_equal(polled->target.kind, TARGET_PIPE);
	p = selected(e);
	assert_non_null(p);
	assert_true(p->ns >= 60 * MSEC - SLACK);
	assert_int_equal(p->target.kind, TARGET_PIPE);
	assert_int_equal(p->target.fd, polled->target.fd); /* the lower one */
	p = live_part(e, CLASS_SYSCALL, CALL_PSELECT, 40 * MSEC - SLACK);
	if (!p)
		p = live_part(e, CLASS_SYSCALL, CALL_SELECT, 40 * MSEC - SLACK);
	assert_non_null(p);
	assert_int_equal(p->target.kind, TARGET_SLEEP); /* it waits for no descriptor */
	assert_int_equal(p->target.value, 40 * MSEC);
	live_free(&v);
}

static void *second_loop(void *arg)
{
	struct live_shared *s = arg;
	int epoll = epoll_create1(0);

	for (int i = 0; i < 13; i++) {
		live_poll(epoll, 2);
		live_poll(epoll, 2);
		live_stall(s, 60 * MSEC);
	}
	live_poll(epoll, 2);
	s->step = 1;
	return NULL;
}

static void target_two_loops(struct live_shared *s)
{
	int epoll = epoll_create1(0);
	pthread_t thread;

	pthread_create(&thread, NULL, second_loop, s);
	for (int i = 0; i < 11; i++) {
		live_poll(epoll, 2);
		live_poll(epoll, 2);
		live_stall(s, 70 * MSEC);
	}
	/* To wait for it is a stall, too, where it comes late. */
	while (!s->step)
		live_poll(epoll, 2);
	pthread_join(thread, NULL);
}

/* Two threads have a loop each; 11 and 13 stalls, each in its own loop. */
static void test_two_loops(void **state)
{
	unsigned int count[2] = { 0, 0 };
	const struct event_stall *e;
	uint32_t loops[2] = { 0, 0 };
	struct live v;
	size_t at = 0;

	(void)state;
	live_start(&v, target_two_loops, NULL);
	live_finish(&v);
	assert_int_equal(live_truths_found(&v), 24);
	while ((e = live_next(&v, &at))) {
		unsigned int main_thread = e->head.tid == e->head.tgid;

		if (live_part(e, CLASS_SYSCALL, CALL_SLEEP, THRESHOLD)) {
			count[main_thread]++;
			loops[main_thread] = e->loop;
		}
	}
	assert_true(loops[0] != loops[1]);
	assert_int_equal(count[0], 13);
	assert_int_equal(count[1], 11);
	live_free(&v);
}

/* Polls, periods and the time between the first and the last of them agree to the nanosecond. */
static void test_time_adds_up(void **state)
{
	const struct event_loop_stats *st = NULL;
	uint64_t in_hist = 0;
	struct live v;

	(void)state;
	live_start(&v, target_sleeps, NULL);
	live_finish(&v);
	for (size_t i = 0; i < v.events.count; i++) {
		const struct event_head *head = v.events.items[i];

		if (head->kind == EVENT_LOOP_STATS)
			st = v.events.items[i];
	}
	assert_non_null(st);
	assert_in_range(st->iterations, 69, 71);
	assert_in_range(st->stalls, 23, 70);
	assert_int_equal(st->busy_ns + st->poll_ns, st->last - st->first);
	for (int i = 0; i < HIST_BUCKETS; i++)
		in_hist += st->hist[i];
	assert_int_equal(in_hist, st->iterations);
	live_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleeps),	     cmocka_unit_test(test_sleeps_last_rungs),
		cmocka_unit_test(test_nested),	     cmocka_unit_test(test_two_loops),
		cmocka_unit_test(test_time_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
