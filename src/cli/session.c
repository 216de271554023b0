/* session.c: see session.h. */
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK 1000000000ULL /* ns */

static volatile sig_atomic_t stop;

static const int ending[] = { SIGINT, SIGTERM, SIGHUP };

#define N_ENDING (sizeof(ending) / sizeof(ending[0]))

static void on_signal(int number)
{
	/* The first asks for the report; whoever asks twice does not want to wait for it. */
	if (stop) {
		signal(number, SIG_DFL);
		raise(number);
	}
	stop = number;
}

/* Without SA_RESTART: the wait for events is to end. */
static void catch_signals(struct sigaction *ret_before)
{
	struct sigaction action = { .sa_handler = on_signal };

	stop = 0;
	for (size_t i = 0; i < N_ENDING; i++) {
		sigaction(ending[i], NULL, &ret_before[i]);
		/* nohup ignores SIGHUP, and means it; a shell ignores SIGINT for whatever it starts
		 * in the background, and `kill -INT` must end that all the same. */
		if (ending[i] != SIGHUP || ret_before[i].sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
	}
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int drain(const struct session *s, struct capture *c)
{
	uint64_t at = now(), end = UINT64_MAX;
	int r = 0;

	if (s->duration_ns && __builtin_add_overflow(at, s->duration_ns, &end))
		end = UINT64_MAX;
	while (r == 0 && !stop && at < end) {
		s->tick(s->ctx, at);
		r = capture_run(c, end - at > TICK ? at + TICK : end, &stop);
		if (r == -EINTR)
			r = 0;
		at = now();
	}
	if (r == 0 && !stop)
		capture_over(c);
	return r;
}

static int drop(struct str *why)
{
	int r = capture_drop_privileges();

	if (r < 0)
		str_printf(why, "cannot give up privileges: %s: run as root (sudo)", strerror(-r));
	return r;
}

int session_run(struct session *s, bool *ret_began, struct str *ret_why)
{
	struct sigaction before[N_ENDING];
	struct capture *c = NULL;
	int r, finished;

	*ret_began = false;
	catch_signals(before);
	r = capture_open(s->request, s->sink, &c, ret_why);
	s->capture = c;
	if (r == 0)
		r = drop(ret_why);
	if (r == 0) {
		*ret_began = true;
		r = drain(s, c);
		finished = capture_finish(c);
		r = r < 0 ? r : finished;
		if (r < 0)
			str_printf(ret_why, "the capture broke off: %s: what came before is kept",
				   strerror(-r));
	} else if (!ret_why->len) {
		str_printf(ret_why, "the capture could not start: %s: see stallprof check",
			   strerror(-r));
	}
	/* A second Ctrl-C still ends a report that takes long; nothing else catches signals. */
	for (size_t i = 0; i < N_ENDING; i++)
		sigaction(ending[i], &before[i], NULL);
	return r < 0 ? r : 0;
}

/* Where polls are seen by tracepoints the kernel waits for every CPU at each that is given up, some
 * twenty times in a row, and whoever closed the last descriptor waits with it.  That is a process
 * of its own, which has them all open until we have ended; killed, it leaves nothing either. */
static void leave_behind(void)
{
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(pipes[1]);
		for (int i = 0; i <= STDERR_FILENO; i++)
			close(i); /* somebody may wait for their end */
		_exit(read(pipes[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(pipes[0]);
	if (pid < 0)
		close(pipes[1]);
}

void session_end(struct session *s)
{
	if (s->capture)
		leave_behind();
	capture_close(s->capture);
	s->capture = NULL;
}
