/* native_loop.c: an epoll loop whose callbacks stall below stacks of known shapes.
 *
 * native [--wait] [--count N] [--only SHAPE] [--skip SHAPE] [--library FILE]...: each shape N
 * times, with healthy ticks between.  --thread: in a thread of its own; --busy: it computes where
 * it would sleep;
 * --together: instead each shape in a thread of its own, all at once, asleep for ever.  Built in
 * many ways, most of them without frame pointers.  Prints its own truth; knows nothing of
 * stallprof.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "ctruth.h"
#include "native.h"

#define REST_NS	      (83 * NSEC_PER_MSEC)
#define BURN_NS	      (151 * NSEC_PER_MSEC)
#define TICK_NS	      (5 * NSEC_PER_MSEC)
#define TICKS_BETWEEN 3

struct loop {
	int epoll, timer;
	long count;
	bool wait, thread, together;
	const char *only, *skip;
	long done;
};

volatile int n_sink;
const char *n_libraries[2];
static uint64_t burn_start;
static uint64_t rest_ns = REST_NS;
static bool busy;

/* --- how shapes spend their time */

#ifdef N_OWN_CALLS
/* Where libc has no tables, its functions cannot be walked through. */
#define REST(length) \
	__asm__ volatile("syscall" \
			 : \
			 : "a"((long)SYS_nanosleep), "D"(length), "S"(NULL) \
			 : "rcx", "r11", "memory")
#else
#define REST(length) nanosleep(length, NULL)
#endif

KEEP void n_rest(void)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC);
	struct timespec length = { (time_t)(rest_ns / NSEC_PER_SEC),
				   (long)(rest_ns % NSEC_PER_SEC) };

	if (!busy)
		REST(&length);
	while (busy && clock_ns(CLOCK_MONOTONIC) < start + rest_ns)
		n_sink++;
}

BY_ASM int n_work(int n)
{
	n_rest();
	NOT_LAST;
	return n + n_sink;
}

KEEP bool n_burning(void)
{
	static int asked;

	if (++asked % 256)
		return true;
	if (clock_ns(CLOCK_MONOTONIC) < burn_start + BURN_NS)
		return true;
	asked = 0;
	return false;
}

/* --- truths */

/* "a b*3 ?c ~" as JSON: ["a", "b", "b", "b", "?c", "~"]. */
static void print_frames(const char *text)
{
	const char *comma = "";

	while (*text) {
		size_t len = strcspn(text, " *");
		long times = text[len] == '*' ? strtol(text + len + 1, NULL, 10) : 1;

		for (; times > 0; times--, comma = ", ")
			printf("%s\"%.*s\"", comma, (int)len, text);
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
}

static void print_truth(const struct loop *l, const struct shape *s, const struct truth *t)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC);
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - t->cpu;
	size_t len = strlen(s->stack);
	bool own_root = s->stack[len - 1] == '/';
	char frames[512];

	snprintf(frames, sizeof(frames), "%.*s %s", (int)(own_root ? len - 1 : len), s->stack,
		 own_root    ? ""
		 : l->thread ? "n_run n_loop n_thread"
			     : "n_run n_loop main");
	printf("{\"class\": \"%s\", \"kind\": \"%s\", \"syscall\": %s, \"target\": {}, \"stack\": "
	       "[",
	       t->klass, s->name, t->syscall);
	print_frames(frames);
	printf("], \"func\": \"%.*s\", \"cpu_ns\": %llu, \"start_ns\": %llu, \"dur_ns\": %llu, "
	       "\"tid\": %ld}\n",
	       (int)strcspn(s->stack, " *"), s->stack, (unsigned long long)cpu,
	       (unsigned long long)t->start, (unsigned long long)(end - t->start),
	       syscall(SYS_gettid));
}

KEEP static void n_run(struct loop *l, const struct shape *s)
{
	struct truth t = { s->klass ? s->klass : "syscall", "null", "{}", "", 0, 0 };

	if (s->syscall)
		t.syscall = s->syscall;
	else if (busy)
		t.klass = "cpu";
	else if (!s->klass)
		t.syscall = "[\"clock_nanosleep\", \"nanosleep\"]";
	truth_begin(&t);
	burn_start = t.start;
	s->run();
	print_truth(l, s, &t);
	l->done++;
}

