/* test_samples.c: all threads of a target, sampled: where they wait, who makes them, which loops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "capture/internal.h"
#include "tests/bpf/chunks_fixture.h"

#define CALL_READ  0
#define CALL_SLEEP 230
#define CALL_FUTEX 202
#define NAPPERS	   7
#define READERS	   5
#define LOCKERS	   3
#define SPINNERS   2

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int pipes[2];

static void *nap(void *arg)
{
	while (sleep(1000) == 0)
		;
	return arg;
}

static void *read_pipe(void *arg)
{
	char byte;

	(void)arg;
	return read(pipes[0], &byte, 1) < 0 ? NULL : arg;
}

static void *take_lock(void *arg)
{
	pthread_mutex_lock(&mutex);
	return arg;
}

static void *spin(void *arg)
{
	struct live_shared *s = arg;

	while (s->go < 9)
		;
	return NULL;
}

static void start(const char *name, int n, void *(*run)(void *arg), void *arg)
{
	pthread_t thread;
	char comm[32];

	for (int i = 0; i < n; i++) {
		if (pthread_create(&thread, NULL, run, arg))
			_exit(1);
		snprintf(comm, sizeof(comm), "%s-%d", name, i);
		pthread_setname_np(thread, comm);
	}
}

static void start_all(struct live_shared *s, const char *prefix)
{
	char name[16];

	pthread_mutex_lock(&mutex);
	snprintf(name, sizeof(name), "%snap", prefix);
	start(name, NAPPERS, nap, NULL);
	snprintf(name, sizeof(name), "%sread", prefix);
	start(name, READERS, read_pipe, NULL);
	snprintf(name, sizeof(name), "%slock", prefix);
	start(name, LOCKERS, take_lock, NULL);
	snprintf(name, sizeof(name), "%sspin", prefix);
	start(name, SPINNERS, spin, s);
}

/* A child of its own threads, not watched, beside the target. */
static void target_waits(struct live_shared *s)
{
	struct stat st;

	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pipe(pipes) < 0)
			_exit(1);
		start_all(s, "foreign-");
		pause();
	}
	/* One that nobody else has under that number. */
	if (pipe(pipes) < 0 || fstat(pipes[0], &st) < 0)
		_exit(1);
	s->truths[0].start = st.st_ino;
	start_all(s, "");
	usleep(100000);
	s->step = 1;
	while (s->go < 9)
		usleep(5000);
}

/* The row of that group that is seen most; none has no samples. */
static struct kept_row row_of(const char *group)
{
	struct kept_row row, best = { 0 };
	size_t at = 0;

	while (keep_next_row(&at, &row))
		if (strcmp(row.group, group) == 0 && row.samples >= best.samples)
			best = row;
	return best;
}

static uint32_t last_count(void)
{
	struct chunk_cursor c;
	uint32_t n = 0;
	size_t at = 0;

	while (keep_next(CHUNK_THREAD_COUNT, &at, &c)) {
		chunk_get_u64(&c);
		chunk_get_u32(&c);
		n = chunk_get_u32(&c);
	}
	return n;
}

static void check_waits(const struct live *v, uint64_t ns)
{
	struct kept_row nap = row_of("nap"), read = row_of("read"), lock = row_of("lock");
	struct kept_row spin = row_of("spin"), row;
	size_t at = 0;

	assert_int_equal(nap.klass, CLASS_SYSCALL);
	assert_int_equal(nap.syscall, CALL_SLEEP);
	assert_int_equal(nap.at_once, NAPPERS);
	assert_int_equal(nap.samples % NAPPERS, 0);
	assert_int_equal(nap.ns % NAPPERS, 0);
	assert_in_range(nap.ns / NAPPERS, 1, ns);
	assert_int_equal(read.klass, CLASS_SYSCALL);
	assert_int_equal(read.syscall, CALL_READ);
	assert_int_equal(read.at_once, READERS);
	assert_int_equal(read.samples / READERS, nap.samples / NAPPERS);
	assert_int_equal(read.target.kind, TARGET_PIPE);
	assert_int_equal(read.target.ino, v->shared->truths[0].start);
	assert_int_equal(lock.klass, CLASS_LOCK);
	assert_int_equal(lock.syscall, CALL_FUTEX);
	assert_int_equal(lock.at_once, LOCKERS);
	assert_int_equal(lock.target.kind, TARGET_FUTEX);
	assert_int_equal(lock.target.value, (uintptr_t)&mutex);
	assert_int_equal(spin.klass, CLASS_CPU);
	assert_true(spin.at_once <= SPINNERS);
	assert_int_equal(last_count(), 1 + NAPPERS + READERS + LOCKERS + SPINNERS);
	while (keep_next_row(&at, &row)) {
		assert_int_equal(row.tgid, v->pid);
		assert_null(strstr(row.group, "foreign"));
		assert_int_equal(row.pool, 0);
		assert_int_equal(row.idle, 0);
	}
}

static void test_waits(void **state)
{
	uint64_t start;
	struct live v;

	(void)state;
	live_fork(&v, target_waits, 1);
	for (int i = 0; i < 3000 && !v.shared->step; i++)
		live_sleep(10 * MSEC);
	keep_chunks(&v);
	live_open(&v, NULL);
	start = live_now();
	for (int i = 0; i < 120 && row_of("nap").samples < 5 * NAPPERS; i++) {
		live_run(&v, 500 * MSEC);
		threads_tell(v.capture);
	}
	start = live_now() - start;
	assert_int_equal(capture_finish(v.capture), 0);
	check_waits(&v, start);
	capture_close(v.capture);
	v.shared->go = 9;
	kill(v.pid, SIGKILL);
	waitpid(v.pid, NULL, 0);
	live_free(&v);
	keep_free();
}

