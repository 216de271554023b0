/* lines.cc: an epoll loop in C++ whose stalls lie in functions that the compiler inlined.
 *
 * lines [--wait] [--count N].  The truth of a stall names the innermost inlined function, its line
 * and the functions around it; function names begin with l_.  Build with -O2 -g.  Knows nothing of
 * stallprof.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "ctruth.h"

#define LENGTH_NS     (130 * NSEC_PER_MSEC)
#define TICK_NS	      (5 * NSEC_PER_MSEC)
#define TICKS_BETWEEN 5
#define ALWAYS	      inline __attribute__((always_inline))

static int rest_line, spin_line, spin_line_to;
static volatile uint64_t l_sink;

namespace shop
{

struct Cart {
	int items;

	ALWAYS void l_rest(const struct timespec *length) const
	{
		rest_line = __LINE__ + 1;
		clock_nanosleep(CLOCK_MONOTONIC, 0, length, NULL);
		l_sink = l_sink + (uint64_t)items;
	}
};

template <typename T> ALWAYS void l_spin(T until)
{
	spin_line = __LINE__;
	while (clock_ns(CLOCK_MONOTONIC) < until)
		for (int i = 0; i < 1000000; i++)
			l_sink = l_sink + (l_sink >> 3 ^ 7);
	spin_line_to = __LINE__;
}

static ALWAYS void l_middle(Cart *cart, bool sleeps, uint64_t until)
{
	struct timespec length = { 0, LENGTH_NS };

	if (sleeps)
		cart->l_rest(&length);
	else
		l_spin(until);
}

} // namespace shop

/* The only one of them that is a function of its own. */
static __attribute__((noinline)) void l_handle(shop::Cart *cart, bool sleeps)
{
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID), start = clock_ns(CLOCK_MONOTONIC), end;

	shop::l_middle(cart, sleeps, start + LENGTH_NS);
	end = clock_ns(CLOCK_MONOTONIC);
	printf("{\"class\": \"%s\", \"syscall\": %s, \"target\": {}, \"func\": %s, "
	       "\"stack\": [\"%s\", \"l_middle\", \"l_handle\"], \"file\": \"lines.cc\", "
	       "\"line\": %d, \"line_to\": %d, \"cpu_ns\": %llu, \"start_ns\": %llu, "
	       "\"dur_ns\": %llu, \"tid\": %ld}\n",
	       sleeps ? "syscall" : "cpu", sleeps ? "\"clock_nanosleep\"" : "null",
	       sleeps ? "[\"shop::Cart::l_rest\"]" : "[\"shop::l_spin<unsigned long>\"]",
	       sleeps ? "l_rest" : "l_spin", sleeps ? rest_line : spin_line,
	       sleeps ? rest_line : spin_line_to,
	       (unsigned long long)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu),
	       (unsigned long long)start, (unsigned long long)(end - start), syscall(SYS_gettid));
}

static void watch(int epoll, int fd)
{
	struct epoll_event ev = {};

	ev.events = EPOLLIN;
	ev.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

/* Stall number `i` at its tick, those that sleep and those that run by turns. */
static void run_loop(int epoll, int timer, long total, bool wait)
{
	shop::Cart cart = { 3 };
	struct epoll_event ev;
	uint64_t expired;
	long tick = 0, next = 0;
	char line[64];

	while (next < total || tick % TICKS_BETWEEN) {
		if (epoll_wait(epoll, &ev, 1, -1) != 1)
			continue;
		if (ev.data.fd == 0) {
			if (read(0, line, sizeof(line)) < 0)
				die("stdin");
			epoll_ctl(epoll, EPOLL_CTL_DEL, 0, NULL);
			wait = false;
		} else if (read(timer, &expired, sizeof(expired)) == sizeof(expired) && !wait &&
			   ++tick % TICKS_BETWEEN == 0 && next < total) {
			l_handle(&cart, next++ % 2 == 0);
		}
	}
}

int main(int argc, char **argv)
{
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	long total = flag_number(argc, argv, "--count", 7);
	bool wait = has_flag(argc, argv, "--wait");

	if (epoll < 0 || timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		die("timerfd");
	watch(epoll, timer);
	if (wait)
		watch(epoll, 0);
	announce();
	run_loop(epoll, timer, total, wait);
	printf("{\"done\": true, \"expected\": %ld, \"pid\": %d}\n", total, getpid());
	return 0;
}
