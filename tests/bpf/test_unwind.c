/* test_unwind.c: stacks that the kernel side walks by tables, against what the compiler's own
 * unwinder says of the same stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "tests/bpf/unwind_door.h"

#include "unwind.skel.h"

#include "tests/bpf/unwind_truth.h"

#define CALL_VFORK 58

static void test_callers(void **state)
{
	self = *state;
	unwind_publish(self);
	deep(23, take);
	assert_int_equal(taken.flags, 0);
	assert_true(n_truth - in_truth > 23);
	check_callers();
}

/* As many frames as there is room for. */
static void test_depth(void **state)
{
	self = *state;
	unwind_publish(self);
	deep(199, take);
	assert_int_equal(taken.user_stop, UNWIND_STOP_DEPTH);
	assert_int_equal(taken.n_user, STACK_USER_MAX);
	assert_int_equal(taken.flags, STACK_USER_CUT);
	for (int i = 1; i < 100; i++)
		assert_int_equal(taken.user[STACK_USER_MAX - i],
				 taken.user[STACK_USER_MAX - i - 1]);
}

static char other_stack[1 << 16];

/* Interrupted at its first instruction; whoever takes that for a return address finds the rule of
 * what stands before it. */
int interrupted(int x);
__asm__(".text\n"
	".cfi_startproc\n"
	".cfi_def_cfa_offset 4096\n"
	"nop\n"
	".cfi_endproc\n"
	"interrupted: .cfi_startproc\n"
	"ud2\n"
	"lea 1(%rdi), %eax\n"
	"ret\n"
	".cfi_endproc\n");

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)info;
	take(signal);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

/* Out of a handler with a stack of its own, into the instruction that was interrupted. */
static void test_signal(void **state)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) }, old;
	struct sigaction before;
	unsigned int exact = 0;

	self = *state;
	unwind_publish(self);
	assert_int_equal(sigaltstack(&stack, &old), 0);
	assert_int_equal(sigaction(SIGILL, &action, &before), 0);
	deep(7, interrupted);
	sigaction(SIGILL, &before, NULL);
	sigaltstack(&old, NULL);
	check_callers();
	for (int i = 0; i < taken.n_user; i++)
		if (taken.user[i] & USER_EXACT && ++exact)
			assert_int_equal(USER_ADDRESS(taken.user[i]), (uintptr_t)interrupted);
	assert_int_equal(exact, 1);
}

pid_t __vfork(void); /* by this name no sanitizer puts its own in the way */

PLAIN static int forks(int x)
{
	int status;
	pid_t pid;

	ask(__builtin_return_address(0));
	pid = __vfork();
	if (pid == 0) {
		usleep(20000);
		_exit(0);
	}
	assert_true(pid > 0);
	waitpid(pid, &status, 0);
	look(UNWIND_SLOT_SWITCH);
	return x + 1;
}

/* Blocked in vfork() the return address is in a register only: the child uses the stack. */
static void test_vfork(void **state)
{
	self = *state;
	unwind_publish(self);
	self->bpf->bss->door.call = CALL_VFORK;
	self->bpf->bss->door.tgid = getpid();
	deep(5, forks);
	self->bpf->bss->door.tgid = 0;
	check_callers();
	assert_int_equal(taken.n_user, n_truth - in_truth + 2); /* vfork(), forks() */
}

/* A process without tables, or with another's pid: the kernel's own walk. */
static void test_no_tables(void **state)
{
	uint32_t tgid = getpid();

	self = *state;
	self->proc->start_time = 4711;
	unwind_publish(self);
	self->proc->start_time = 0;
	for (int i = 0; i < 2; i++) {
		deep(3, take);
		assert_int_equal(taken.user_stop, UNWIND_STOP_KERNEL);
		assert_true(taken.n_user >= 1);
		assert_int_equal(taken.user[0] >> 62, 0);
		for (int k = 1; k < taken.n_user; k++)
			assert_int_equal(taken.user[k] >> 62, 1);
		bpf_map_delete_elem(bpf_map__fd(self->bpf->maps.unwind_procs), &tgid);
	}
}

static void check_stop(enum unwind_stop stop)
{
	deep(3, take);
	assert_int_equal(taken.user_stop, stop);
}

/* With one more walk under way than there is memory for, the kernel's own. */
static void test_busy(void **state)
{
	uint32_t walks;

	self = *state;
	unwind_publish(self);
	walks = bpf_map__max_entries(self->bpf->maps.unwind_walks);
	for (uint32_t i = 0; i < walks; i++) {
		check_stop(UNWIND_STOP_ROOT);
		mark(i, 1);
	}
	check_stop(UNWIND_STOP_BUSY);
	check_stop(UNWIND_STOP_BUSY); /* nothing was let go that was not taken */
	assert_int_equal(taken.user[taken.n_user - 1] >> 62, taken.n_user > 1);
	for (uint32_t i = 0; i < walks; i++) {
		mark(i, 0);
		for (int k = 0; k < 7; k++) /* what was taken is let go */
			check_stop(UNWIND_STOP_ROOT);
	}
}

static int take_three(void)
{
	return take(3);
}

PLAIN static int call_made(int x)
{
	return made(take_three) + x;
}

/* Such code keeps frame pointers, and is known only of processes that make some. */
static void test_made_code(void **state)
{
	uint64_t inside;
	int at = -1;

	self = *state;
	make_code();
	inside = (uintptr_t)made + MADE_RETURN;
	self->proc->flags = UNWIND_PROC_JIT;
	unwind_publish(self);
	deep(3, call_made);
	assert_int_equal(taken.user_stop, UNWIND_STOP_GUESSED); /* in no mapping, that is */
	for (int i = 0; i < taken.n_user; i++)
		if (taken.user[i] == inside)
			at = i;
	assert_true(at > 0);
	for (int i = 0; i < taken.n_user; i++)
		assert_int_equal(taken.user[i] >> 62, i == at + 1); /* USER_GUESSED */
	self->proc->flags = 0;
	unwind_publish(self);
	deep(3, call_made);
	assert_int_equal(taken.user_stop, UNWIND_STOP_MAPPING);
	assert_int_equal(taken.user[taken.n_user - 1], inside);
	munmap((void *)made, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callers),	  cmocka_unit_test(test_depth),
		cmocka_unit_test(test_signal),	  cmocka_unit_test(test_vfork),
		cmocka_unit_test(test_no_tables), cmocka_unit_test(test_busy),
		cmocka_unit_test(test_made_code),
	};

	return cmocka_run_group_tests(tests, unwind_test_open, unwind_test_close);
}
