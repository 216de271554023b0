/* look.c: prints as JSON what a process's runtime says of the threads named.
 *
 * For tests: the two questions of runtime.h that are asked while stallprof runs, with their answers
 * in full.  Usage: look PID ROUNDS POINTER..., a POINTER being what pthread_self() gives in that
 * thread.  One line for each thread and question, of the last round, with the mean time it took.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/resolver.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static json_t *number(uint64_t value)
{
	return value == UINT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *text(const char *value)
{
	json_t *s = json_string(value);

	return s ? s : json_string("not UTF-8");
}

static json_t *describe_loop(const struct runtime_loop *l)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "loop", (json_int_t)l->loop, "ready",
			 number(l->ready), "scheduled", number(l->scheduled), "tasks",
			 number(l->tasks), "task", text(l->task), "coro", text(l->coro));
}

static json_t *describe_thread(const struct runtime_thread *t)
{
	return json_pack("{s:o, s:o, s:s, s:I, s:b, s:i, s:i}", "name", text(t->name), "pool_name",
			 text(t->pool_name), "pool_kind", t->pool_kind, "pool", (json_int_t)t->pool,
			 "idle", t->idle, "pool_max", (int)t->pool_max, "queued", (int)t->queued);
}

/* A look may fail because what it looks at changed meanwhile: the rounds after it say more. */
static void print(const char *what, uint64_t pointer, int r, json_t *answer, uint64_t ns)
{
	json_t *line = json_pack("{s:s, s:I, s:i, s:I, s:o?}", "ask", what, "pointer",
				 (json_int_t)pointer, "r", r, "ns", (json_int_t)ns, "answer",
				 r == 0 ? answer : NULL);

	json_dumpf(line, stdout, JSON_SORT_KEYS);
	putchar('\n');
	json_decref(line);
}

static void look(struct resolver *resolver, uint64_t pointer, int rounds)
{
	struct runtime_thread thread;
	struct runtime_loop loop;
	uint64_t start = now_ns(), middle;
	int i, r = 0;

	for (i = 0; i < rounds; i++)
		r = resolver_loop_now(resolver, pointer, &loop);
	middle = now_ns();
	print("loop", pointer, r, r == 0 ? describe_loop(&loop) : NULL, (middle - start) / rounds);
	start = now_ns();
	for (i = 0; i < rounds; i++)
		r = resolver_thread_now(resolver, pointer, &thread);
	middle = now_ns();
	print("thread", pointer, r, r == 0 ? describe_thread(&thread) : NULL,
	      (middle - start) / rounds);
}

int main(int argc, char **argv)
{
	cleanup(resolver_host_closep) struct resolver_host *host = NULL;
	cleanup(process_closep) struct process *p = NULL;
	cleanup(resolver_closep) struct resolver *resolver = NULL;
	int i, rounds = argc > 2 ? atoi(argv[2]) : 0;

	if (argc < 3 || rounds < 1) {
		fprintf(stderr, "usage: look PID ROUNDS POINTER...\n");
		return 2;
	}
	if (resolver_host_open("/proc", &host) < 0 ||
	    process_open("/proc", atoi(argv[1]), &p) < 0 || resolver_open(host, p, &resolver) < 0) {
		fprintf(stderr, "look: cannot open process %s\n", argv[1]);
		return 1;
	}
	if (*resolver_why(resolver))
		fprintf(stderr, "look: %s\n", resolver_why(resolver));
	for (i = 3; i < argc; i++)
		look(resolver, strtoull(argv[i], NULL, 0), rounds);
	return 0;
}
