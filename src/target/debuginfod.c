/* debuginfod.c: see debuginfod.h. */
#include "target/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LIBRARY	      "libdebuginfod.so.1"
#define BUILD_ID_ROOM 129
#define NOBODY	      65534
#define DEADLINE_MS   600000 /* the library's own limits come first */
#define SOCKET_FD     3
#define CACHE_FOLDERS 16 /* open at once while they are removed */

struct debuginfod {
	pid_t pid; /* 0: not running */
	int socket;
	unsigned int errors;
	int last_error;
};

struct request {
	char build_id[BUILD_ID_ROOM];
};

uid_t debuginfod_user(void)
{
	const char *sudo = getenv("SUDO_UID");
	unsigned long uid = sudo ? strtoul(sudo, NULL, 10) : 0;

	if (geteuid() != 0)
		return geteuid();
	return uid && uid < NOBODY ? (uid_t)uid : NOBODY;
}

/* --- the process that asks */

static char cache[64]; /* a folder for the time being; "": none */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static int become(uid_t uid)
{
	struct passwd entry, *user = NULL;
	char texts[4096];
	gid_t gid;

	if (getpwuid_r(uid, &entry, texts, sizeof(texts), &user) != 0)
		user = NULL;
	gid = user ? user->pw_gid : NOBODY;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	/* what root's home is told by must not lead there */
	unsetenv("XDG_CACHE_HOME");
	unsetenv("DEBUGINFOD_CACHE_PATH");
	if (uid == NOBODY) {
		snprintf(cache, sizeof(cache), "/tmp/stallprof-debuginfod-%d-XXXXXX", getppid());
		if (!mkdtemp(cache))
			cache[0] = '\0';
		return *cache && setenv("DEBUGINFOD_CACHE_PATH", cache, 1) == 0 ? 0 : -EACCES;
	}
	return setenv("HOME", user ? user->pw_dir : "/nonexistent", 1) < 0 ? -errno : 0;
}

static int prepare(pid_t parent)
{
	int r = geteuid() == 0 ? become(debuginfod_user()) : 0;

	if (r < 0)
		return r;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* after a change of user, which takes it back; who has files to remove ends by itself */
	if (*cache) {
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
	} else if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) {
		return -ESRCH;
	}
	setenv("DEBUGINFOD_TIMEOUT", "10", 0); /* seconds until the first 100 KB */
	setenv("DEBUGINFOD_MAXTIME", "120", 0);
	setenv("DEBUGINFOD_MAXSIZE", "2147483648", 0);
	setenv("DEBUGINFOD_RETRY_LIMIT", "1", 0);
	return 0;
}

/* As elfutils/debuginfod.h declares them, which a build does not need this way. */
struct client {
	void *handle;
	void *(*begin)(void);
	int (*find)(void *handle, const unsigned char *build_id, int len, char **ret_path);
};

static int load(struct client *c)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);

	if (!library)
		return -ELIBACC;
	c->begin = dlsym(library, "debuginfod_begin");
	c->find = dlsym(library, "debuginfod_find_debuginfo");
	if (!c->begin || !c->find)
		return -ELIBACC;
	c->handle = c->begin();
	return c->handle ? 0 : -ENOMEM;
}

static int find(const struct client *c, const struct request *request)
{
	_cleanup_free_ char *path = NULL;
	int r = c->find(c->handle, (const unsigned char *)request->build_id, 0, &path);

	return r == -ETIME ? -ETIMEDOUT : r;
}

/* The status, and with it the file if there is one. */
static bool reply(int to, int status)
{
	int32_t word = status < 0 ? status : 0;
	struct iovec bytes = { &word, sizeof(word) };
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1 };

	if (status >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						       .cmsg_level = SOL_SOCKET,
						       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &status, sizeof(status));
	}
	return sendmsg(to, &m, MSG_NOSIGNAL) == sizeof(word);
}

/* Until the other side hangs up. */
static void __attribute__((noreturn)) ask_servers(int socket, pid_t parent)
{
	struct client client = { 0 };
	struct request request;
	int r;

	if (dup2(socket, SOCKET_FD) < 0 || syscall(SYS_close_range, SOCKET_FD + 1, ~0u, 0) < 0)
		_exit(1);
	r = prepare(parent);
	if (r == 0)
		r = load(&client);
	while (recv(SOCKET_FD, &request, sizeof(request), MSG_WAITALL) == sizeof(request)) {
		int fd;

		request.build_id[BUILD_ID_ROOM - 1] = '\0';
		fd = r < 0 ? r : find(&client, &request);
		if (!reply(SOCKET_FD, fd))
			break;
		closep(&fd);
	}
	if (*cache)
		nftw(cache, remove_one, CACHE_FOLDERS, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

/* --- the process that wants to know */

int debuginfod_new(struct debuginfod **ret_debuginfod)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct debuginfod *d;

	if (!urls || !urls[strspn(urls, " ")])
		return -ENODATA;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->socket = -1;
	*ret_debuginfod = d;
	return 0;
}

static int start(struct debuginfod *d)
{
	pid_t parent = getpid();
	int pair[2];

	if (d->pid)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	d->pid = fork();
	if (d->pid == 0)
		ask_servers(pair[1], parent);
	close(pair[1]);
	if (d->pid < 0) {
		d->pid = 0;
		close(pair[0]);
		return -EAGAIN;
	}
	d->socket = pair[0];
	return 0;
}

/* Hung up on, it tidies up and ends. */
static void stop(struct debuginfod *d, bool at_once)
{
	if (!d->pid)
		return;
	close(d->socket);
	if (at_once)
		kill(d->pid, SIGKILL);
	while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
		;
	d->pid = 0;
}

struct debuginfod *debuginfod_free(struct debuginfod *d)
{
	if (d)
		stop(d, false);
	free(d);
	return NULL;
}

static int receive(int from)
{
	int32_t status;
	struct iovec bytes = { &status, sizeof(status) };
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = { .msg_iov = &bytes,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	const struct cmsghdr *head;
	int fd;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) != sizeof(status))
		return -EIO;
	head = CMSG_FIRSTHDR(&m);
	if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
		return status < 0 ? status : -EIO;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

static int ask(struct debuginfod *d, const struct request *request)
{
	struct pollfd answer = { .events = POLLIN };
	int r = start(d);

	if (r < 0)
		return r;
	answer.fd = d->socket;
	if (send(d->socket, request, sizeof(*request), MSG_NOSIGNAL) != sizeof(*request))
		r = -EIO;
	else if (poll(&answer, 1, DEADLINE_MS) > 0)
		return receive(d->socket);
	else
		r = -ETIMEDOUT;
	stop(d, true);
	return r;
}

int debuginfod_fetch(struct debuginfod *d, const char *build_id)
{
	struct request request = { 0 };
	int r;

	if (strlen(build_id) >= sizeof(request.build_id))
		return -ENOENT;
	if (d->errors >= DEBUGINFOD_ERRORS_MAX)
		return d->last_error;
	memcpy(request.build_id, build_id, strlen(build_id));
	r = ask(d, &request);
	if (r < 0 && r != -ENOENT) {
		d->errors++;
		d->last_error = r;
	}
	return r;
}
