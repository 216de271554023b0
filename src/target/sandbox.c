/* sandbox.c: see sandbox.h. */
#include "target/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target/sandbox_lock.h"

#define REAP_MS	  1000
#define INPUT_FD  3
#define OUTPUT_FD 4

void sandbox_write(int out, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = write(out, at, len);

		if (n <= 0)
			_exit(1);
		at += n;
		len -= (size_t)n;
	}
}

/* What a worker does, and the file it does it to. */
struct work {
	int in;
	const int *files; /* besides */
	size_t n_files;
	sandbox_opener *opener; /* NULL: `in` is the file itself */
	sandbox_body *body;
	const void *arg;
};

static void close_from(size_t first)
{
	if (syscall(SYS_close_range, (unsigned int)first, ~0u, 0) < 0)
		_exit(1);
}

/* Puts the descriptors on their places and closes all others.  The standard ones lead nowhere: a
 * terminal obeys what is written to it. */
static void place_files(int *fds, size_t n)
{
	int null;
	size_t i;

	/* by way of high numbers: each may already sit on another's place */
	for (i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD, INPUT_FD + 2 + SANDBOX_FILES_MAX);
		if (fds[i] < 0)
			_exit(1);
	}
	for (i = 0; i < n; i++)
		if (dup2(fds[i], INPUT_FD + (int)i) < 0)
			_exit(1);
	null = open("/dev/null", O_RDWR);
	for (i = 0; i < INPUT_FD; i++)
		if (null < 0 || dup2(null, (int)i) < 0)
			close((int)i);
	close_from(INPUT_FD + n);
}

/* What came as a mere handle. */
static void open_handle(int fd)
{
	int flags = fcntl(fd, F_GETFL), opened;
	char self[64];

	if (flags < 0 || !(flags & O_PATH))
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	opened = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (opened >= 0) /* else it stays a handle, and reading it fails */
		dup2(opened, fd);
}

/* Puts the file in its place; what the opener said where there is none.  It may hang for ever:
 * nothing else is open by then that would live as long. */
static int open_input(const struct work *w)
{
	int fd = w->opener ? w->opener(INPUT_FD, w->arg) : INPUT_FD;

	if (fd >= 0 && fd != INPUT_FD && dup2(fd, INPUT_FD) < 0)
		_exit(1);
	open_handle(INPUT_FD);
	for (size_t i = 0; i < w->n_files; i++)
		open_handle(SANDBOX_FILE((int)i));
	close_from(OUTPUT_FD + 1 + w->n_files);
	return fd < 0 ? fd : INPUT_FD;
}

