/* test_unwind_snapshots.c: stacks that end in code that is not known are copied for user space, as
 * far as they go, and no more of them than the ring has room for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <signal.h>

#include "tests/bpf/unwind_door.h"

#include "unwind.skel.h"

#include "tests/bpf/unwind_truth.h"

#define BURST	64	    /* unwind.bpf.h */
#define ALIKE	64	    /* likewise */
#define BACKLOG (512 << 10) /* and how full the ring may be */
#define TOP	7	    /* pages of a stack that ends in nothing */

static struct ring_buffer *ring;
static struct event_snapshot last;
static unsigned int snapshots;

static int on_event(void *ctx, void *data, size_t size)
{
	const struct event_head *head = data;

	(void)ctx;
	assert_int_equal(head->kind, EVENT_SNAPSHOT);
	assert_int_equal(size, sizeof(last));
	assert_int_equal(head->size, size);
	memcpy(&last, data, size);
	snapshots++;
	return 0;
}

/* How many there were since the last time. */
static unsigned int collect(void)
{
	snapshots = 0;
	ring_buffer__consume(ring);
	return snapshots;
}

/* Nothing in the ring, and the budgets of all CPUs unused. */
static void start(void **state)
{
	self = *state;
	if (!ring)
		ring = ring_buffer__new(bpf_map__fd(self->bpf->maps.events), on_event, NULL, NULL);
	assert_non_null(ring);
	collect();
	for (uint32_t i = 0; i < bpf_map__max_entries(self->bpf->maps.unwind_walks); i++)
		mark(i, 0);
	if (!made)
		make_code();
	unwind_publish(self);
}

/* The copy is of the stack as it still is, from the frame that the walk could not leave. */
static int check_copy(void)
{
	take(1);
	assert_int_equal(taken.user_stop, UNWIND_STOP_MAPPING);
	assert_int_equal(taken.flags, STACK_USER_MORE);
	assert_int_equal(collect(), 1);
	assert_int_equal(last.head.tgid, getpid());
	assert_int_equal(last.hash, taken.hash);
	assert_int_equal(last.at, taken.n_user);
	assert_int_equal(last.ip, taken.user[taken.n_user - 1]);
	assert_int_equal(last.ip, (uintptr_t)made + MADE_RETURN);
	assert_int_equal(last.bp, last.sp); /* where that code had saved its caller's */
	assert_int_equal(last.exact, 0);
	assert_memory_equal(last.bytes, (void *)last.sp, last.len);
	return 1;
}

PLAIN static int call_made(int x)
{
	volatile char room[UNWIND_SNAPSHOT_MAX];

	memset((char *)room, x, sizeof(room)); /* else there is no memory yet */
	return made(check_copy) + room[x];
}

static void test_copy(void **state)
{
	uint64_t hash;

	start(state);
	deep(3, call_made);
	assert_in_range(last.len, UNWIND_SNAPSHOT_MAX - 4095, UNWIND_SNAPSHOT_MAX);
	hash = last.hash;
	deep(3, call_made); /* what is behind it may be another this time */
	assert_int_not_equal(last.hash, hash);
}

static int check_guess(void)
{
	unsigned int at = 1;

	take(1);
	assert_int_equal(taken.user_stop, UNWIND_STOP_GUESSED);
	assert_int_equal(taken.flags, STACK_USER_MORE);
	while (at < taken.n_user && !(taken.user[at] & USER_GUESSED))
		at++;
	assert_true(at > 1 && at < taken.n_user);
	assert_int_equal(collect(), 1);
	assert_int_equal(last.hash, taken.hash);
	assert_int_equal(last.at, at);
	assert_int_equal(last.ip, taken.user[at - 1]);
	assert_int_equal(last.ip, (uintptr_t)made + MADE_RETURN);
	assert_int_equal(last.bp, last.sp);
	assert_memory_equal(last.bytes, (void *)last.sp, last.len);
	return 1;
}

PLAIN static int guess_made(int x)
{
	return made(check_guess) + x;
}

