/* test_targets.c: the list of watched processes, without a kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/internal.h"

static void add(struct capture *c, int pid, uint64_t gone_at)
{
	struct watched w = { .process = calloc(1, sizeof(*w.process)), .gone_at = gone_at };

	w.process->pid = pid;
	w.process->pidfd = w.process->dir = -1;
	assert_int_equal(vec_add(&c->watched, w), 0);
}

/* A pid that is in use again is the living process; one that ended is still found alone. */
static void test_find(void **state)
{
	struct capture c = { .command_go = -1 };

	(void)state;
	add(&c, 5, 100);
	add(&c, 7, 100);
	add(&c, 7, 0);
	add(&c, 7, 200);
	assert_ptr_equal(watched_find(&c, 7), &c.watched.items[2]);
	assert_ptr_equal(watched_find(&c, 5), &c.watched.items[0]);
	assert_null(watched_find(&c, 11));
	targets_close(&c);
}

/* Those that ended are freed after a while, in any order, and the others stay. */
static void test_reap(void **state)
{
	struct capture c = { .command_go = -1 };

	(void)state;
	add(&c, 2, 1);
	add(&c, 3, 0);
	add(&c, 5, 1);
	add(&c, 7, 2 * NSEC_PER_SEC);
	watched_reap(&c, NSEC_PER_SEC);
	assert_int_equal(c.watched.count, 4);
	watched_reap(&c, 2 * NSEC_PER_SEC);
	assert_int_equal(c.watched.count, 2);
	assert_int_equal(c.watched.items[0].process->pid, 3);
	assert_int_equal(c.watched.items[1].process->pid, 7);
	assert_true(watched_any(&c));
	targets_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_find),
					    cmocka_unit_test(test_reap) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
