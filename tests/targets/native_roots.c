/* native_roots.c: stacks that do not end where a thread begins, and a borrowed one.
 *
 * See native.h.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "native.h"

/* --- the child has the parent's stack, and the parent waits for it in the kernel */

static void n_shape_vfork(void)
{
	struct timespec length = { 0, 83000000 };
	pid_t child = vfork();

	if (child == 0) {
		nanosleep(&length, NULL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* --- a coroutine of libc */

#ifdef __GLIBC__
static ucontext_t here, there;

KEEP static void n_coroutine(void)
{
	n_sink = n_work(1);
	NOT_LAST;
}

static void n_shape_context(void)
{
	static char room[65536];

	getcontext(&there);
	there.uc_stack.ss_sp = room;
	there.uc_stack.ss_size = sizeof(room);
	there.uc_link = &here;
	makecontext(&there, n_coroutine, 0);
	swapcontext(&here, &there);
}
#endif

/* --- a coroutine by hand: its outermost function has no caller, the return address is 0 */

void n_switch(void **from, void *to);

__asm__(".text\n"
	".globl n_switch\n.type n_switch, @function\n"
	"n_switch:\n.cfi_startproc\n"
	"	push %rbp\n.cfi_adjust_cfa_offset 8\n"
	"	push %rbx\n.cfi_adjust_cfa_offset 8\n"
	"	push %r12\n.cfi_adjust_cfa_offset 8\n"
	"	push %r13\n.cfi_adjust_cfa_offset 8\n"
	"	push %r14\n.cfi_adjust_cfa_offset 8\n"
	"	push %r15\n.cfi_adjust_cfa_offset 8\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n.cfi_adjust_cfa_offset -8\n"
	"	pop %r14\n.cfi_adjust_cfa_offset -8\n"
	"	pop %r13\n.cfi_adjust_cfa_offset -8\n"
	"	pop %r12\n.cfi_adjust_cfa_offset -8\n"
	"	pop %rbx\n.cfi_adjust_cfa_offset -8\n"
	"	pop %rbp\n.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	".cfi_endproc\n.size n_switch, . - n_switch\n");

static void *caller, *green;

KEEP static void n_green(void)
{
	n_sink = n_work(1);
	n_switch(&green, caller);
	abort();
}

static void n_shape_green(void)
{
	static void *room[8192] __attribute__((aligned(16)));
	void **top = &room[8192 - 1]; /* as a call leaves it: 8 below a multiple of 16 */

	top[0] = NULL; /* where n_green would return to */
	top[-1] = (void *)n_green;
	for (int i = 2; i < 8; i++)
		top[-i] = NULL; /* what n_switch takes into registers */
	n_switch(&caller, &top[-7]);
	NOT_LAST;
}

const struct shape shapes_roots[] = {
	{ "vfork", n_shape_vfork, "n_shape_vfork", NULL, "\"vfork\"" },
#ifdef __GLIBC__
	{ "context", n_shape_context, "n_rest n_work n_coroutine/" },
#endif
	{ "green", n_shape_green, "n_rest n_work n_green/" },
	{ NULL },
};
