/* SPDX-License-Identifier: GPL-2.0 */
/* switches.c: two processes on one CPU that hand each other the turn, and what a turn costs.
 *
 * The first is a loop: it waits in epoll_wait and takes orders on stdin; the second only answers.
 * The cost is the CPU time of both together, so that other programs' load counts little: a hook at
 * the switch is billed to the thread switched in, one of the two.  Knows nothing of who watches.
 *
 *   switches CPU             then orders, one a line, each answered by one line of JSON:
 *     foreign MS             turns by blocking reads, for processes that nobody watches
 *     poll MS                the loop waits for its turn in its poll
 *     inside MS              the loop is woken in its poll, finds nothing and sleeps on
 *     wait MS DEPTH          blocking reads outside the poll, DEPTH calls deep, 50 for each poll
 *     flood MS DEPTH         the same without a pause, faster than stacks are taken
 *   switches echo IN OUT     the answering half alone, for loops written in another language
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SLICES_MAX  4096
#define SLICE_TURNS 200
#define POKES	    200
#define WAITS	    50 /* fewer than the captures that stallprof allows in a burst */
#define PAUSE_MS    7  /* in which that budget fills up again */

struct pair {
	int epoll;
	int to_peer, to_loop; /* eventfds that pass the turn */
	int poke;	      /* eventfd that wakes the poll, and is empty again when it looks */
	pid_t peer;
	clockid_t peer_clock;
};

struct result {
	double slices[SLICES_MAX]; /* ns of CPU for each turn */
	int count;
	uint64_t turns;
	uint64_t switches;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void turn_give(int fd, uint64_t value)
{
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		exit(1);
}

static uint64_t turn_take(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		exit(0); /* the other half is gone */
	return value;
}

/* A value of 1 is answered; a greater one asks for so many pokes first. */
static void peer_run(int in, int out, int poke)
{
	uint64_t value;

	for (;;) {
		uint64_t pokes = turn_take(in);

		for (uint64_t i = 0; poke >= 0 && pokes > 1 && i < pokes; i++) {
			turn_give(poke, 1);
			if (read(poke, &value, sizeof(value)) < 0 && errno != EAGAIN)
				exit(1);
			sched_yield();
		}
		turn_give(out, poke < 0 ? pokes : 1);
	}
}

static uint64_t pair_cpu(const struct pair *p)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + clock_ns(p->peer_clock);
}

static uint64_t switches_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static void result_add(struct result *r, uint64_t cpu, uint64_t turns, uint64_t switches)
{
	if (turns && r->count < SLICES_MAX)
		r->slices[r->count++] = (double)cpu / turns;
	r->turns += turns;
	r->switches += switches;
}

/* Waits in the poll until the turn came back; takes a poke that it sees on the way. */
static void poll_turn(const struct pair *p)
{
	struct epoll_event events[4];
	uint64_t value;

	for (;;) {
		int n = epoll_wait(p->epoll, events, 4, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == p->to_loop) {
				turn_take(p->to_loop);
				return;
			}
			if (events[i].data.fd == p->poke &&
			    read(p->poke, &value, sizeof(value)) < 0 && errno != EAGAIN)
				exit(1);
		}
	}
}

static void slice_turns(const struct pair *p, struct result *r, bool in_poll)
{
	uint64_t cpu = pair_cpu(p), switches = switches_now();

	for (int i = 0; i < SLICE_TURNS; i++) {
		turn_give(p->to_peer, 1);
		if (in_poll)
			poll_turn(p);
		else
			turn_take(p->to_loop);
	}
	result_add(r, pair_cpu(p) - cpu, SLICE_TURNS, switches_now() - switches);
}

/* A turn is one sleep of the loop, counted by the kernel: not each poke finds it asleep. */
static void slice_inside(const struct pair *p, struct result *r)
{
	uint64_t cpu = pair_cpu(p), switches = switches_now();

	turn_give(p->to_peer, POKES);
	poll_turn(p);
	switches = switches_now() - switches;
	result_add(r, pair_cpu(p) - cpu, switches, switches);
}

__attribute__((noinline)) static uint64_t wait_deep(const struct pair *p, int depth)
{
	volatile uint64_t below = 0; /* so that the call stays one, whatever the compiler thinks */
	uint64_t n = 0;

	if (depth > 1) {
		below = wait_deep(p, depth - 1);
		return below + 1;
	}
	for (; n < WAITS; n++) {
		turn_give(p->to_peer, 1);
		turn_take(p->to_loop);
	}
	return n;
}

