/* standard.cc: an epoll loop in C++ that waits inside code of the standard library.
 *
 * standard [--wait] [--count N].  Without optimisation that code consists of functions of this
 * program, which are not its author's.  Prints its own truth; knows nothing of stallprof.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "ctruth.h"

#define LENGTH_MS     67
#define TICK_NS	      (5 * NSEC_PER_MSEC)
#define TICKS_BETWEEN 5

namespace shop
{

void rest_long()
{
	struct truth t = {
		"syscall", "\"clock_nanosleep\"", "{\"kind\": \"sleep\"}", "shop::rest_long", 0, 0
	};

	truth_begin(&t);
	std::this_thread::sleep_for(std::chrono::milliseconds(LENGTH_MS));
	truth_end(&t);
}

} // namespace shop

int main(int argc, char **argv)
{
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	long count = flag_number(argc, argv, "--count", 5), ticks = 0, left = count;
	std::function<void()> handler = shop::rest_long;
	struct epoll_event event = {};
	uint64_t expired;
	bool going = !has_flag(argc, argv, "--wait");

	event.events = EPOLLIN;
	event.data.fd = timer;
	epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
	event.data.fd = 0;
	if (!going)
		epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
	timerfd_settime(timer, 0, &every, nullptr);
	announce();
	while (left && epoll_wait(epoll, &event, 1, -1) == 1) {
		if (event.data.fd == 0) {
			going = getchar() != EOF;
			epoll_ctl(epoll, EPOLL_CTL_DEL, 0, nullptr);
			continue;
		}
		if (read(timer, &expired, sizeof(expired)) < 0)
			die("read");
		if (!going || ++ticks % TICKS_BETWEEN)
			continue;
		handler();
		left--;
	}
	printf("{\"done\": true, \"expected\": %ld}\n", count);
	return 0;
}
