/* churn.c: a process that never stays as it is: libraries come and go, children are made and exec.
 *
 * churn SECONDS LIBRARY LIBRARY...: threads open and close the libraries and call into them, one
 * makes code and throws it away, one forks children that do so, too, and exec this program again
 * (with -1 it only opens a few), and the first is an epoll loop that stalls.  Prints {"ready": PID}
 * and, at the end, how often each happened.  Knows nothing of stallprof.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "ctruth.h"

static char **libraries;
static int n_libraries;
static volatile bool ended;
static uint64_t opened, made, forked, stalled;

static void work(void)
{
	volatile uint64_t sum = 0;

	for (int i = 0; i < 20000; i++)
		sum += sum >> 3 ^ 7;
	sleep_ns(100000);
}

static void open_one(unsigned int turn)
{
	void *library = dlopen(libraries[turn % n_libraries], RTLD_NOW);
	void (*visit)(void (*)(void)) = NULL;

	if (!library)
		die(dlerror());
	*(void **)&visit = dlsym(library, "n_visit");
	if (visit)
		visit(work);
	dlclose(library);
	__atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
}

static void *open_many(void *arg)
{
	unsigned int turn = (unsigned int)(uintptr_t)arg;

	while (!ended)
		open_one(turn++);
	return NULL;
}

static void make_one(void)
{
	static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
	size_t len = 4096 * (1 + made % 7);
	unsigned char *page = mmap(NULL, len, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("mmap");
	memcpy(page + len - 4096, code, sizeof(code));
	((void (*)(void (*)(void)))(page + len - 4096))(work);
	munmap(page, len);
	made++;
}

static void *make_many(void *arg)
{
	(void)arg;
	while (!ended)
		make_one();
	return NULL;
}

/* Every third child is killed in the middle of something. */
static void fork_one(void)
{
	char *again[] = { "churn", "-1", libraries[0], libraries[1], NULL };
	pid_t child = fork();

	if (child == 0) { /* the loader's locks may be held for ever here */
		make_one();
		if (forked % 2)
			execv("/proc/self/exe", again);
		_exit(0);
	}
	if (child < 0)
		die("fork");
	if (forked % 3 == 0) {
		sleep_ns(500000);
		kill(child, SIGKILL);
	}
	waitpid(child, NULL, 0);
	forked++;
}

static void *fork_many(void *arg)
{
	(void)arg;
	while (!ended)
		fork_one();
	return NULL;
}

/* A loop whose callbacks sleep in a library that is gone right afterwards. */
static void run_loop(double seconds)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * NSEC_PER_SEC);
	struct itimerspec every = { { 0, 5000000 }, { 0, 5000000 } };
	struct epoll_event ev = { .events = EPOLLIN };
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t expired;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &ev) < 0 ||
	    timerfd_settime(timer, 0, &every, NULL) < 0)
		die("timer");
	while (clock_ns(CLOCK_MONOTONIC) < until) {
		if (epoll_wait(epoll, &ev, 1, -1) != 1 ||
		    read(timer, &expired, sizeof(expired)) < 0)
			continue;
		for (unsigned int i = 0; i < 23; i++)
			open_one(i);
		stalled++;
	}
}

int main(int argc, char **argv)
{
	void *(*const others[])(void *) = { open_many, open_many, open_many, make_many, fork_many };
	double seconds = argc > 3 ? strtod(argv[1], NULL) : 0;
	pthread_t threads[sizeof(others) / sizeof(others[0])];

	libraries = argv + 2;
	n_libraries = argc - 2;
	for (int i = 0; i < 7 && seconds < 0; i++)
		open_one(i);
	if (seconds <= 0)
		return seconds < 0 ? 0 : 2;
	announce();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (pthread_create(&threads[i], NULL, others[i], (void *)i))
			die("pthread_create");
	run_loop(seconds);
	ended = true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		pthread_join(threads[i], NULL);
	printf("{\"opened\": %llu, \"made\": %llu, \"forked\": %llu, \"stalled\": %llu}\n",
	       (unsigned long long)opened, (unsigned long long)made, (unsigned long long)forked,
	       (unsigned long long)stalled);
	return 0;
}