/* --- the loop */

static const struct shape *shape_next(const struct loop *l)
{
	/* Code made at run time comes late: from then on what is in no mapping is taken for it. */
	static const struct shape *const lists[] = { shapes_roots, shapes_signals, shapes_frames,
						     shapes_library, shapes_cxx };
	static size_t list;
	static long row, round;

	for (; round < l->count; round++, list = 0) {
		for (; list < sizeof(lists) / sizeof(lists[0]); list++, row = 0) {
			while (lists[list] && lists[list][row].name) {
				const struct shape *s = &lists[list][row++];

				if ((!l->only || strcmp(s->name, l->only) == 0) &&
				    (!l->skip || strcmp(s->name, l->skip) != 0) &&
				    (!s->possible || s->possible()))
					return s;
			}
		}
	}
	return NULL;
}

static void watch(const struct loop *l, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

/* Whether the timer is due, and not the line on stdin, which begins the shapes. */
static bool tick(struct loop *l)
{
	struct epoll_event ev;
	uint64_t expired;
	char line[64];

	if (epoll_wait(l->epoll, &ev, 1, -1) != 1)
		return false;
	if (ev.data.fd == l->timer)
		return read(l->timer, &expired, sizeof(expired)) > 0;
	if (read(0, line, sizeof(line)) < 0)
		die("stdin");
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, 0, NULL);
	l->wait = false;
	return false;
}

KEEP static void n_loop(struct loop *l)
{
	const struct shape *next = shape_next(l);
	long ticks = 0;

	while (next || ticks % TICKS_BETWEEN) {
		if (!tick(l) || l->wait || ++ticks % TICKS_BETWEEN)
			continue;
		n_run(l, next);
		next = shape_next(l);
	}
}

KEEP static void *n_thread(void *arg)
{
	n_loop(arg);
	NOT_LAST;
	return NULL;
}

/* --- all at once */

static void *n_alone(void *shape)
{
	((const struct shape *)shape)->run();
	NOT_LAST;
	return NULL;
}

/* One after the other, because some set what belongs to the process before they rest. */
static void rest_together(struct loop *l)
{
	pthread_t thread;

	rest_ns = 100000 * NSEC_PER_SEC;
	for (const struct shape *s = shape_next(l); s; s = shape_next(l)) {
		if (s->klass)
			continue;
		if (pthread_create(&thread, NULL, n_alone, (void *)s))
			die("pthread_create");
		sleep_ns(23 * NSEC_PER_MSEC);
	}
	announce();
	for (;;)
		pause();
}

static void loop_open(struct loop *l, int argc, char **argv)
{
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	int libraries = 0;

	l->count = flag_number(argc, argv, "--count", 1);
	l->wait = has_flag(argc, argv, "--wait");
	l->thread = has_flag(argc, argv, "--thread");
	l->together = has_flag(argc, argv, "--together");
	busy = has_flag(argc, argv, "--busy");
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--only") == 0)
			l->only = argv[i + 1];
		if (strcmp(argv[i], "--skip") == 0)
			l->skip = argv[i + 1];
		if (strcmp(argv[i], "--library") == 0 && libraries < 2)
			n_libraries[libraries++] = argv[i + 1];
	}
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	if (l->epoll < 0 || l->timer < 0 || timerfd_settime(l->timer, 0, &every, NULL) < 0)
		die("timerfd");
	watch(l, l->timer);
	if (l->wait)
		watch(l, 0);
}

int main(int argc, char **argv)
{
	static struct loop l;
	pthread_t thread;

	loop_open(&l, argc, argv);
	if (l.together)
		rest_together(&l);
	announce();
	if (!l.thread)
		n_loop(&l);
	else if (pthread_create(&thread, NULL, n_thread, &l) || pthread_join(thread, NULL))
		die("pthread");
	printf("{\"done\": true, \"expected\": %ld, \"pid\": %d}\n", l.done, getpid());
	return 0;
}
