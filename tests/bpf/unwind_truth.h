/* unwind_truth.h: stacks of this very process: made, taken by the kernel side, and as the compiler
 * unwinds them.
 *
 * Included by each test program of the walk; cmocka's headers and the skeleton come first.
 */
#ifndef TESTS_BPF_UNWIND_TRUTH_H
#define TESTS_BPF_UNWIND_TRUTH_H

#include <unwind.h>

#include "tests/bpf/unwind_fixture.h"

#define TRUTH_MAX 256

/* No frame pointers, whatever the program is built with, and no tail calls. */
#define PLAIN \
	__attribute__((noinline, noclone, \
		       optimize("O2", "omit-frame-pointer", "no-optimize-sibling-calls")))

static struct unwind_test *self;
static struct event_stack taken;
static void *truth[TRUTH_MAX];
static int n_truth;
static int in_truth; /* index of the function that asks */

static inline void run(struct bpf_program *door)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(door), &opts), 0);
}

static inline void look(uint32_t slot)
{
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(self->bpf->maps.stacks), &slot, &taken),
			 0);
}

static _Unwind_Reason_Code asked(struct _Unwind_Context *frame, void *unused)
{
	(void)unused;
	if (n_truth < TRUTH_MAX && _Unwind_GetIP(frame))
		truth[n_truth++] = (void *)_Unwind_GetIP(frame);
	return _URC_NO_REASON;
}

/* What the compiler's own unwinder says; `caller` returns there. */
static inline void ask(void *caller)
{
	n_truth = 0;
	_Unwind_Backtrace(asked, NULL);
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

/* From the function that asked on, the callers are those that the compiler found, down to the last
 * one, none of them guessed. */
static inline void check_callers(void)
{
	int have = n_truth - in_truth;

	assert_int_equal(taken.user_stop, UNWIND_STOP_ROOT);
	assert_true(have > 3 && taken.n_user > have);
	for (int i = 1; i <= have; i++)
		assert_int_equal(taken.user[taken.n_user - i] & ~USER_EXACT,
				 (uintptr_t)truth[n_truth - i]);
}

/* Marks the memory of one walk on every CPU. */
static inline void mark(uint32_t walk, uint32_t busy)
{
	struct bpf_map *map = self->bpf->maps.unwind_walks;
	size_t size = (bpf_map__value_size(map) + 7) / 8 * 8;
	char *walks = calloc(libbpf_num_possible_cpus(), size);

	assert_non_null(walks);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		*(uint32_t *)(walks + cpu * size) = busy;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &walk, walks, BPF_ANY), 0);
	free(walks);
}

/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret: code made at run time. */
static const unsigned char made_code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
static int (*made)(int (*)(void));

#define MADE_RETURN 6 /* where its callee returns to */

static inline void make_code(void)
{
	made = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	assert_true(made != MAP_FAILED);
	memcpy((void *)made, made_code, sizeof(made_code));
}

#endif
