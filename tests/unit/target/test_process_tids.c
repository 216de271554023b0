/* test_process_tids.c: the lists of a process's threads and children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static void *tell_tid(void *arg)
{
	*(int *)arg = gettid();
	return NULL;
}

/* In one namespace a thread's own number is the one that /proc has; one that is gone has none. */
static void test_own_numbers(void **state)
{
	struct process *p;
	pthread_t thread;
	int tid, gone;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(process_tid(p, gettid(), &tid), 0);
	assert_int_equal(tid, gettid());
	pthread_create(&thread, NULL, tell_tid, &gone);
	pthread_join(thread, NULL);
	while (process_tid(p, gone, &tid) == 0) /* it may be on its way out */
		usleep(1000);
	assert_int_equal(process_tid(p, gone, &tid), -ESRCH);
	assert_int_equal(process_tid(p, 0, &tid), -ESRCH);
	process_close(p);
}

static void write_status(int dir, const char *tid, const char *numbers)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "task/%s", tid);
	assert_int_equal(mkdirat(dir, path, 0755), 0);
	snprintf(path, sizeof(path), "task/%s/status", tid);
	fd = openat(dir, path, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "Name:\tx\nNSpid:\t%s\nNSpgid:\t1\n", numbers) > 0);
	close(fd);
}

/* A recorded process of a container: its threads call themselves otherwise. */
static void test_namespace(void **state)
{
	char root[] = "/tmp/stallprof-tids-XXXXXX", command[128];
	struct process p = { 0 };
	int tid;

	(void)state;
	assert_non_null(mkdtemp(root));
	p.dir = open(root, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mkdirat(p.dir, "task", 0755), 0);
	write_status(p.dir, "501", "501\t7\t1");
	write_status(p.dir, "502", "502\t9\t3");
	write_status(p.dir, "3", "3\t8\t4");
	assert_int_equal(process_tid(&p, 1, &tid), 0);
	assert_int_equal(tid, 501);
	assert_int_equal(process_tid(&p, 3, &tid), 0);
	assert_int_equal(tid, 502); /* not the one that is 3 out here */
	assert_int_equal(process_tid(&p, 9, &tid), -ESRCH);
	close(p.dir);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

static void *forks(void *arg)
{
	pid_t *ret_pid = arg;

	*ret_pid = fork();
	if (*ret_pid == 0)
		for (;;)
			pause();
	return NULL;
}

/* What any of its threads started, also when that thread is gone; one that ended is none. */
static void test_children(void **state)
{
	struct process *p;
	pthread_t thread;
	pid_t pids[2];
	size_t count;
	int *found;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	forks(&pids[0]);
	pthread_create(&thread, NULL, forks, &pids[1]);
	pthread_join(thread, NULL);
	assert_int_equal(process_children(p, &found, &count), 0);
	if (!count)
		skip(); /* a kernel that lists none */
	assert_int_equal(count, 2);
	assert_int_equal(found[0] + found[1], pids[0] + pids[1]);
	assert_true(found[0] < found[1]);
	free(found);
	for (int i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	assert_int_equal(process_children(p, &found, &count), 0);
	assert_int_equal(count, 0);
	assert_null(found);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),	    cmocka_unit_test(test_gone),
		cmocka_unit_test(test_own_numbers), cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
