/* unwind_life.c: an epoll loop without frame pointers whose code comes and goes.
 *
 * unwind_life [--wait] STEP...: each step is a callback of its own iteration:
 *	stall		waits in a function of the program
 *	long		the same for longer: on a busy machine the program is read late
 *	open:PATH	opens a library
 *	also:PATH	opens one that is not called
 *	make		maps memory for code made at run time
 *	call		waits in the library, right after what came before
 *	close		closes it
 *	swap:PATH	closes it and opens another, which must come to the same address
 *	exec:PROGRAM	becomes another program, with the steps that follow
 *	fork		the child takes the steps that follow; the parent waits for it
 *	tick		nothing
 *	until:PATH	goes on when the file is there
 * Libraries are unwind_plugin.c.  Prints for each wait the functions that it stood in, innermost
 * first.  Built with -O2 -fomit-frame-pointer -fno-ipa-sra; knows nothing of stallprof.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "ctruth.h"

#define LENGTH_NS     (170 * NSEC_PER_MSEC)
#define LONG_NS	      (900 * NSEC_PER_MSEC)
#define TICK_NS	      (5 * NSEC_PER_MSEC)
#define TICKS_BETWEEN 5
#define TICKS_AT_END  200 /* names are found while the process lives */

#define WHOLE	  __attribute__((noinline, noclone)) /* under its own name, that is */
#define KEEP_CALL __asm__ volatile("" ::: "memory")  /* the call before it is no jump */

struct plugin {
	void *handle;
	uintptr_t base;
	int (*run)(uint64_t ns);
	const char *const *chain; /* functions of it, innermost first */
};

static struct plugin plugin;
static long waits;

static void tell(const char *const *chain, uint64_t start, uint64_t end, const char *caller)
{
	printf("{\"class\": \"syscall\", \"tid\": %ld, \"start_ns\": %llu, \"dur_ns\": %llu, "
	       "\"chain\": [",
	       syscall(SYS_gettid), (unsigned long long)start, (unsigned long long)(end - start));
	for (; *chain; chain++)
		printf("\"%s\", ", *chain);
	printf("\"%s\", \"take_step\", \"run_steps\", \"main\"]}\n", caller);
	waits++;
}

/* --- waits; noinline, because the names are the truth */

static WHOLE void own_wait(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	KEEP_CALL;
}

static WHOLE int own_middle(uint64_t ns)
{
	volatile char room[200];

	room[ns % 7] = 1;
	own_wait(ns);
	KEEP_CALL;
	return room[0];
}

static WHOLE void stall_here(uint64_t ns)
{
	static const char *const chain[] = { "own_wait", "own_middle", NULL };
	uint64_t start = clock_ns(CLOCK_MONOTONIC);

	own_middle(ns);
	KEEP_CALL;
	tell(chain, start, clock_ns(CLOCK_MONOTONIC), __func__);
}

static WHOLE void call_plugin(void)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC);

	plugin.run(LENGTH_NS);
	KEEP_CALL;
	tell(plugin.chain, start, clock_ns(CLOCK_MONOTONIC), __func__);
}

/* --- libraries */

static void plugin_open(const char *path)
{
	struct link_map *map;

	plugin.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin.handle || dlinfo(plugin.handle, RTLD_DI_LINKMAP, &map) < 0) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	plugin.base = map->l_addr;
	plugin.run = (int (*)(uint64_t))dlsym(plugin.handle, "plugin_run");
	plugin.chain = (const char *const *)dlsym(plugin.handle, "plugin_chain");
	if (!plugin.run || !plugin.chain)
		die("dlsym");
}

static void plugin_swap(const char *path)
{
	uintptr_t before = plugin.base;

	dlclose(plugin.handle);
	plugin_open(path);
	printf("{\"swapped\": true, \"same_address\": %s}\n",
	       plugin.base == before ? "true" : "false");
}

/* --- steps */

static void make_room(void)
{
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED)
		die("mmap");
}

static void become(char **argv)
{
	execv(argv[0], argv);
	die(argv[0]);
}

static void child_or_wait(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		waits = 0;
		return;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	exit(0);
}

static WHOLE void take_step(char **step)
{
	const char *arg = strchr(*step, ':');

	if (strcmp(*step, "stall") == 0) {
		stall_here(LENGTH_NS);
	} else if (strcmp(*step, "long") == 0) {
		stall_here(LONG_NS);
	} else if (strcmp(*step, "call") == 0) {
		call_plugin();
	} else if (strncmp(*step, "open:", 5) == 0) {
		plugin_open(arg + 1);
	} else if (strcmp(*step, "make") == 0) {
		make_room();
	} else if (strncmp(*step, "also:", 5) == 0) {
		if (!dlopen(arg + 1, RTLD_NOW | RTLD_LOCAL))
			die(arg);
	} else if (strncmp(*step, "swap:", 5) == 0) {
		plugin_swap(arg + 1);
	} else if (strcmp(*step, "close") == 0) {
		dlclose(plugin.handle);
	} else if (strncmp(*step, "exec:", 5) == 0) {
		*step = (char *)arg + 1;
		become(step);
	}
	KEEP_CALL;
}

/* --- the loop */

static int loop_open(void)
{
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = timer };

	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &ev) < 0)
		die("timerfd");
	return epoll;
}

/* One healthy iteration; true: standard input has something. */
static bool tick(int epoll)
{
	struct epoll_event ev;
	uint64_t expired;

	if (epoll_wait(epoll, &ev, 1, -1) != 1)
		return false;
	return ev.data.fd == 0 || read(ev.data.fd, &expired, sizeof(expired)) < 0;
}

static void wait_for_go(int epoll)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = 0 };
	char line[64];

	epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &ev);
	while (!tick(epoll))
		;
	if (read(0, line, sizeof(line)) < 0)
		die("stdin");
	epoll_ctl(epoll, EPOLL_CTL_DEL, 0, NULL);
}

/* `call` follows what was before it at once, in the same iteration; so does `also`. */
static bool waits_for_tick(const char *step)
{
	return strcmp(step, "call") != 0 && strncmp(step, "also:", 5) != 0;
}

static WHOLE void run_steps(char **steps, int epoll)
{
	for (; *steps; steps++) {
		for (int i = 0; waits_for_tick(*steps) && i < TICKS_BETWEEN; i++)
			tick(epoll);
		while (strncmp(*steps, "until:", 6) == 0 && access(*steps + 6, F_OK) < 0)
			tick(epoll);
		if (strcmp(*steps, "fork") == 0) {
			child_or_wait();
			epoll = loop_open();
			continue;
		}
		take_step(steps);
	}
	for (int i = 0; i < TICKS_AT_END; i++)
		tick(epoll);
	KEEP_CALL;
}

/* With a frame pointer: one that is handed on by all that do without leads here. */
__attribute__((optimize("no-omit-frame-pointer"))) int main(int argc, char **argv)
{
	bool wait = argc > 1 && strcmp(argv[1], "--wait") == 0;
	int epoll = loop_open();

	announce();
	if (wait)
		wait_for_go(epoll);
	run_steps(argv + 1 + wait, epoll);
	printf("{\"done\": true, \"expected\": %ld, \"pid\": %d}\n", waits, getpid());
	return 0;
}
