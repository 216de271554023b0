/* sandbox_service.c: see sandbox_service.h.
 *
 * Question and answer are blocks of one fixed size, so that neither side ever has half of one to
 * make sense of.  The question goes by a socket: writing to a worker that died must be an error,
 * not a signal.
 */
#include "target/sandbox_service.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "target/sandbox.h"

struct message {
	int32_t status;
	char text[SERVICE_TEXT_ROOM];
};

struct sandbox_service {
	sandbox_answer *answer;
	pid_t pid; /* 0: not running */
	int to, from;
	unsigned int deaths;
};

static bool read_message(int fd, struct message *m)
{
	size_t have = 0;

	while (have < sizeof(*m)) {
		ssize_t n = read(fd, (char *)m + have, sizeof(*m) - have);

		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

/* Runs in the worker until the other side hangs up.  Smaller than PIPE_BUF: written whole. */
static void serve(int in, int out, const void *arg)
{
	const struct sandbox_service *s = arg;
	struct message m;

	while (read_message(in, &m)) {
		struct message reply = { 0 };

		m.text[sizeof(m.text) - 1] = '\0';
		reply.status = s->answer(m.text, reply.text, sizeof(reply.text));
		if (write(out, &reply, sizeof(reply)) != (ssize_t)sizeof(reply))
			return;
	}
}

int sandbox_service_new(sandbox_answer *answer, struct sandbox_service **ret_service)
{
	struct sandbox_service *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->answer = answer;
	*ret_service = s;
	return 0;
}

static void stop(struct sandbox_service *s)
{
	if (!s->pid)
		return;
	close(s->to);
	close(s->from);
	sandbox_end(s->pid);
	s->pid = 0;
}

struct sandbox_service *sandbox_service_free(struct sandbox_service *s)
{
	if (s)
		stop(s);
	free(s);
	return NULL;
}

static int start(struct sandbox_service *s)
{
	int pair[2], r;

	if (s->pid)
		return 0;
	if (s->deaths >= SERVICE_DEATHS_MAX)
		return -EAGAIN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = sandbox_spawn(pair[1], serve, s, &s->pid, &s->from);
	close(pair[1]);
	if (r < 0) {
		s->pid = 0;
		close(pair[0]);
		return r;
	}
	s->to = pair[0];
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int await(int fd, struct message *reply)
{
	int64_t until = now_ms() + SERVICE_DEADLINE_MS;
	size_t have = 0;

	while (have < sizeof(*reply)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until - now_ms();
		ssize_t n;
		int r;

		if (left <= 0)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)left);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0)
			continue;
		n = read(fd, (char *)reply + have, sizeof(*reply) - have);
		if (n <= 0)
			return -EIO;
		have += (size_t)n;
	}
	return 0;
}

int sandbox_service_ask(struct sandbox_service *s, const char *question,
			char ret_answer[SERVICE_TEXT_ROOM])
{
	struct message m = { 0 }, reply;
	size_t len = strlen(question);
	int r;

	if (len >= sizeof(m.text))
		return -E2BIG;
	r = start(s);
	if (r < 0)
		return r;
	memcpy(m.text, question, len);
	if (send(s->to, &m, sizeof(m), MSG_NOSIGNAL) != (ssize_t)sizeof(m))
		r = -EIO;
	else
		r = await(s->from, &reply);
	if (r < 0) {
		stop(s);
		s->deaths++;
		return r;
	}
	if (reply.status < 0)
		return reply.status;
	reply.text[sizeof(reply.text) - 1] = '\0';
	memcpy(ret_answer, reply.text, sizeof(reply.text));
	return 0;
}
