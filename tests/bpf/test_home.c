/* test_home.c: which poll is a thread's home, with real epoll files of this very process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/epoll.h>
#include <sys/syscall.h>

#include "tests/bpf/account.h"

#include "account.skel.h"

#include "tests/bpf/account_fixture.h"

#define CALL_POLL	7
#define CALL_EPOLL_WAIT 232
#define OUTER		0x7ffc00002000ULL /* stack pointers of calls */
#define INNER		0x7ffc00001000ULL
#define RETURNS		3
#define MISSES		64

static void call(struct account *a, uint32_t kind, int number, int fd, uint64_t id)
{
	struct door *d = &a->bpf->bss->door;

	d->kind = kind;
	d->syscall = number;
	d->fd = fd;
	d->id = id;
}

static bool candidate(struct account *a, uint64_t depth)
{
	call(a, HOME_POLL, CALL_POLL, -1, depth);
	RUN(a, candidate);
	return a->bpf->bss->door.out;
}

static bool match_depth(struct account *a, uint64_t depth)
{
	call(a, HOME_POLL, CALL_POLL, -1, depth);
	RUN(a, home_match);
	return a->bpf->bss->door.out;
}

static uint64_t file_of(struct account *a, int fd)
{
	a->bpf->bss->door.fd = fd;
	RUN(a, file_of);
	return a->bpf->bss->door.id;
}

static bool match_file(struct account *a, int fd)
{
	call(a, HOME_EPOLL, CALL_EPOLL_WAIT, fd, file_of(a, fd));
	RUN(a, home_match);
	return a->bpf->bss->door.out;
}

static bool enter_file(struct account *a, int fd)
{
	call(a, HOME_EPOLL, CALL_EPOLL_WAIT, fd, file_of(a, fd));
	RUN(a, poll_enter);
	return a->bpf->bss->door.out;
}

/* A descriptor leads to its file: the same through a duplicate, none for one that is not open. */
static void test_file_of(void **state)
{
	struct account *a = *state;
	int one = epoll_create1(0), two = epoll_create1(0), three = dup(one);

	account_reset(a);
	assert_true(file_of(a, one) != 0);
	assert_true(file_of(a, one) != file_of(a, two));
	assert_true(file_of(a, one) == file_of(a, three));
	close(two);
	assert_int_equal(file_of(a, two), 0);
	assert_int_equal(file_of(a, -1), 0);
	assert_int_equal(file_of(a, 0x7fffffff), 0);
	close(one);
	close(three);
}

/* A call depth is a candidate, and home after three returns; another call there begins anew. */
static void test_candidate(void **state)
{
	struct account *a = *state;

	account_reset(a);
	for (int i = 1; i < RETURNS; i++)
		assert_false(candidate(a, OUTER));
	assert_true(candidate(a, OUTER));
	account_reset(a);
	assert_false(candidate(a, OUTER));
	assert_false(candidate(a, OUTER));
	call(a, HOME_SELECT, 23, -1, OUTER);
	RUN(a, candidate);
	assert_false(a->bpf->bss->door.out);
	assert_false(candidate(a, OUTER));
}

/* Calls from deeper down do not disturb a candidate, unless it has not come back for 64 of them;
 * one from further out takes over at once. */
static void test_candidate_depth(void **state)
{
	struct account *a = *state;

	account_reset(a);
	assert_false(candidate(a, OUTER));
	for (int i = 0; i < MISSES - 1; i++)
		assert_false(candidate(a, INNER));
	assert_false(candidate(a, OUTER));
	for (int i = 0; i < MISSES - 1; i++)
		assert_false(candidate(a, INNER));
	assert_true(candidate(a, OUTER));
	account_reset(a);
	assert_false(candidate(a, OUTER));
	for (int i = 0; i < MISSES + RETURNS - 2; i++)
		assert_false(candidate(a, INNER));
	assert_true(candidate(a, INNER));
	account_reset(a);
	assert_false(candidate(a, INNER));
	assert_false(candidate(a, INNER));
	for (int i = 1; i < RETURNS; i++)
		assert_false(candidate(a, OUTER));
	assert_true(candidate(a, OUTER));
}

/* The first epoll file is home; another one is nested as long as the first is open, and so is a
 * poll however often it recurs. */
static void test_nested(void **state)
{
	struct account *a = *state;
	int home = epoll_create1(0), other = epoll_create1(0);

	account_reset(a);
	assert_true(match_file(a, home));
	assert_int_equal(a->loop->home, HOME_EPOLL);
	assert_int_equal(a->loop->home_fd, home);
	assert_int_equal(a->loop->stats.fd, home);
	a->loop->stall.start = 23;
	for (int i = 0; i < 101; i++) {
		assert_false(match_file(a, other));
		assert_false(match_depth(a, OUTER));
	}
	assert_true(match_file(a, home));
	assert_int_equal(a->loop->stall.start, 23);
	close(home);
	close(other);
}

