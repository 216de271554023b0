/* sample.c: CPU samples of a loop's thread, only while one of its periods grows old.
 *
 * A cpu-clock event of a thread is a timer that the kernel programs anew at every context switch of
 * that thread: measured 0.3 us and more, and 5 to 7 us in a virtual machine, 20 times what
 * everything else of stallprof costs there.  So the event exists only while a period is suspect and
 * for a second after; until then a disabled event of our own keeps the kernel's switch for such
 * events on, whose first use waits for every CPU.
 */
#include "capture/internal.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>

#include "stallprof.skel.h"

#define SAMPLE_LINGER NSEC_PER_SEC

static int clock_open(const struct capture *c, pid_t tid, bool disabled)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = c->sample_period,
		.disabled = disabled,
	};

	return syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

void samples_open(struct capture *c)
{
	c->sample_keeper = strcmp(c->rung[NEED_ONCPU]->name, "clock") == 0 ? clock_open(c, 0, true)
									   : -1;
}

void samples_close(struct capture *c)
{
	if (c->sample_keeper >= 0)
		close(c->sample_keeper);
}

/* The thread may just have ended; any other reason holds for the next one too, and is told once. */
static void sample_failed(struct capture *c, int error)
{
	if (error == ESRCH || c->sample_told)
		return;
	c->sample_told = true;
	emit_missing(c, "stacks of CPU time", strerror(error),
		     error == EMFILE ? "raise the limit of open files (ulimit -n)"
				     : "run as root, or with CAP_PERFMON");
}

static void sample_start(struct capture *c, struct slot *s, uint32_t tid)
{
	int fd = clock_open(c, tid, false);

	if (fd < 0) {
		sample_failed(c, errno);
		return;
	}
	/* The link owns the descriptor from here on. */
	s->sample = bpf_program__attach_perf_event(c->skel->progs.sample_clock, fd);
	if (!s->sample) {
		sample_failed(c, errno);
		close(fd);
	}
}

void sample_stop(struct slot *s)
{
	bpf_link__destroy(s->sample);
	s->sample = NULL;
}

void sample_scan(struct capture *c, uint32_t loop, uint64_t now)
{
	const struct loop_state *l = &c->loops[loop];
	struct slot *s = &c->slots[loop];
	uint64_t start = l->stall.start;
	bool old = start && now > start && now - start >= c->sample_age &&
		   !(l->flags & LOOP_IN_POLL);

	if (old && c->sample_keeper >= 0) {
		s->suspect_until = now + SAMPLE_LINGER;
		if (!s->sample)
			sample_start(c, s, l->stats.head.tid);
	} else if (s->sample && now > s->suspect_until) {
		sample_stop(s);
	}
}
