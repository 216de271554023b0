/* node_addon.c: a library that waits while it is opened, in functions without frame pointers.
 *
 * Built with -O2 -fomit-frame-pointer, and -z nodelete, for it is no addon; hands on the frame
 * pointer of its caller.
 */
#include <time.h>

#define WHOLE	  __attribute__((noinline, noclone))
#define KEEP_CALL __asm__ volatile("" ::: "memory") /* the call before it is no jump */

static WHOLE void addon_wait(void)
{
	struct timespec ts = { 0, 131 * 1000 * 1000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	KEEP_CALL;
}

static WHOLE void addon_middle(void)
{
	addon_wait();
	KEEP_CALL;
}

static WHOLE __attribute__((constructor)) void addon_open(void)
{
	addon_middle();
	KEEP_CALL;
}