/* One that was walked to its end by a guess is copied from there on: it may have been wrong. */
static void test_guess(void **state)
{
	start(state);
	self->proc->flags = UNWIND_PROC_JIT;
	unwind_publish(self);
	deep(3, guess_made);
	self->proc->flags = 0;
	unwind_publish(self);
}

static char *edge; /* behind it there is no memory */

static void on_signal(int signal)
{
	(void)signal;
	made(check_copy);
	assert_int_equal(last.len, edge - (char *)last.sp);
}

/* A stack that ends before the copy does is copied to its end. */
static void test_end_of_stack(void **state)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK }, before;
	stack_t stack = { .ss_size = TOP * 4096 }, old;

	start(state);
	stack.ss_sp = mmap(NULL, (TOP + 1) * 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(stack.ss_sp != MAP_FAILED);
	edge = (char *)stack.ss_sp + TOP * 4096;
	assert_int_equal(mprotect(edge, 4096, PROT_NONE), 0);
	assert_int_equal(sigaltstack(&stack, &old), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	raise(SIGUSR1);
	sigaction(SIGUSR1, &before, NULL);
	sigaltstack(&old, NULL);
	munmap(stack.ss_sp, (TOP + 1) * 4096);
}

/* The innermost code itself is not known: that of the system call. */
static void test_innermost(void **state)
{
	struct unwind_proc *proc = calloc(1, sizeof(*proc));
	struct unwind_proc *full;

	start(state);
	assert_non_null(proc);
	full = self->proc;
	self->proc = proc;
	unwind_publish(self);
	take(1);
	self->proc = full;
	free(proc);
	assert_int_equal(taken.n_user, 1);
	assert_int_equal(collect(), 1);
	assert_int_equal(last.at, 1);
	assert_int_equal(last.exact, 1);
	assert_int_equal(last.ip, taken.user[0]);
}

/* Many from one place; the last two of them are without a copy. */
static int take_more(void)
{
	uint64_t hash[2];
	int sent = 0;

	for (int i = 0; i < 3 * BURST; i++) {
		run(self->bpf->progs.door_take);
		look(UNWIND_SLOT_DOOR);
		assert_int_equal(taken.user_stop, UNWIND_STOP_MAPPING);
		hash[i % 2] = taken.hash;
		sent += collect();
	}
	assert_int_equal(taken.flags, 0);
	assert_int_equal(hash[0], hash[1]);
	return sent;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* A burst; then they come slowly, and a stack without is like every other of its kind. */
static void test_budget(void **state)
{
	cpu_set_t before;

	start(state);
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	pin(sched_getcpu());
	assert_in_range(made(take_more), BURST, BURST + 19); /* for each that a second brings */
	sched_setaffinity(0, sizeof(before), &before);
}

static int take_alike(void)
{
	int sent = 0;

	for (int i = 0; i < 2 * ALIKE; i++) {
		run(self->bpf->progs.door_take);
		sent += collect();
	}
	return sent;
}

/* What did not help so often is not sent again, from the same place. */
static void test_alike(void **state)
{
	int sent[2];

	for (int i = 0; i < 2; i++) {
		start(state);
		sent[i] = made(take_alike);
	}
	assert_int_equal(sent[0], ALIKE);
	assert_int_equal(sent[1], 0);
}

static int take_unread(void)
{
	for (int i = 0; i < BURST; i++)
		run(self->bpf->progs.door_take);
	return 0;
}

/* The ring is not filled with them. */
static void test_backlog(void **state)
{
	unsigned int n;

	start(state);
	made(take_unread);
	n = collect();
	assert_in_range(n, 2, BACKLOG / sizeof(last) + 1);
}

static int close_all(void **state)
{
	ring_buffer__free(ring);
	munmap((void *)made, 4096);
	return unwind_test_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),	     cmocka_unit_test(test_guess),
		cmocka_unit_test(test_end_of_stack), cmocka_unit_test(test_innermost),
		cmocka_unit_test(test_budget),	     cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_alike),
	};

	return cmocka_run_group_tests(tests, unwind_test_open, close_all);
}
