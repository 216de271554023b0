/* storm.c: switches at the full rate, and very many stacks: the target for --off-cpu.
 *
 * storm pingpong SECONDS   two threads hand one byte to and fro over pipes
 * storm stacks N           one thread sleeps once on each of N distinct stacks (up to 65,536)
 * Both take --wait.  Prints for each thread what the kernel counted: switches, and the time off the
 * CPU as wall time minus CPU time.  Build with -O1 -fno-omit-frame-pointer -pthread.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "ctruth.h"

/* --- what the kernel counts */

struct count {
	const char *name;
	uint64_t wall, cpu;
	long switches, waits;
};

static long switches_of_thread(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw + u.ru_nivcsw;
}

static void count_begin(struct count *c)
{
	prctl(PR_SET_NAME, c->name);
	c->switches = switches_of_thread();
	c->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	c->wall = clock_ns(CLOCK_MONOTONIC);
}

static void count_end(const struct count *c)
{
	uint64_t wall = clock_ns(CLOCK_MONOTONIC) - c->wall;
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - c->cpu;

	printf("{\"thread\": {\"tid\": %ld, \"comm\": \"%s\", \"switches\": %ld, \"waits\": %ld, "
	       "\"start_ns\": %llu, \"wall_ns\": %llu, \"off_ns\": %llu}}\n",
	       syscall(SYS_gettid), c->name, switches_of_thread() - c->switches, c->waits,
	       (unsigned long long)c->wall, (unsigned long long)wall,
	       (unsigned long long)(wall - cpu));
}

/* --- pingpong */

struct player {
	const char *name;
	int in, out;
	bool serves;
	uint64_t until;
};

static void *play(void *arg)
{
	struct player *p = arg;
	struct count c = { .name = p->name };
	char ball = 'x';

	count_begin(&c);
	if (p->serves && write(p->out, &ball, 1) != 1)
		die("write");
	while (read(p->in, &ball, 1) == 1) {
		c.waits++;
		if (clock_ns(CLOCK_MONOTONIC) >= p->until)
			break;
		if (write(p->out, &ball, 1) != 1)
			break;
	}
	close(p->out); /* the other one reads the end of the file */
	count_end(&c);
	return NULL;
}

static void pingpong(long seconds)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + (uint64_t)seconds * NSEC_PER_SEC;
	int there[2], back[2];
	pthread_t threads[2];

	if (pipe(there) < 0 || pipe(back) < 0)
		die("pipe");
	struct player players[2] = {
		{ "storm-ping", back[0], there[1], true, until },
		{ "storm-pong", there[0], back[1], false, until },
	};
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, play, &players[i]))
			die("pthread_create");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* --- stacks: four levels, sixteen functions each, so the digits of a number in base 16 name its
 * stack */

#define LEVELS 4

static volatile long reached;

static void descend(unsigned int number, int level);

#define STEP(digit) \
	static __attribute__((noinline)) void step_##digit(unsigned int number, int level) \
	{ \
		descend(number >> 4, level + 1); \
		reached++; /* after the call, so that it is no tail call */ \
	}
STEP(0)
STEP(1)
STEP(2)
STEP(3)
STEP(4)
STEP(5)
STEP(6)
STEP(7)
STEP(8)
STEP(9)
STEP(a)
STEP(b)
STEP(c)
STEP(d)
STEP(e)
STEP(f)

static void (*const steps[16])(unsigned int, int) = {
	step_0, step_1, step_2, step_3, step_4, step_5, step_6, step_7,
	step_8, step_9, step_a, step_b, step_c, step_d, step_e, step_f,
};

static __attribute__((noinline)) void descend(unsigned int number, int level)
{
	struct timespec rest = { 0, 100000 };

	if (level < LEVELS)
		steps[number & 15](number, level);
	else
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
	reached++;
}

static void stacks(long n)
{
	struct count c = { .name = "storm-stacks" };

	prctl(PR_SET_TIMERSLACK, 1); /* 50 us of slack times 50,000 would be the whole test */
	count_begin(&c);
	for (long i = 0; i < n; i++)
		descend((unsigned int)i, 0);
	c.waits = n;
	count_end(&c);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	char line[64];

	if (n <= 0 ||
	    (strcmp(mode, "pingpong") != 0 && (strcmp(mode, "stacks") != 0 || n > 65536))) {
		fprintf(stderr, "storm: use storm pingpong SECONDS or storm stacks N\n");
		return 2;
	}
	announce();
	if (has_flag(argc, argv, "--wait") && !fgets(line, sizeof(line), stdin))
		return 1;
	if (strcmp(mode, "stacks") == 0)
		stacks(n);
	else
		pingpong(n);
	printf("{\"done\": true, \"expected\": 0, \"pid\": %d}\n", getpid());
	return 0;
}