static void slice_waits(const struct pair *p, struct result *r, int depth, int pause_ms)
{
	struct epoll_event events[4];
	uint64_t cpu, switches;

	if (pause_ms)
		epoll_wait(p->epoll, events, 4, pause_ms);
	cpu = pair_cpu(p);
	switches = switches_now();
	wait_deep(p, depth);
	result_add(r, pair_cpu(p) - cpu, WAITS, switches_now() - switches);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void result_print(struct result *r)
{
	qsort(r->slices, r->count, sizeof(r->slices[0]), compare);
	printf("{\"ns\": %.1f, \"low\": %.1f, \"high\": %.1f, \"turns\": %llu, \"switches\": "
	       "%llu}\n",
	       r->count ? r->slices[r->count / 2] : 0, r->count ? r->slices[r->count / 10] : 0,
	       r->count ? r->slices[r->count * 9 / 10] : 0, (unsigned long long)r->turns,
	       (unsigned long long)r->switches);
	fflush(stdout);
}

/* Under SCHED_FIFO neither half preempts the other: a turn is two switches, a poke is over before
 * the loop looks, and nothing else runs on this CPU.  Where that is not allowed SCHED_BATCH comes
 * near. Only for the time of an order, so that the machine stays usable. */
static void pair_schedule(const struct pair *p, bool measuring)
{
	struct sched_param none = { 0 }, first = { .sched_priority = 1 };

	if (!measuring || sched_setscheduler(0, SCHED_FIFO, &first) < 0 ||
	    sched_setscheduler(p->peer, SCHED_FIFO, &first) < 0) {
		sched_setscheduler(p->peer, SCHED_BATCH, &none);
		sched_setscheduler(0, SCHED_BATCH, &none);
	}
}

static void order_run(const struct pair *p, const char *mode, int ms, int depth)
{
	static struct result r;
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + ms * 1000000ULL;

	memset(&r, 0, sizeof(r));
	pair_schedule(p, true);
	do {
		if (strcmp(mode, "foreign") == 0)
			slice_turns(p, &r, false);
		else if (strcmp(mode, "poll") == 0)
			slice_turns(p, &r, true);
		else if (strcmp(mode, "inside") == 0)
			slice_inside(p, &r);
		else
			slice_waits(p, &r, depth, strcmp(mode, "wait") == 0 ? PAUSE_MS : 0);
	} while (clock_ns(CLOCK_MONOTONIC) < until);
	pair_schedule(p, false);
	result_print(&r);
}

static void orders_take(const struct pair *p)
{
	struct epoll_event event;
	char line[128], mode[16];

	for (;;) {
		int ms, depth = 1;
		ssize_t n;

		if (epoll_wait(p->epoll, &event, 1, -1) < 0 && errno != EINTR)
			return;
		n = read(STDIN_FILENO, line, sizeof(line) - 1);
		if (n <= 0)
			return;
		line[n] = 0;
		if (sscanf(line, "%15s %d %d", mode, &ms, &depth) >= 2)
			order_run(p, mode, ms, depth);
	}
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		perror("epoll_ctl");
		exit(1);
	}
}

static void pair_start(struct pair *p)
{
	p->to_peer = eventfd(0, 0);
	p->to_loop = eventfd(0, 0);
	p->poke = eventfd(0, EFD_NONBLOCK);
	p->peer = fork();
	if (p->peer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		peer_run(p->to_peer, p->to_loop, p->poke);
	}
	clock_getcpuclockid(p->peer, &p->peer_clock);
	p->epoll = epoll_create1(0);
	watch(p->epoll, STDIN_FILENO);
	watch(p->epoll, p->to_loop);
	watch(p->epoll, p->poke);
}

int main(int argc, char **argv)
{
	struct pair pair;
	cpu_set_t set;

	if (argc == 4 && strcmp(argv[1], "echo") == 0)
		peer_run(atoi(argv[2]), atoi(argv[3]), -1);
	if (argc != 2) {
		fprintf(stderr, "usage: switches CPU\n");
		return 2;
	}
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1]), &set);
	sched_setaffinity(0, sizeof(set), &set);
	pair_start(&pair);
	orders_take(&pair);
	return 0;
}