static void __attribute__((noreturn)) worker(pid_t parent, int pipe, const struct work *w)
{
	int in, fds[2 + SANDBOX_FILES_MAX] = { w->in, pipe };
	sigset_t all;

	/* The key that ends us goes to the whole group, and names are still needed then; a handler
	 * of ours could not even return. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (w->n_files)
		memcpy(fds + 2, w->files, w->n_files * sizeof(*w->files));
	place_files(fds, 2 + w->n_files);
	in = open_input(w);
	if (sandbox_lock() < 0)
		_exit(1);
	w->body(in, OUTPUT_FD, w->arg);
	_exit(0);
}

static int spawn(const struct work *w, pid_t *ret_pid, int *ret_out)
{
	pid_t parent = getpid(), pid;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		worker(parent, pipes[1], w);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return -EAGAIN;
	}
	*ret_pid = pid;
	*ret_out = pipes[0];
	return 0;
}

int sandbox_spawn(int in, sandbox_body *body, const void *arg, pid_t *ret_pid, int *ret_out)
{
	struct work w = { .in = in, .body = body, .arg = arg };

	return spawn(&w, ret_pid, ret_out);
}

int sandbox_spawn_with(int in, const int *files, size_t n_files, sandbox_body *body,
		       const void *arg, pid_t *ret_pid, int *ret_out)
{
	struct work w = { .in = in, .files = files, .n_files = n_files, .body = body, .arg = arg };

	return n_files > SANDBOX_FILES_MAX ? -EINVAL : spawn(&w, ret_pid, ret_out);
}

int sandbox_spawn_opener(int in, int file, sandbox_opener *opener, const void *arg, pid_t *ret_pid,
			 int *ret_out)
{
	struct work w = { .in = in, .files = &file, .n_files = 1, .opener = opener, .arg = arg };

	return spawn(&w, ret_pid, ret_out);
}

struct one_job {
	sandbox_opener *opener;
	sandbox_job *job;
	const void *arg;
};

static int open_for_job(int in, const void *arg)
{
	const struct one_job *one = arg;

	return one->opener(in, one->arg);
}

/* The answer on the pipe is an int32 return value, then the result. */
static void do_job(int in, int out, const void *arg)
{
	const struct one_job *one = arg;
	struct str result = { 0 };
	int32_t r = in < 0 ? in : one->job(in, one->arg, &result);

	sandbox_write(out, &r, sizeof(r));
	if (r == 0)
		sandbox_write(out, result.text, result.len);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Killed, a process still waits for a file system whose server has the request and does not answer.
 * Then it stays what it is, and so do we. */
void sandbox_end(pid_t pid)
{
	int64_t until = now_ms() + REAP_MS, left;
	struct pollfd ended = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	kill(pid, SIGKILL); /* no harm when it has ended: it is ours until reaped */
	while (waitpid(pid, NULL, WNOHANG) == 0 && (left = until - now_ms()) > 0)
		poll(&ended, 1, (int)left);
	closep(&ended.fd);
}

static int drain(int fd, int64_t until, struct str *result)
{
	for (;;) {
		struct pollfd poll_for = { .fd = fd, .events = POLLIN };
		int64_t left = until - now_ms();
		char buf[65536];
		ssize_t n;
		int r;

		if (left <= 0)
			return -ETIMEDOUT;
		r = poll(&poll_for, 1, (int)left);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n == 0)
			return 0;
		if (n < 0)
			return -errno;
		if (result->len + (size_t)n > SANDBOX_RESULT_MAX)
			return -EIO;
		r = str_add_mem(result, buf, (size_t)n);
		if (r < 0)
			return r;
	}
}

static int begin(int in, const struct one_job *one, unsigned int deadline_ms,
		 struct sandbox_task *ret_task)
{
	struct work w = {
		.in = in, .opener = one->opener ? open_for_job : NULL, .body = do_job, .arg = one
	};

	ret_task->until_ms = now_ms() + deadline_ms;
	return spawn(&w, &ret_task->pid, &ret_task->out);
}

int sandbox_fstat(int fd, struct stat *ret_stat)
{
	return (int)syscall(SYS_fstat, fd, ret_stat);
}

int sandbox_begin(int fd, sandbox_job *job, const void *arg, unsigned int deadline_ms,
		  struct sandbox_task *ret_task)
{
	struct one_job one = { .job = job, .arg = arg };

	return begin(fd, &one, deadline_ms, ret_task);
}

int sandbox_begin_with(int in, const int *files, size_t n_files, sandbox_body *body,
		       const void *arg, unsigned int deadline_ms, struct sandbox_task *ret_task)
{
	ret_task->until_ms = now_ms() + deadline_ms;
	return sandbox_spawn_with(in, files, n_files, body, arg, &ret_task->pid, &ret_task->out);
}

int sandbox_collect(struct sandbox_task *t, struct str *ret_answer)
{
	int r = drain(t->out, t->until_ms, ret_answer);

	close(t->out);
	sandbox_end(t->pid);
	return r;
}

int sandbox_finish(struct sandbox_task *t, struct str *ret_result)
{
	cleanup(str_releasep) struct str answer = { 0 };
	int r = sandbox_collect(t, &answer);
	int32_t status;

	if (r < 0)
		return r;
	if (answer.len < sizeof(status))
		return -EIO;
	memcpy(&status, answer.text, sizeof(status));
	if (status < 0)
		return status;
	return str_add_mem(ret_result, answer.text + sizeof(status), answer.len - sizeof(status));
}

static int run(int in, const struct one_job *one, unsigned int deadline_ms, struct str *ret_result)
{
	struct sandbox_task task;
	int r = begin(in, one, deadline_ms, &task);

	return r < 0 ? r : sandbox_finish(&task, ret_result);
}

int sandbox_run(int fd, sandbox_job *job, const void *arg, unsigned int deadline_ms,
		struct str *ret_result)
{
	struct one_job one = { .job = job, .arg = arg };

	return run(fd, &one, deadline_ms, ret_result);
}

int sandbox_run_opened(int in, sandbox_opener *opener, sandbox_job *job, const void *arg,
		       unsigned int deadline_ms, struct str *ret_result)
{
	struct one_job one = { opener, job, arg };

	return run(in, &one, deadline_ms, ret_result);
}
