/* test_live_waker.c: who ended a wait: the thread that did, with its stack if it released a lock,
 * and nobody where it was an interrupt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "tests/bpf/live_fixture.h"

#define CALL_READ  0
#define CALL_FLOCK 73
#define CALL_FUTEX 202
#define CALL_SLEEP 230
#define STALLS	   7

static volatile uint32_t word;
static int pipes[2];

/* In the caller's own code, so that it is the innermost frame. */
static inline __attribute__((always_inline)) long futex_wake(volatile uint32_t *at)
{
	register long timeout asm("r10") = 0;
	long r;

	asm volatile("syscall"
		     : "=a"(r)
		     : "0"((long)SYS_futex), "D"(at), "S"((long)FUTEX_WAKE_PRIVATE), "d"(1L),
		       "r"(timeout)
		     : "rcx", "r11", "memory");
	return r;
}

/* The target says which thread is the waker through `step`, and gives the word to wait with. */
static void *release_later(void *arg)
{
	struct live_shared *s = arg;

	prctl(PR_SET_NAME, "releaser");
	s->step = syscall(SYS_gettid);
	for (int i = 0; i < STALLS; i++) {
		while (!word)
			usleep(500);
		live_sleep(60 * MSEC);
		word = 0;
		futex_wake(&word);
	}
	return NULL;
}

static void *write_later(void *arg)
{
	struct live_shared *s = arg;

	prctl(PR_SET_NAME, "writer");
	s->step = syscall(SYS_gettid);
	for (int i = 0; i < STALLS; i++) {
		while (!word)
			usleep(500);
		live_sleep(60 * MSEC);
		word = 0;
		if (write(pipes[1], "x", 1) < 0)
			_exit(1);
	}
	return NULL;
}

static void target_lock(struct live_shared *s)
{
	int epoll = epoll_create1(0);
	pthread_t thread;

	pthread_create(&thread, NULL, release_later, s);
	for (int i = 0; i < STALLS; i++) {
		live_poll(epoll, 2);
		live_poll(epoll, 2);
		word = 1;
		while (word)
			syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	}
	live_poll(epoll, 2);
	pthread_join(thread, NULL);
}

static void target_pipe(struct live_shared *s)
{
	int epoll = epoll_create1(0);
	pthread_t thread;
	char byte;

	if (pipe(pipes) < 0)
		_exit(1);
	pthread_create(&thread, NULL, write_later, s);
	for (int i = 0; i < STALLS; i++) {
		live_poll(epoll, 2);
		live_poll(epoll, 2);
		word = 1;
		if (read(pipes[0], &byte, 1) < 0)
			_exit(1);
	}
	live_poll(epoll, 2);
	pthread_join(thread, NULL);
}

/* Holds the lock of a file that the target waits for, and gives it back, or sends a signal that
 * ends the wait. */
static int files[2];
static bool by_signal;

static void on_signal(int number)
{
	(void)number;
}

static void *unlock_later(void *arg)
{
	struct live_shared *s = arg;
	pid_t pid = getpid();

	prctl(PR_SET_NAME, "unlocker");
	s->step = syscall(SYS_gettid);
	for (int i = 0; i < STALLS; i++) {
		flock(files[1], LOCK_EX);
		word = 1;
		while (word != 2)
			usleep(500);
		live_sleep(60 * MSEC);
		if (by_signal)
			syscall(SYS_tgkill, pid, pid, SIGUSR1);
		else
			flock(files[1], LOCK_UN);
		while (word)
			usleep(500);
	}
	return NULL;
}

static void target_file(struct live_shared *s)
{
	struct sigaction handle = { .sa_handler = on_signal };
	int epoll = epoll_create1(0), file = memfd_create("locked", 0);
	pthread_t thread;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	sigaction(SIGUSR1, &handle, NULL);
	for (int i = 0; i < 2; i++)
		files[i] = open(path, O_RDWR);
	pthread_create(&thread, NULL, unlock_later, s);
	for (int i = 0; i < STALLS; i++) {
		while (word != 1)
			live_poll(epoll, 2);
		live_poll(epoll, 2);
		word = 2;
		if (flock(files[0], LOCK_EX) == 0)
			flock(files[0], LOCK_UN);
		word = 0;
	}
	live_poll(epoll, 2);
	pthread_join(thread, NULL);
}

static void target_signalled(struct live_shared *s)
{
	by_signal = true;
	target_file(s);
}

/* Computes, or makes system calls all the time, so that each is interrupted. */
static void *spin(void *arg)
{
	volatile int *stop = arg;

	while (!*stop)
		for (int i = 0; i < 1000; i++)
			if (i % 100 == 99 && *stop == 0)
				syscall(SYS_getppid);
	return NULL;
}

/* Sleeps, and waits for a lock that nobody gives back, on the CPU of a thread that never sleeps:
 * what ends both is a timer that interrupts that thread. */
