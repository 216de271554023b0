/* cloops.c: the same stalls on the loops of other libraries: libuv, libevent, GLib.
 *
 * cloops [--wait] [--count N] LOOP: a timer of the loop ticks, and every fifth tick blocks.  The
 * libraries are opened by name and used without their headers, of which no machine needs to have
 * any.  Prints its own truth; knows nothing of stallprof.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>

#include "ctruth.h"

#define LENGTH_NS (67 * NSEC_PER_MSEC)
#define TICK_MS	  10
#define EVERY	  5

static void *library;
static long left, ticks;

static void *need(const char *name)
{
	void *found = dlsym(library, name);

	if (!found)
		die(name);
	return found;
}

static __attribute__((noinline)) void wait_long(void)
{
	struct truth t = {
		"syscall", "\"clock_nanosleep\"", "{\"kind\": \"sleep\"}", __func__, 0, 0
	};
	struct timespec length = { 0, LENGTH_NS };

	truth_begin(&t);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
	truth_end(&t);
}

/* One tick of any loop; false when there are to be no more. */
static bool tick(void)
{
	if (++ticks % EVERY == 0) {
		wait_long();
		left--;
	}
	return left > 0;
}

/* --- libuv */

#define UV_TIMER 13

static void (*uv_stop_timer)(void *);

static void on_uv_timer(void *timer)
{
	if (!tick())
		uv_stop_timer(timer);
}

static void run_libuv(void)
{
	void *(*default_loop)(void) = need("uv_default_loop");
	size_t (*handle_size)(int) = need("uv_handle_size");
	int (*init)(void *, void *) = need("uv_timer_init");
	int (*start)(void *, void (*)(void *), uint64_t, uint64_t) = need("uv_timer_start");
	int (*run)(void *, int) = need("uv_run");
	void *timer = calloc(1, handle_size(UV_TIMER)), *loop = default_loop();

	uv_stop_timer = need("uv_timer_stop");
	init(loop, timer);
	start(timer, on_uv_timer, TICK_MS, TICK_MS);
	run(loop, 0);
	free(timer);
}

/* --- libevent */

#define EV_TIMEOUT 1

static int (*event_once)(void *, int, short, void (*)(int, short, void *), void *,
			 const struct timeval *);

static void on_event(int fd, short what, void *base)
{
	struct timeval soon = { 0, TICK_MS * 1000 };

	(void)fd;
	(void)what;
	if (tick())
		event_once(base, -1, EV_TIMEOUT, on_event, base, &soon);
}

static void run_libevent(void)
{
	void *(*make)(void) = need("event_base_new");
	int (*run)(void *, int) = need("event_base_loop");
	void *base = make();

	event_once = need("event_base_once");
	on_event(-1, 0, base);
	run(base, 0);
}

/* --- GLib */

static void (*glib_quit)(void *);

static int on_glib_timeout(void *loop)
{
	bool more = tick();

	if (!more)
		glib_quit(loop);
	return more;
}

static void run_glib(void)
{
	void *(*make)(void *, int) = need("g_main_loop_new");
	unsigned int (*add)(unsigned int, int (*)(void *), void *) = need("g_timeout_add");
	void (*run)(void *) = need("g_main_loop_run");
	void *loop = make(NULL, 0);

	glib_quit = need("g_main_loop_quit");
	add(TICK_MS, on_glib_timeout, loop);
	run(loop);
}

static const struct {
	const char *name, *file;
	void (*run)(void);
} loops[] = {
	{ "libuv", "libuv.so.1", run_libuv },
	{ "libevent", "libevent-2.1.so.7", run_libevent },
	{ "glib", "libglib-2.0.so.0", run_glib },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		if (has_flag(argc, argv, loops[i].name))
			break;
	if (i == sizeof(loops) / sizeof(loops[0]))
		return 2;
	library = dlopen(loops[i].file, RTLD_NOW);
	if (!library)
		return 77;
	left = flag_number(argc, argv, "--count", 5);
	announce();
	if (has_flag(argc, argv, "--wait") && getchar() == EOF)
		return 1;
	loops[i].run();
	printf("{\"done\": true, \"expected\": %ld}\n", ticks / EVERY);
	return 0;
}
