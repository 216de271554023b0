/* fake_capture.h: a capture that plays the tape, in place of the kernel.
 *
 * Defines the functions of capture/capture.h for the test that includes it.
 */
#ifndef STALLPROF_TESTS_UNIT_CLI_FAKE_CAPTURE_H
#define STALLPROF_TESTS_UNIT_CLI_FAKE_CAPTURE_H

#include <errno.h>
#include <signal.h>

#include "capture/capture.h"
#include "tape.h"

static struct fake {
	int open_status; /* of capture_open */
	int break_at;	 /* capture_run fails at this stall; 0: never */
	int signal_at;	 /* somebody presses Ctrl-C at this stall; 0: never */
	int signals;	 /* how often; 0: once */
	unsigned stalls; /* how many of one kind are played */
	unsigned played;
	unsigned closed;	     /* how often capture_close ran, on a capture */
	unsigned dropped;	     /* and capture_drop_privileges */
	struct capture_opts request; /* as the command asked */
	pid_t pid;		     /* the first one asked for */
	struct chunk_sink *sink;
} fake;

int capture_open(const struct capture_opts *opts, struct chunk_sink *sink, struct capture **ret,
		 struct str *ret_why)
{
	fake.request = *opts;
	fake.pid = opts->n_pids ? opts->pids[0] : 0;
	fake.sink = sink;
	if (fake.open_status < 0) {
		str_add(ret_why, "cannot load into the kernel: run as root (sudo)");
		return fake.open_status;
	}
	tape_head(sink);
	*ret = (struct capture *)&fake;
	return 0;
}

int capture_run(struct capture *c, uint64_t deadline_ns, const volatile sig_atomic_t *stop)
{
	(void)c;
	(void)deadline_ns;
	while (fake.played < fake.stalls) {
		fake.played++;
		if ((int)fake.played == fake.break_at)
			return -EIO;
		if ((int)fake.played == fake.signal_at)
			for (int i = 0; i < (fake.signals ? fake.signals : 1); i++)
				raise(SIGINT);
		if (*stop)
			return 0;
		tape_stall(fake.sink, fake.played);
	}
	return 1;
}

int capture_drop_privileges(void)
{
	fake.dropped++;
	return 0;
}

int capture_finish(struct capture *c)
{
	(void)c;
	tape_end(fake.sink);
	return 0;
}

void capture_close(struct capture *c)
{
	fake.closed += c != NULL;
}

int capture_check(pid_t pid, const char *hooks, capture_check_fn fn, void *ctx)
{
	fn(ctx, "poll", "fentry", false, false, "refused", "boot another kernel");
	fn(ctx, "poll", "tracepoint", true, true, "", "");
	fn(ctx, "off-cpu", "tp_btf", true, hooks == NULL, "", "");
	if (pid == 7)
		fn(ctx, "process", "", false, false, "No such process", "another PID");
	return pid == 7 ? -ENOTSUP : 0;
}

#endif
