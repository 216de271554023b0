/* native_signals.c: shapes of stacks below a signal handler.
 *
 * See native.h.  The handler stalls; the frames that the signal interrupted must be there, up to
 * the root, whichever stack the handler runs on and whichever instruction was interrupted.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "native.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

KEEP static void n_on_signal(int number)
{
	n_sink = number;
	n_rest();
	NOT_LAST;
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = flags;
	sigaction(number, &action, NULL);
}

KEEP static int n_raise(int number)
{
	raise(number);
	NOT_LAST;
	return number + n_sink;
}

static void n_shape_signal(void)
{
	handle(SIGUSR1, n_on_signal, 0);
	n_sink = n_raise(SIGUSR1);
	NOT_LAST;
}

/* --- the handler on a stack of its own, far away */

static void n_shape_altstack(void)
{
	static char room[65536];
	stack_t other = { .ss_sp = room, .ss_size = sizeof(room) },
		none = { .ss_flags = SS_DISABLE };

	sigaltstack(&other, NULL);
	handle(SIGUSR1, n_on_signal, SA_ONSTACK);
	n_sink = n_raise(SIGUSR1);
	sigaltstack(&none, NULL);
}

/* --- a handler interrupted by another one */

KEEP static void n_on_outer(int number)
{
	n_sink = n_raise(number == SIGUSR1 ? SIGUSR2 : SIGUSR1);
	NOT_LAST;
}

static void n_shape_nested(void)
{
	handle(SIGUSR1, n_on_outer, 0);
	handle(SIGUSR2, n_on_signal, 0);
	n_sink = n_raise(SIGUSR1);
	NOT_LAST;
}

/* --- at any instruction of a loop, whose variables may lie below the stack pointer */

static volatile bool interrupted;

KEEP static void n_on_interrupt(int number)
{
	n_sink = number;
	n_rest();
	interrupted = true;
}

KEEP static int n_spin(int n)
{
	volatile int x = n;

	while (!interrupted)
		x += x >> 3 ^ 7;
	return x;
}

/* By the kernel's own timer: another thread would send it late on a busy machine. */
static void n_shape_interrupt(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	struct itimerspec once = { .it_value.tv_nsec = 11000000 };
	int timer;

	event.sigev_notify_thread_id = syscall(SYS_gettid);
	interrupted = false;
	handle(SIGUSR1, n_on_interrupt, 0);
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) ||
	    syscall(SYS_timer_settime, timer, 0, &once, NULL))
		abort();
	n_sink = n_spin(3);
	syscall(SYS_timer_delete, timer);
}

/* --- at the first instruction of a function, right behind another one */

void n_trap(void);

__asm__(".text\n"
	".globl n_before_trap\n.type n_before_trap, @function\n"
	"n_before_trap:\n.cfi_startproc\n"
	"	sub $72, %rsp\n.cfi_adjust_cfa_offset 72\n"
	"	ret\n" /* never runs */
	".cfi_endproc\n.size n_before_trap, . - n_before_trap\n"
	".globl n_trap\n.type n_trap, @function\n"
	"n_trap:\n.cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	".cfi_endproc\n.size n_trap, . - n_trap\n");

KEEP static void n_on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)info;
	n_sink = number;
	n_rest();
	c->uc_mcontext.gregs[REG_RIP] += 2;
}

static void n_shape_trap(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = n_on_trap;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGILL, &action, NULL);
	n_trap();
	NOT_LAST;
}

const struct shape shapes_signals[] = {
	{ "signal", n_shape_signal, "n_rest n_on_signal ~ n_raise n_shape_signal" },
	{ "altstack", n_shape_altstack, "n_rest n_on_signal ~ n_raise n_shape_altstack" },
	{ "nested", n_shape_nested,
	  "n_rest n_on_signal ~ n_raise n_on_outer ~ n_raise n_shape_nested" },
	{ "interrupt", n_shape_interrupt, "n_rest n_on_interrupt ~ n_spin n_shape_interrupt" },
	{ "trap", n_shape_trap, "n_rest n_on_trap ~ n_trap n_shape_trap" },
	{ NULL },
};
