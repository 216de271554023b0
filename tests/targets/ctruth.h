/* ctruth.h: what the C targets share: the clock, the handshake and the JSON lines of a truth.
 *
 * The same lines as truth.py prints, without a source line: a C frame is known by its function.
 * Knows nothing of stallprof.
 */
#ifndef TESTS_TARGETS_CTRUTH_H
#define TESTS_TARGETS_CTRUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static inline void sleep_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* A planned stall.  `syscall` and `target` are JSON text: "\"read\"", "null",
 * "{\"kind\":\"pipe\"}". */
struct truth {
	const char *klass, *syscall, *target, *func;
	uint64_t start, cpu;
};

static inline void truth_begin(struct truth *t)
{
	t->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	t->start = clock_ns(CLOCK_MONOTONIC);
}

/* Prints the truth of a stall that began with truth_begin. */
static inline void truth_end(const struct truth *t)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC);
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - t->cpu;

	printf("{\"class\": \"%s\", \"syscall\": %s, \"target\": %s, \"func\": [\"%s\", "
	       "\"enter_kernel\"], \"cpu_ns\": "
	       "%llu, "
	       "\"start_ns\": %llu, \"dur_ns\": %llu, \"tid\": %ld}\n",
	       t->klass, t->syscall, t->target, t->func, (unsigned long long)cpu,
	       (unsigned long long)t->start, (unsigned long long)(end - t->start),
	       syscall(SYS_gettid));
}

static inline bool has_flag(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

/* The number after `flag`, or `fallback`. */
static inline long flag_number(int argc, char **argv, const char *flag, long fallback)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return strtol(argv[i + 1], NULL, 10);
	return fallback;
}

/* Each line is written at once, because a target may be killed at any moment. */
static inline void announce(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"ready\": %d}\n", getpid());
}

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

#endif
