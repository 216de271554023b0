/* jitted.c: an epoll loop in C whose stalls are in code made at run time.
 *
 * jitted [--wait] [--count N] [--linger S] [--map] [--exec]: N sleeps, called by two functions that
 * were written into memory of their own, with frame pointers.  Says where they are; --map: also in
 * /tmp/perf-PID.map, as jit_outer and jit_inner, after other names that the same addresses had
 * before.  --exec: after these the same again in another image of the program, at the same
 * addresses, but without a word to the map.  Prints its own truth; knows nothing of stallprof.
 * Build with -O1 -fno-omit-frame-pointer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include "ctruth.h"

#define LENGTH_NS     (110 * NSEC_PER_MSEC)
#define TICK_NS	      (5 * NSEC_PER_MSEC)
#define TICKS_BETWEEN 5 /* healthy iterations from one stall to the next */
#define CODE_SIZE     18
#define SPACING	      64
#define PLACE	      0x7a9000000000 /* where hardly anything else lies */

static __attribute__((noinline)) long enter_kernel(long nr, long a, long b, long c, long d)
{
	long r = syscall(nr, a, b, c, d, 0L, 0L);

	__asm__ volatile("" ::: "memory"); /* else the call above would be a jump */
	return r;
}

static __attribute__((noinline)) void sleep_long(void)
{
	struct truth t = {
		"syscall", "\"clock_nanosleep\"", "{\"kind\": \"sleep\"}", __func__, 0, 0
	};
	struct timespec length = { 0, LENGTH_NS };

	truth_begin(&t);
	enter_kernel(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&length, 0);
	truth_end(&t);
}

/* push %rbp; mov %rsp,%rbp; movabs $callee,%rax; call *%rax; pop %rbp; ret */
static void emit(uint8_t *at, const void *callee)
{
	static const uint8_t head[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8 };
	static const uint8_t tail[] = { 0xff, 0xd0, 0x5d, 0xc3 };

	memcpy(at, head, sizeof(head));
	memcpy(at + sizeof(head), &callee, sizeof(callee));
	memcpy(at + sizeof(head) + sizeof(callee), tail, sizeof(tail));
}

static uint8_t *make_code(void)
{
	uint8_t *code = mmap((void *)PLACE, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (code == MAP_FAILED)
		die("mmap");
	emit(code, code + SPACING);
	emit(code + SPACING, (const void *)sleep_long);
	if (mprotect(code, 4096, PROT_READ | PROT_EXEC) < 0)
		die("mprotect");
	return code;
}

static void write_map(const uint8_t *code)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	if (!f)
		die(path);
	fprintf(f, "%lx %x jit_older\n", (unsigned long)code, 2 * SPACING);
	fprintf(f, "%lx %x jit_outer\n", (unsigned long)code, CODE_SIZE);
	fprintf(f, "%lx %x jit_inner\n", (unsigned long)(code + SPACING), CODE_SIZE);
	fclose(f);
}

static void watch(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

/* Until a line comes the loop is healthy; then every few ticks a stall; then it is healthy again
 * for so many ticks. */
static void run_loop(int epoll, int timer, bool wait, long total, long linger, void (*stall)(void))
{
	struct epoll_event ev;
	uint64_t expired;
	char line[64];
	long tick = 0, done = 0;

	while (done < total || linger > 0) {
		if (epoll_wait(epoll, &ev, 1, -1) != 1)
			continue;
		if (ev.data.fd == 0) {
			wait = read(0, line, sizeof(line)) < 0;
			epoll_ctl(epoll, EPOLL_CTL_DEL, 0, NULL);
			continue;
		}
		if (read(timer, &expired, sizeof(expired)) < 0 || wait)
			continue;
		if (done == total) {
			linger--;
		} else if (++tick % TICKS_BETWEEN == 0) {
			stall();
			done++;
		}
	}
}

static void execute_again(const char *program, long total)
{
	char count[24];

	snprintf(count, sizeof(count), "%ld", total);
	execl(program, program, "--again", "--count", count, (char *)NULL);
	die(program);
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	long total = flag_number(argc, argv, "--count", 7);
	long linger = flag_number(argc, argv, "--linger", 0) * (long)(NSEC_PER_SEC / TICK_NS);
	bool wait = has_flag(argc, argv, "--wait"), again = has_flag(argc, argv, "--again");
	uint8_t *code = make_code();

	if (epoll < 0 || timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		die("timerfd");
	watch(epoll, timer);
	if (wait)
		watch(epoll, 0);
	if (has_flag(argc, argv, "--map"))
		write_map(code);
	announce();
	printf("{\"outer\": %lu, \"inner\": %lu, \"size\": %d}\n", (unsigned long)code,
	       (unsigned long)(code + SPACING), CODE_SIZE);
	run_loop(epoll, timer, wait, total, linger, (void (*)(void))code);
	if (has_flag(argc, argv, "--exec"))
		execute_again(argv[0], total);
	printf("{\"done\": true, \"expected\": %ld, \"pid\": %d}\n", again ? 2 * total : total,
	       getpid());
	return 0;
}