/* A closed home gives way to the next epoll file, and the time between them is no iteration. */
static void test_closed(void **state)
{
	struct account *a = *state;
	int home = epoll_create1(0), other = epoll_create1(0);

	account_reset(a);
	assert_true(match_file(a, home));
	a->loop->stall.start = 23;
	a->loop->stall.class_ns[CLASS_SYSCALL] = 5;
	close(home);
	assert_true(match_file(a, other));
	assert_int_equal(a->loop->home_fd, other);
	assert_int_equal(a->loop->stall.start, 0);
	assert_int_equal(a->loop->stall.class_ns[CLASS_SYSCALL], 0);
	close(other);
}

/* The same call through a duplicate of the descriptor is home too, and stays it when the first
 * descriptor is closed: the file counts, not its number. */
static void test_duplicate(void **state)
{
	struct account *a = *state;
	int home = epoll_create1(0), same = dup(home), other = epoll_create1(0);

	account_reset(a);
	assert_true(match_file(a, home));
	assert_true(match_file(a, same));
	close(home);
	assert_true(match_file(a, same));
	assert_false(match_file(a, other));
	close(same);
	close(other);
}

/* A call depth that was home gives way to an epoll file, and to another depth that recurs. */
static void test_depth_gives_way(void **state)
{
	struct account *a = *state;
	int file = epoll_create1(0);

	account_reset(a);
	assert_false(match_depth(a, INNER));
	assert_false(match_depth(a, INNER));
	assert_true(match_depth(a, INNER));
	assert_int_equal(a->loop->home, HOME_POLL);
	assert_false(match_depth(a, OUTER));
	assert_false(match_depth(a, OUTER));
	assert_true(match_depth(a, OUTER));
	assert_int_equal(a->loop->home_id, OUTER);
	assert_true(match_file(a, file));
	assert_int_equal(a->loop->home, HOME_EPOLL);
	close(file);
}

/* User space may say that a depth is no loop: it is forgotten, and never asked about again. */
static void test_reject(void **state)
{
	struct account *a = *state;

	account_reset(a);
	for (int i = 0; i < RETURNS; i++)
		match_depth(a, OUTER);
	a->loop->flags = LOOP_IN_POLL | LOOP_ANNOUNCED;
	a->loop->verdict = VERDICT_REJECTED;
	RUN(a, reject);
	assert_int_equal(a->loop->home, HOME_NONE);
	assert_int_equal(a->loop->flags, 0);
	assert_int_equal(a->loop->verdict, VERDICT_NONE);
	for (int i = 0; i < 11 * RETURNS; i++)
		assert_false(match_depth(a, OUTER));
	for (int i = 1; i < RETURNS; i++)
		assert_false(match_depth(a, INNER));
	assert_true(match_depth(a, INNER));
}

/* Two polls of a thread: it is announced at the second, with the stack of the call; polls and
 * periods make up the time between. */
static void test_enter_leave(void **state)
{
	struct account *a = *state;
	const struct event_loop *e = NULL;
	const struct event_stack *s = NULL;
	int home = epoll_create1(0), other = epoll_create1(0);

	account_reset(a);
	RUN(a, adopt);
	assert_true(a->bpf->bss->door.out);
	assert_true(enter_file(a, home));
	assert_true(a->loop->flags & LOOP_IN_POLL);
	assert_int_equal(events_of(a, EVENT_LOOP, NULL), 0);
	RUN(a, poll_leave);
	assert_int_equal(a->loop->flags, 0);
	assert_true(a->loop->stall.start != 0);
	RUN(a, poll_leave); /* of a nested call: nothing */
	assert_false(enter_file(a, other));
	assert_int_equal(a->loop->flags, 0);
	assert_int_equal(a->loop->stats.iterations, 0);
	assert_true(enter_file(a, home));
	assert_int_equal(a->loop->flags, LOOP_IN_POLL | LOOP_ANNOUNCED);
	assert_int_equal(a->loop->hooked, 0);
	assert_int_equal(events_of(a, EVENT_LOOP, (const void **)&e), 1);
	assert_int_equal(events_of(a, EVENT_STACK, (const void **)&s), 1);
	assert_int_equal(e->stack, s->hash);
	assert_int_equal(e->fd, home);
	assert_int_equal(e->home, HOME_EPOLL);
	assert_int_equal(e->head.tid, getpid());
	RUN(a, poll_leave);
	assert_int_equal(a->loop->stats.iterations, 1);
	assert_int_equal(a->loop->stats.busy_ns + a->loop->stats.poll_ns,
			 a->loop->stats.last - a->loop->stats.first);
	close(home);
	close(other);
}