#define MADE_SLOWLY 13
#define MADE_FAST   5003

static void *nothing(void *arg)
{
	return arg;
}

static void target_makes(struct live_shared *s)
{
	pthread_t thread;

	for (int i = 0; i < MADE_SLOWLY; i++) {
		if (pthread_create(&thread, NULL, nothing, NULL))
			_exit(1);
		pthread_join(thread, NULL);
		usleep(3000);
	}
	s->step = 1;
	while (s->go < 2)
		usleep(1000);
	for (int i = 0; i < MADE_FAST; i++) {
		if (pthread_create(&thread, NULL, nothing, NULL))
			_exit(1);
		pthread_join(thread, NULL);
	}
}

/* Last count of every stack, added up; *ret_unknown: those of stack 0. */
static uint64_t threads_made(uint64_t *ret_unknown)
{
	uint64_t stacks[256], counts[256], sum = 0;
	struct chunk_cursor c;
	size_t n = 0, at = 0, i;

	*ret_unknown = 0;
	while (keep_next(CHUNK_THREAD_MADE, &at, &c)) {
		uint64_t stack, count;

		chunk_get_u32(&c);
		stack = chunk_get_u64(&c);
		count = chunk_get_u64(&c);
		for (i = 0; i < n && stacks[i] != stack; i++)
			;
		assert_true(i < 256);
		stacks[i] = stack;
		counts[i] = count;
		n = i == n ? n + 1 : n;
	}
	for (i = 0; i < n; i++) {
		sum += counts[i];
		if (!stacks[i])
			*ret_unknown = counts[i];
	}
	return sum;
}

/* Every thread is counted, however many; few enough ones all with their makers' stacks. */
static void test_makes(void **state)
{
	uint64_t unknown;
	struct live v;

	(void)state;
	live_fork(&v, target_makes, 0);
	keep_chunks(&v);
	live_open(&v, NULL);
	v.shared->go = 1;
	live_until(&v, 1);
	/* A busy machine may have kept the events until now. */
	unknown = 1;
	for (int i = 0; i < 100 && unknown; i++) {
		live_run(&v, 10 * MSEC);
		threads_tell(v.capture);
		assert_int_equal(threads_made(&unknown), MADE_SLOWLY);
	}
	assert_int_equal(unknown, 0);
	v.shared->go = 2;
	live_finish(&v);
	assert_int_equal(threads_made(&unknown), MADE_SLOWLY + MADE_FAST);
	assert_true(unknown < MADE_FAST);
	live_free(&v);
	keep_free();
}

#define LOOPS	   11
#define LOOP_WORK  37 /* ms */
#define LOOP_MIXED 5

/* A loop that is polled for 37 ms, again and again, once with another file beside it; then 5 files
 * that nobody polls. */
static void target_churns(struct live_shared *s)
{
	int kept = epoll_create1(0);

	for (int i = 0; i < LOOPS; i++) {
		struct live_truth t = { .start = live_now() };
		int epoll = epoll_create1(0);
		uint64_t made = live_now(), last = made;
		int polls = 0;

		while (live_now() < made + LOOP_WORK * MSEC) {
			if (i == LOOP_MIXED && polls++ == 2)
				close(epoll_create1(0));
			last = live_now();
			live_poll(epoll, 3);
		}
		t.end = live_now();
		s->truths[i] = t;
		s->truths[LOOPS + i] = (struct live_truth){ .start = made, .end = last };
		close(epoll);
		usleep(20000);
	}
	for (int i = 0; i < 5; i++)
		close(epoll_create1(0));
	live_poll(kept, 1200);
}

/* What the target measured, from index `at` on, of the loops whose lifetime can be known: beside
 * the first one and LOOP_MIXED another file was open, and either could have been the loop's. */
static uint64_t lived(const struct live *v, int at)
{
	uint64_t ns = 0;

	for (int i = 1; i < LOOPS; i++)
		if (i != LOOP_MIXED)
			ns += v->shared->truths[at + i].end - v->shared->truths[at + i].start;
	return ns;
}

static void test_churns(void **state)
{
	uint64_t made, alive, alive_max, lifetimes, sum, max;
	struct chunk_cursor c, last;
	size_t at = 0;
	struct live v;

	(void)state;
	live_fork(&v, target_churns, 0);
	keep_chunks(&v);
	live_open(&v, "poll=tracepoint");
	v.shared->go = 1;
	live_finish(&v);
	memset(&last, 0, sizeof(last));
	while (keep_next(CHUNK_CHURN, &at, &c))
		last = c;
	assert_non_null(last.at);
	assert_int_equal(chunk_get_u32(&last), v.pid);
	made = chunk_get_u64(&last);
	alive = chunk_get_u64(&last);
	alive_max = chunk_get_u64(&last);
	lifetimes = chunk_get_u64(&last);
	sum = chunk_get_u64(&last);
	max = chunk_get_u64(&last);
	assert_int_equal(made, 1 + LOOPS + 1 + 5);
	assert_in_range(alive, 0, 1);
	assert_in_range(alive_max, 0, 2);
	assert_int_equal(lifetimes, LOOPS - 2);
	assert_in_range(sum, lived(&v, LOOPS), lived(&v, 0));
	assert_in_range(max, sum / lifetimes, sum);
	live_free(&v);
	keep_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_makes),
		cmocka_unit_test(test_churns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
