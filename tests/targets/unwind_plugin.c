/* unwind_plugin.c: a library for unwind_life.c, with names and a shape of its own.
 *
 * -DNAME=x: its functions are x_wait and x_middle; -DROOM=n: bytes of the middle one's frame.  Two
 * with the same ROOM differ in nothing but names; with another one, the rules to walk them do.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define TEXT_(a)    #a
#define TEXT(a)	    TEXT_(a)

#define WAIT	  JOIN(NAME, _wait)
#define MIDDLE	  JOIN(NAME, _middle)
#define KEEP_CALL __asm__ volatile("" ::: "memory")

int plugin_run(uint64_t ns);

extern const char *const plugin_chain[];
const char *const plugin_chain[] = { TEXT(WAIT), TEXT(MIDDLE), "plugin_run", NULL };

static __attribute__((noinline, noclone)) void WAIT(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	KEEP_CALL;
}

static __attribute__((noinline, noclone)) int MIDDLE(uint64_t ns)
{
	volatile char room[ROOM];

	room[ns % ROOM] = 1;
	WAIT(ns);
	KEEP_CALL;
	return room[0];
}

int plugin_run(uint64_t ns)
{
	int r = MIDDLE(ns);

	KEEP_CALL;
	return r + 1;
}
