/* cpoll.c: a plain epoll loop in C with planned stalls: sleep, recv, spin, flock, futex.
 *
 * cpoll [--wait] [--count N]: each kind N times, with healthy ticks of a timerfd between.  The
 * other sides of the waits are threads.  Build with -O1 -fno-omit-frame-pointer -pthread.  Prints
 * its own truth; knows nothing of stallprof.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "ctruth.h"

#define LENGTH_NS     (170 * NSEC_PER_MSEC)
#define TICK_NS	      (5 * NSEC_PER_MSEC)
#define TICKS_BETWEEN 5 /* healthy iterations from one stall to the next */

struct state {
	int epoll, timer, pair[2], lock_fd, lock_other;
	uint32_t word; /* futex: 1 while held */
	sem_t ask_answer, ask_file, ask_word, held;
	volatile uint64_t sink;
};

/* --- the other sides */

static void *answer_late(void *arg)
{
	struct state *s = arg;

	while (sem_wait(&s->ask_answer) == 0) {
		sleep_ns(LENGTH_NS);
		if (send(s->pair[1], "x", 1, 0) != 1)
			break;
	}
	return NULL;
}

static void *hold_file(void *arg)
{
	struct state *s = arg;

	while (sem_wait(&s->ask_file) == 0) {
		flock(s->lock_other, LOCK_EX);
		sem_post(&s->held);
		sleep_ns(LENGTH_NS);
		flock(s->lock_other, LOCK_UN);
	}
	return NULL;
}

static void *hold_word(void *arg)
{
	struct state *s = arg;

	while (sem_wait(&s->ask_word) == 0) {
		__atomic_store_n(&s->word, 1, __ATOMIC_SEQ_CST);
		sem_post(&s->held);
		sleep_ns(LENGTH_NS);
		__atomic_store_n(&s->word, 0, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return NULL;
}

/* --- the stalls; noinline, because the name of the function is the truth
 *
 * They wait through enter_kernel: libc's own functions have no frame pointer, so that a walk by
 * frame pointers does not see who called them.  With a better walk enter_kernel is the innermost
 * frame.
 */

static __attribute__((noinline)) long enter_kernel(long nr, long a, long b, long c, long d)
{
	long r = syscall(nr, a, b, c, d, 0L, 0L);

	__asm__ volatile("" ::: "memory"); /* else the call above would be a jump */
	return r;
}

static __attribute__((noinline)) void write_to_disk(struct state *s)
{
	struct truth t = {
		"syscall", "\"clock_nanosleep\"", "{\"kind\": \"sleep\"}", __func__, 0, 0
	};
	struct timespec length = { 0, LENGTH_NS };

	(void)s;
	truth_begin(&t);
	enter_kernel(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&length, 0);
	truth_end(&t);
}

static __attribute__((noinline)) void ask_peer(struct state *s)
{
	struct truth t = { "syscall", "\"recvfrom\"", "{\"kind\": \"unix\"}", __func__, 0, 0 };
	char c;

	sem_post(&s->ask_answer);
	truth_begin(&t);
	if (enter_kernel(SYS_recvfrom, s->pair[0], (long)&c, 1, 0) != 1)
		die("recvfrom");
	truth_end(&t);
}

static __attribute__((noinline)) void compute(struct state *s)
{
	struct truth t = { "cpu", "null", "{}", __func__, 0, 0 };
	uint64_t now = 0;

	truth_begin(&t);
	/* Rarely asks for the time, so that nearly every sample is of this function. */
	while (now < t.start + LENGTH_NS) {
		for (int i = 0; i < 1000000; i++)
			s->sink += s->sink >> 3 ^ 7;
		now = clock_ns(CLOCK_MONOTONIC);
	}
	truth_end(&t);
}

static __attribute__((noinline)) void lock_file(struct state *s)
{
	struct truth t = { "syscall", "\"flock\"", "{\"kind\": \"file\"}", __func__, 0, 0 };

	sem_post(&s->ask_file);
	sem_wait(&s->held);
	truth_begin(&t);
	enter_kernel(SYS_flock, s->lock_fd, LOCK_EX, 0, 0);
	truth_end(&t);
	flock(s->lock_fd, LOCK_UN);
}

static __attribute__((noinline)) void lock_word(struct state *s)
{
	struct truth t = { "lock", "\"futex\"", "{\"kind\": \"futex\"}", __func__, 0, 0 };

	sem_post(&s->ask_word);
	sem_wait(&s->held);
	truth_begin(&t);
	while (__atomic_load_n(&s->word, __ATOMIC_SEQ_CST))
		enter_kernel(SYS_futex, (long)&s->word, FUTEX_WAIT_PRIVATE, 1, 0);
	truth_end(&t);
}

static void (*const stalls[])(struct state *) = {
	write_to_disk, ask_peer, compute, lock_file, lock_word,
};
#define STALL_COUNT ((long)(sizeof(stalls) / sizeof(stalls[0])))

/* --- the loop */

static void watch(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static void open_all(struct state *s)
{
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	char path[] = "/tmp/stallprof-cpoll-XXXXXX";

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	if (s->epoll < 0 || s->timer < 0 || timerfd_settime(s->timer, 0, &every, NULL) < 0)
		die("timerfd");
	watch(s->epoll, s->timer);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s->pair) < 0)
		die("socketpair");
	s->lock_fd = mkstemp(path);
	s->lock_other = open(path, O_RDWR);
	unlink(path);
	if (s->lock_fd < 0 || s->lock_other < 0)
		die("mkstemp");
}

static void start_others(struct state *s)
{
	void *(*const others[])(void *) = { answer_late, hold_file, hold_word };
	pthread_t thread;

	sem_init(&s->ask_answer, 0, 0);
	sem_init(&s->ask_file, 0, 0);
	sem_init(&s->ask_word, 0, 0);
	sem_init(&s->held, 0, 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (pthread_create(&thread, NULL, others[i], s))
			die("pthread_create");
}

/* Stall number `i` at its tick; a stall is a callback of its own iteration. */
static void run_loop(struct state *s, long total)
{
	struct epoll_event ev;
	uint64_t expired;
	long tick = 0, next = 0;

	while (next < total || tick % TICKS_BETWEEN) {
		if (epoll_wait(s->epoll, &ev, 1, -1) < 0) {
			if (errno != EINTR)
				die("epoll_wait");
			continue;
		}
		if (read(s->timer, &expired, sizeof(expired)) < 0)
			continue;
		if (++tick % TICKS_BETWEEN == 0 && next < total)
			stalls[next++ % STALL_COUNT](s);
	}
}

/* The loop is healthy and running while it waits for the line, as a real one would be. */
static void wait_for_go(struct state *s)
{
	struct epoll_event ev;
	uint64_t expired;
	char line[64];

	watch(s->epoll, 0);
	for (;;) {
		if (epoll_wait(s->epoll, &ev, 1, -1) != 1)
			continue;
		if (ev.data.fd == 0)
			break;
		if (read(s->timer, &expired, sizeof(expired)) < 0)
			continue;
	}
	if (read(0, line, sizeof(line)) < 0)
		die("stdin");
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, 0, NULL);
}

int main(int argc, char **argv)
{
	static struct state s;
	long total = STALL_COUNT * flag_number(argc, argv, "--count", 3);

	open_all(&s);
	start_others(&s);
	announce();
	if (has_flag(argc, argv, "--wait"))
		wait_for_go(&s);
	run_loop(&s, total);
	printf("{\"done\": true, \"expected\": %ld, \"pid\": %d}\n", total, getpid());
	return 0;
}