static void target_timers(struct live_shared *s)
{
	struct timespec time = { 0, 70 * MSEC };
	static volatile int stop;
	int epoll = epoll_create1(0);
	pthread_t thread;
	cpu_set_t one;

	(void)s;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	word = 1;
	pthread_create(&thread, NULL, spin, (void *)&stop);
	for (int i = 0; i < STALLS; i++) {
		live_poll(epoll, 2);
		live_poll(epoll, 2);
		live_sleep(70 * MSEC);
		live_poll(epoll, 2);
		live_poll(epoll, 2);
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &time, NULL, 0);
	}
	live_poll(epoll, 2);
	stop = 1;
	pthread_join(thread, NULL);
}

/* Parts of that class and call with that waker, of all stalls; how many there were in ret_all. */
static unsigned int woken(struct live *v, uint32_t klass, int call, const char *comm,
			  unsigned int *ret_all)
{
	const struct event_stall *e;
	const struct stall_part *p;
	unsigned int n = 0;
	size_t at = 0;

	*ret_all = 0;
	while ((e = live_next(v, &at))) {
		p = live_part(e, klass, call, THRESHOLD);
		if (!p)
			continue;
		++*ret_all;
		if (p->owner.role == OWNER_NONE)
			continue;
		assert_int_equal(p->owner.role, OWNER_WAKER);
		assert_int_equal(p->owner.tid, v->shared->step);
		assert_int_equal(p->owner.tgid, v->pid);
		assert_string_equal(p->owner.comm, comm);
		n++;
	}
	return n;
}

/* A lock's waker is the thread that gave it back, and where it did. */
static void test_lock(void **state)
{
	const struct event_stall *e;
	const struct stall_part *p;
	unsigned int all;
	struct live v;
	size_t at = 0;

	(void)state;
	live_start(&v, target_lock, NULL);
	live_finish(&v);
	assert_int_equal(woken(&v, CLASS_LOCK, CALL_FUTEX, "releaser", &all), STALLS);
	assert_int_equal(all, STALLS);
	while ((e = live_next(&v, &at))) {
		p = live_part(e, CLASS_LOCK, CALL_FUTEX, THRESHOLD);
		if (!p)
			continue;
		assert_true(live_stack_has(&v, p->owner.stack, "release_later"));
		assert_false(live_stack_has(&v, p->stack, "release_later"));
	}
	live_free(&v);
}

/* Who writes into a pipe is known by number and name. */
static void test_pipe(void **state)
{
	const struct event_stall *e;
	const struct stall_part *p;
	unsigned int all;
	struct live v;
	size_t at = 0;

	(void)state;
	live_start(&v, target_pipe, NULL);
	live_finish(&v);
	assert_int_equal(woken(&v, CLASS_SYSCALL, CALL_READ, "writer", &all), STALLS);
	assert_int_equal(all, STALLS);
	while ((e = live_next(&v, &at))) {
		p = live_part(e, CLASS_SYSCALL, CALL_READ, THRESHOLD);
		if (p)
			assert_int_equal(p->owner.stack, 0);
	}
	live_free(&v);
}

/* Who gives the lock of a file back ended the wait; who only interrupted it says nothing of the
 * lock. */
static void test_file(void **state)
{
	unsigned int all;
	struct live v;

	(void)state;
	live_start(&v, target_file, NULL);
	live_finish(&v);
	assert_int_equal(woken(&v, CLASS_SYSCALL, CALL_FLOCK, "unlocker", &all), STALLS);
	assert_int_equal(all, STALLS);
	live_free(&v);
	live_start(&v, target_signalled, NULL);
	live_finish(&v);
	assert_int_equal(woken(&v, CLASS_SYSCALL, CALL_FLOCK, "unlocker", &all), 0);
	assert_int_equal(all, STALLS);
	live_free(&v);
}

/* A thread that a timer interrupts wakes nobody. */
static void test_interrupt(void **state)
{
	unsigned int all;
	struct live v;

	(void)state;
	live_start(&v, target_timers, NULL);
	live_finish(&v);
	assert_int_equal(woken(&v, CLASS_SYSCALL, CALL_SLEEP, "", &all), 0);
	assert_int_equal(all, STALLS);
	assert_int_equal(woken(&v, CLASS_LOCK, CALL_FUTEX, "", &all), 0);
	assert_int_equal(all, STALLS);
	live_free(&v);
}

/* Without the hook, and with the hook for run-queue time alone, nobody is named. */
static void test_off(void **state)
{
	static const char *const hooks[] = { "waker=off,runqueue=off",
					     "waker=off,runqueue=waking" };
	unsigned int all;
	struct live v;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		live_start(&v, target_pipe, hooks[i]);
		live_finish(&v);
		assert_int_equal(woken(&v, CLASS_SYSCALL, CALL_READ, "", &all), 0);
		assert_int_equal(all, STALLS);
		live_free(&v);
	}
}

/* With the hook for wakers alone. */
static void test_alone(void **state)
{
	unsigned int all;
	struct live v;

	(void)state;
	live_start(&v, target_pipe, "runqueue=off");
	live_finish(&v);
	assert_int_equal(woken(&v, CLASS_SYSCALL, CALL_READ, "writer", &all), STALLS);
	live_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock),	  cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_interrupt), cmocka_unit_test(test_off),
		cmocka_unit_test(test_alone),	  cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