/* An epoll file that is made after the home was closed ends the loop, even if it lies at the same
 * address: what follows is no long iteration. */
static void test_home_check(void **state)
{
	struct account *a = *state;
	int home = epoll_create1(0);

	account_reset(a);
	RUN(a, adopt);
	assert_true(enter_file(a, home));
	RUN(a, poll_leave);
	RUN(a, home_check);
	assert_int_equal(a->loop->home, HOME_EPOLL);
	close(home);
	RUN(a, home_check);
	assert_int_equal(a->loop->home, HOME_NONE);
	assert_int_equal(a->loop->stall.start, 0);
}

/* A named thread is one from its first poll on, even if it polls before it was found at attach. */
static void test_designated(void **state)
{
	struct account *a = *state;
	int home = epoll_create1(0), self = syscall(SYS_pidfd_open, getpid(), 0);
	int procs = bpf_map__fd(a->bpf->maps.procs), named = bpf_map__fd(a->bpf->maps.designated);
	struct proc_conf conf = { .threshold = THRESHOLD };
	uint32_t tid = getpid();
	uint8_t one = 1;

	account_reset(a);
	a->loop->used = 0;
	bpf_map_delete_elem(bpf_map__fd(a->bpf->maps.threads), &self);
	assert_int_equal(bpf_map_update_elem(procs, &tid, &conf, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(named, &tid, &one, BPF_ANY), 0);
	assert_true(enter_file(a, home));
	assert_true(a->loop->flags & LOOP_DESIGNATED);
	bpf_map_delete_elem(procs, &tid);
	bpf_map_delete_elem(named, &tid);
	close(self);
	close(home);
}

/* A thread that ends in the middle of a long iteration of an announced loop ends its stall. */
static void test_exit(void **state)
{
	struct account *a = *state;
	const struct event_stall *e = NULL;
	const struct event_life *life = NULL;
	int home = epoll_create1(0);
	uint64_t sum = 0;

	account_reset(a);
	a->loop->stall.threshold = 1;
	RUN(a, adopt);
	for (int i = 0; i < 2; i++) {
		assert_true(enter_file(a, home));
		RUN(a, poll_leave);
	}
	events_of(a, EVENT_STALL, NULL);
	events_forget(a);
	RUN(a, exited);
	assert_int_equal(events_of(a, EVENT_STALL, (const void **)&e), 1);
	assert_true(e->flags & STALL_LAST);
	for (int i = 0; i < CLASS_COUNT; i++)
		sum += e->class_ns[i];
	assert_int_equal(sum, e->ns);
	assert_int_equal(events_of(a, EVENT_LIFE, (const void **)&life), 1);
	assert_int_equal(life->what, LIFE_EXIT);
	assert_true(a->loop->flags & LOOP_EXITED);
	assert_false(a->loop->flags & LOOP_IN_POLL);
	assert_int_equal(a->loop->stall.start, 0);
	RUN(a, adopt); /* so that nothing of this thread is left for the other cases */
	close(home);
}

/* A new program in the process has no home yet, and its first period is not what exec took. */
static void test_exec(void **state)
{
	struct account *a = *state;
	struct proc_conf conf = { .plan.enabled = 1, .plan.gil = { 0x7000 } };
	uint32_t tgid = getpid();
	int home = epoll_create1(0), procs = bpf_map__fd(a->bpf->maps.procs);

	account_reset(a);
	assert_int_equal(bpf_map_update_elem(procs, &tgid, &conf, BPF_ANY), 0);
	RUN(a, adopt);
	assert_true(enter_file(a, home));
	RUN(a, poll_leave);
	RUN(a, execed);
	assert_int_equal(a->loop->home, HOME_NONE);
	assert_int_equal(a->loop->stall.start, 0);
	assert_int_equal(bpf_map_lookup_elem(procs, &tgid, &conf), 0);
	assert_int_equal(conf.plan.enabled, 0);
	assert_int_equal(conf.plan.gil[0], 0);
	assert_int_equal(events_of(a, EVENT_LIFE, NULL), 1);
	bpf_map_delete_elem(procs, &tgid);
	close(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_of),
		cmocka_unit_test(test_candidate),
		cmocka_unit_test(test_candidate_depth),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_depth_gives_way),
		cmocka_unit_test(test_reject),
		cmocka_unit_test(test_enter_leave),
		cmocka_unit_test(test_home_check),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_designated),
	};

	return cmocka_run_group_tests(tests, account_open, account_close);
}
