/* test_process_tids.c: the list of a process's threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/process.h"

static void *sleeper(void *arg)
{
	pthread_barrier_wait(arg);
	pthread_barrier_wait(arg);
	return NULL;
}

/* The first is the process itself; each thread appears once, in ascending order. */
static void test_threads(void **state)
{
	pthread_barrier_t barrier;
	pthread_t threads[5];
	struct process *p;
	size_t count, before, i;
	int *tids;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(process_tids(p, &tids, &before), 0);
	free(tids);
	pthread_barrier_init(&barrier, NULL, 6);
	for (i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, sleeper, &barrier);
	pthread_barrier_wait(&barrier);
	assert_int_equal(process_tids(p, &tids, &count), 0);
	assert_int_equal(count, before + 5);
	for (i = 1; i < count; i++)
		assert_true(tids[i] > tids[i - 1]);
	assert_int_equal(tids[0], getpid());
	free(tids);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	process_close(p);
}

/* A process that is gone has no threads, and says so. */
static void test_gone(void **state)
{
	pid_t pid = fork();
	struct process *p;
	size_t count = 7;
	int *tids = NULL;

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(process_open("/proc", pid, &p), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_tids(p, &tids, &count), -ESRCH);
	assert_null(tids);
	assert_int_equal(count, 7);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
