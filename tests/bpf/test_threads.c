/* test_threads.c: threads found again by their thread pointers, from seeding to exec and exit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <pthread.h>

#include "capture/internal.h"
#include "stallprof.skel.h"
#include "tests/bpf/live_fixture.h"

#define THREADS_MAX 64

struct id_key {
	uint64_t pointer;
	uint32_t tgid, pad;
};

/* What a thread of the target says of itself. */
struct id_truth {
	uint64_t pointer;
	uint32_t tid;
	volatile int end;
	pthread_t thread;
};

/* Shared with the target; made anew by every test. */
static struct id_shared {
	struct id_truth truths[THREADS_MAX];
	volatile unsigned int started;
	volatile int spin; /* those that are to start now never sleep */
} * ids;

static void *id_thread(void *arg)
{
	struct id_truth *t = arg;
	bool spin = ids->spin;

	t->pointer = pthread_self();
	t->tid = syscall(SYS_gettid);
	__sync_fetch_and_add(&ids->started, 1);
	while (!t->end)
		if (!spin)
			usleep(2000);
	return NULL;
}

static void id_start(unsigned int from, unsigned int to, int spin)
{
	unsigned int before = ids->started;

	ids->spin = spin;
	for (unsigned int i = from; i < to; i++)
		if (pthread_create(&ids->truths[i].thread, NULL, id_thread, &ids->truths[i]))
			_exit(1);
	while (ids->started < before + to - from)
		usleep(1000);
}

static void id_stop(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		ids->truths[i].end = 1;
		pthread_join(ids->truths[i].thread, NULL);
		ids->truths[i].tid = 0;
	}
}

static void target_ids_wait(struct live_shared *s, int step)
{
	s->step = step;
	while (s->go < step)
		usleep(1000);
}

/* 11 threads that sleep and 3 that do not before it is watched, 13 after; 5 of these end, and 7
 * more take over their memory.  Then another program. */
static void target_ids(struct live_shared *s)
{
	ids->truths[0].pointer = pthread_self();
	ids->truths[0].tid = syscall(SYS_gettid);
	id_start(1, 12, 0);
	id_start(12, 15, 1);
	target_ids_wait(s, 2);
	id_stop(12, 15);
	id_start(15, 28, 0);
	target_ids_wait(s, 3);
	id_stop(20, 25);
	id_start(28, 35, 0);
	target_ids_wait(s, 4);
	execl("/bin/sleep", "sleep", "0.3", NULL);
}

static unsigned int ids_count(const struct live *v)
{
	int fd = bpf_map__fd(v->capture->skel->maps.thread_ids);
	struct id_key key, *last = NULL;
	unsigned int n = 0;

	for (; bpf_map_get_next_key(fd, last, &key) == 0; last = &key)
		n++;
	return n;
}

/* Every thread that lives by its own pointer, and no other.  Returns how many there are. */
static unsigned int ids_check(const struct live *v)
{
	int fd = bpf_map__fd(v->capture->skel->maps.thread_ids);
	unsigned int alive = 0;
	struct id_key key;
	uint32_t tid;

	for (unsigned int i = 0; i < THREADS_MAX; i++) {
		const struct id_truth *t = &ids->truths[i];

		if (!t->tid)
			continue;
		key = (struct id_key){ .pointer = t->pointer, .tgid = v->pid };
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &tid), 0);
		assert_int_equal(tid, t->tid);
		alive++;
	}
	assert_int_equal(ids_count(v), alive);
	return alive;
}

static void ids_start(void)
{
	ids = mmap(NULL, sizeof(*ids), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(ids != MAP_FAILED);
}

static void test_ids(void **state)
{
	struct live v;

	(void)state;
	ids_start();
	live_fork(&v, target_ids, 1);
	for (int i = 0; i < 3000 && v.shared->step < 2; i++)
		live_sleep(10 * MSEC);
	live_open(&v, NULL);
	assert_int_equal(ids_check(&v), 15);
	v.shared->go = 2;
	live_until(&v, 3);
	assert_int_equal(ids_check(&v), 25);
	v.shared->go = 3;
	live_until(&v, 4);
	assert_int_equal(ids_check(&v), 27);
	v.shared->go = 4;
	live_run(&v, 150 * MSEC);
	assert_true(ids_count(&v) <= 1); /* that of the new program */
	assert_int_equal(live_run(&v, 60000 * MSEC), 1);
	assert_int_equal(ids_count(&v), 0);
	live_finish(&v);
	live_free(&v);
	munmap(ids, sizeof(*ids));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
