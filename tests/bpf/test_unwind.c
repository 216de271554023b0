/* test_unwind.c: stacks that the kernel side walks by tables, against what the C library says of
 * the same stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <execinfo.h>

#include "tests/bpf/unwind_door.h"

#include "unwind.skel.h"

#include "tests/bpf/unwind_fixture.h"

#define TRUTH_MAX 256

/* No frame pointers, whatever the program is built with, and no tail calls. */
#define PLAIN \
	__attribute__((noinline, noclone, \
		       optimize("O2", "omit-frame-pointer", "no-optimize-sibling-calls")))

#define CALL_VFORK 58

static struct unwind_test *self;
static struct event_stack taken;
static void *truth[TRUTH_MAX];
static int n_truth;
static int in_truth; /* index of the function that asks */

static void run(struct bpf_program *door)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(door), &opts), 0);
}

static void look(uint32_t slot)
{
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(self->bpf->maps.stacks), &slot, &taken),
			 0);
}

/* What the C library says; `caller` returns there.  A sanitizer's own frames come before it. */
static void ask(void *caller)
{
	n_truth = backtrace(truth, TRUTH_MAX);
	for (in_truth = 0; in_truth < n_truth && truth[in_truth] != caller;)
		in_truth++;
	assert_true(in_truth < n_truth);
}

/* Both stacks of the same place. */
PLAIN static int take(int x)
{
	ask(__builtin_return_address(0));
	run(self->bpf->progs.door_take);
	look(UNWIND_SLOT_DOOR);
	return x + 1;
}

PLAIN static int deep(int n, int (*leaf)(int x))
{
	volatile char room[64];

	room[n % 64] = n;
	if (n <= 1)
		return leaf(room[n % 64]) + 1;
	return deep(n - 1, leaf) + room[n % 64];
}

/* From the function that asked on, the callers are those that the C library found, down to the last
 * one, none of them guessed. */
static void check_callers(void)
{
	int have = n_truth - in_truth;

	assert_int_equal(taken.user_stop, UNWIND_STOP_ROOT);
	assert_true(have > 3 && taken.n_user > have);
	for (int i = 1; i <= have; i++)
		assert_int_equal(taken.user[taken.n_user - i] & ~USER_EXACT,
				 (uintptr_t)truth[n_truth - i]);
}

static void test_callers(void **state)
{
	self = *state;
	unwind_publish(self);
	deep(23, take);
	assert_int_equal(taken.flags, 0);
	assert_true(n_truth - in_truth > 23);
	check_callers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callers),
	};

	return cmocka_run_group_tests(tests, unwind_test_open, unwind_test_close);
}
