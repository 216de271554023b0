/* sandbox_open.c: opens a file in a worker, which passes it back; see sandbox.h.
 *
 * The worker does nothing but open: it is not locked in, and is killed at its deadline.
 */
#include "target/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

struct opening {
	sandbox_opener *opener;
	const void *arg;
};

/* Room for one descriptor, aligned as the kernel wants it. */
union passed {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static void pass(int socket, int fd)
{
	union passed passed = { 0 };
	int32_t status = fd < 0 ? fd : 0;
	struct iovec bytes = { &status, sizeof(status) };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };

	if (fd >= 0) {
		passed.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)),
						.cmsg_level = SOL_SOCKET,
						.cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&passed.head), &fd, sizeof(fd));
		message.msg_control = &passed;
		message.msg_controllen = sizeof(passed.room);
	}
	sendmsg(socket, &message, MSG_NOSIGNAL);
}

static int open_and_pass(int in, const void *arg)
{
	const struct opening *o = arg;

	pass(SANDBOX_FILE(0), o->opener(in, o->arg));
	_exit(0);
}

static int receive(int socket)
{
	union passed passed = { 0 };
	int32_t status;
	struct iovec bytes = { &status, sizeof(status) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &passed,
				  .msg_controllen = sizeof(passed.room) };
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(status))
		return -EIO;
	if (status < 0)
		return status;
	if (!CMSG_FIRSTHDR(&message) || passed.head.cmsg_len != CMSG_LEN(sizeof(fd)) ||
	    passed.head.cmsg_type != SCM_RIGHTS)
		return -EIO;
	memcpy(&fd, CMSG_DATA(&passed.head), sizeof(fd));
	return fd;
}

int sandbox_open(int in, sandbox_opener *opener, const void *arg, unsigned int deadline_ms)
{
	struct opening o = { opener, arg };
	struct pollfd ready = { .events = POLLIN };
	_cleanup_close_ int ours = -1, theirs = -1, out = -1;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -EAGAIN;
	ours = ready.fd = pair[0];
	theirs = pair[1];
	r = sandbox_spawn_opener(in, theirs, open_and_pass, &o, &pid, &out);
	if (r < 0)
		return r;
	closep(&theirs);
	theirs = -1;
	do
		r = poll(&ready, 1, (int)deadline_ms);
	while (r < 0 && errno == EINTR);
	r = r > 0 ? receive(ours) : r < 0 ? -EIO : -ETIMEDOUT;
	sandbox_end(pid);
	return r;
}
