/* process.c: see process.h. */
#include "target/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define PROC_MAGIC	   0x9fa0     /* PROC_SUPER_MAGIC of linux/magic.h */
#define FLAG_KERNEL_THREAD 0x00200000 /* PF_KTHREAD of linux/sched.h */
#define READ_MAX	   (1u << 20)
#define MAPS_TEXT_MAX	   (64u << 20)
#define MAPS_TRIES	   4 /* threads that are asked */
#define SMALL_TEXT_MAX	   (1u << 20)
#define CMDLINE_MAX	   4096
#define REFRESH_NS	   100000000ull

/* Reads at most limit bytes of a file below dir; the rest is left out. */
static int read_at(int dir, const char *name, size_t limit, struct str *ret_text)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	cleanup(str_releasep) struct str text = { 0 };
	char buf[16384];

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (text.len < limit) {
		ssize_t n = read(fd, buf, sizeof(buf));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		r = str_add_mem(&text, buf, n);
		if (r < 0)
			return r;
	}
	*ret_text = text;
	text = (struct str){ 0 };
	return 0;
}

static char *link_at(int dir, const char *name)
{
	static const char remark[] = " (deleted)";
	char buf[4096];
	ssize_t n = readlinkat(dir, name, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	if (str_ends(buf, remark))
		buf[strlen(buf) - (sizeof(remark) - 1)] = '\0';
	return strdup(buf);
}

/* As the process itself names it: inside its own root. */
static char *cwd_at(int dir, const char *root)
{
	char *cwd = link_at(dir, "cwd");
	size_t len = root ? strlen(root) : 0;

	if (cwd && len > 1 && strncmp(cwd, root, len) == 0 && cwd[len] == '/')
		memmove(cwd, cwd + len, strlen(cwd + len) + 1);
	return cwd;
}

static char *cmdline_at(int dir)
{
	cleanup(str_releasep) struct str text = { 0 };
	size_t i;

	if (read_at(dir, "cmdline", CMDLINE_MAX, &text) < 0)
		return strdup("");
	while (text.len && text.text[text.len - 1] == '\0')
		text.len--;
	for (i = 0; i < text.len; i++)
		if (text.text[i] == '\0')
			text.text[i] = ' ';
	return strdup(str_text(&text));
}

static void read_comm(struct process *p)
{
	cleanup(str_releasep) struct str text = { 0 };

	p->comm[0] = '\0';
	if (read_at(p->dir, "comm", sizeof(p->comm), &text) < 0)
		return;
	snprintf(p->comm, sizeof(p->comm), "%s", str_text(&text));
	p->comm[strcspn(p->comm, "\n")] = '\0';
}

struct stat_fields {
	char state;
	unsigned int flags;
	long threads;
	unsigned long long start;
};

/* The command name may hold spaces and parentheses: the fields begin after the last ')'. */
static int read_stat(int dir, struct stat_fields *ret)
{
	cleanup(str_releasep) struct str text = { 0 };
	struct stat_fields f = { 0 };
	const char *at;
	int r = read_at(dir, "stat", SMALL_TEXT_MAX, &text);

	if (r < 0)
		return r;
	at = strrchr(str_text(&text), ')');
	if (!at || sscanf(at + 1,
			  " %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld "
			  "%*s %llu",
			  &f.state, &f.flags, &f.threads, &f.start) != 4)
		return -ESRCH;
	*ret = f;
	return 0;
}

/* A zombie leader whose threads still run is a live process. */
static bool stat_is_dead(const struct stat_fields *f)
{
	return f->state == 'X' || (f->state == 'Z' && f->threads <= 1);
}

static int status_number(const char *status, const char *key, bool last, int *ret)
{
	const char *at = strstr(status, key);
	char *end;

	if (!at)
		return -ENOENT;
	at += strlen(key);
	do {
		*ret = (int)strtol(at, &end, 10);
		if (end == at)
			return -ENOENT;
		at = end + strspn(end, " \t");
	} while (last && *at != '\n' && *at);
	return 0;
}

/* Finds the thread group and opens its folder. */
static int open_dir(struct process *p, int pid)
{
	cleanup(str_releasep) struct str status = { 0 };
	char path[4096];
	int dir, r;

	snprintf(path, sizeof(path), "%s/%d", p->proc, pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	p->dir = dir;
	p->pid = p->ns_pid = pid;
	r = read_at(dir, "status", SMALL_TEXT_MAX, &status);
	if (r == -ESRCH)
		return r;
	if (r == 0) {
		int tgid = pid;

		status_number(str_text(&status), "\nTgid:", false, &tgid);
		if (tgid != pid && tgid > 0) {
			p->dir = -1;
			close(dir);
			return open_dir(p, tgid);
		}
		if (status_number(str_text(&status), "\nNStgid:", true, &p->ns_pid) < 0)
			p->ns_pid = pid;
	}
	return 0;
}

static int read_identity(struct process *p)
{
	char *exe = link_at(p->dir, "exe");
	char *cmdline = cmdline_at(p->dir);
	char *root = link_at(p->dir, "root");
	char *cwd = cwd_at(p->dir, root);

	if (!exe || !cmdline || !root || !cwd) {
		free(exe);
		free(cmdline);
		free(root);
		free(cwd);
		return -ENOMEM;
	}
	free(p->exe);
	free(p->cmdline);
	free(p->root);
	free(p->cwd);
	p->exe = exe;
	p->cmdline = cmdline;
	p->root = root;
	p->cwd = cwd;
	read_comm(p);
	return 0;
}

int process_open(const char *proc, int pid, struct process **ret_process)
{
	cleanup(process_closep) struct process *p = calloc(1, sizeof(*p));
	struct stat_fields f;
	struct statfs fs;
	int r;

	if (!p)
		return -ENOMEM;
	p->pidfd = p->dir = -1;
	p->proc = strdup(proc);
	if (!p->proc)
		return -ENOMEM;
	r = pid > 0 ? open_dir(p, pid) : -ESRCH;
	if (r < 0)
		return r;
	p->live_memory = fstatfs(p->dir, &fs) == 0 && fs.f_type == PROC_MAGIC;
	if (p->live_memory)
		p->pidfd = syscall(SYS_pidfd_open, p->pid, 0);
	/* read through the folder after the pidfd was made: both are the same process */
	r = read_stat(p->dir, &f);
	if (r < 0)
		return r;
	if (stat_is_dead(&f))
		return -ESRCH;
	p->start_ticks = f.start;
	p->kernel_thread = f.flags & FLAG_KERNEL_THREAD;
	r = read_identity(p);
	if (r < 0)
		return r;
	r = process_refresh_maps(p);
	if (r == -ENOMEM)
		return r;
	*ret_process = steal(p);
	return 0;
}

struct process *process_close(struct process *p)
{
	if (!p)
		return NULL;
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->dir >= 0)
		close(p->dir);
	maps_release(&p->maps);
	free(p->proc);
	free(p->exe);
	free(p->cmdline);
	free(p->root);
	free(p->cwd);
	free(p);
	return NULL;
}

bool process_alive(const struct process *p)
{
	struct stat_fields f;

	if (p->pidfd >= 0) {
		struct pollfd poll_for = { .fd = p->pidfd, .events = POLLIN };

		/* Interrupted (-1) says nothing about the process. */
		return poll(&poll_for, 1, 0) <= 0;
	}
	return read_stat(p->dir, &f) == 0 && f.start == p->start_ticks && !stat_is_dead(&f);
}

int process_user(const struct process *p, uid_t *ret_uid)
{
	cleanup(str_releasep) struct str status = { 0 };
	int r = read_at(p->dir, "status", SMALL_TEXT_MAX, &status);
	const char *at = r < 0 ? NULL : strstr(str_text(&status), "\nUid:");

	/* real, effective, saved, for files */
	return at && sscanf(at, " Uid: %*u %u", ret_uid) == 1 ? 0 : -ESRCH;
}

static int64_t clock_at(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t process_born(const struct process *p)
{
	int64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);

	return clock_at(CLOCK_REALTIME) - clock_at(CLOCK_BOOTTIME) + (int64_t)p->start_ticks * tick;
}

void process_executed(struct process *p, uint64_t at)
{
	p->executed = clock_at(CLOCK_REALTIME) - clock_at(CLOCK_MONOTONIC) + (int64_t)at;
}

int process_refresh(struct process *p)
{
	int r;

	if (!process_alive(p))
		return -ESRCH;
	r = read_identity(p);
	if (r < 0)
		return r;
	return process_refresh_maps(p);
}

/* A main thread that ended has none any more, while the others go on. */
static int read_maps(const struct process *p, struct str *ret_text)
{
	int r = read_at(p->dir, "maps", MAPS_TEXT_MAX, ret_text);
	_cleanup_free_ int *tids = NULL;
	size_t n = 0;

	if (r < 0 || ret_text->len || process_tids(p, &tids, &n) < 0)
		return r;
	/* the last one is the youngest; one may be ending */
	for (size_t i = n; i > 1 && n - i < MAPS_TRIES && !ret_text->len; i--) {
		char path[64];

		snprintf(path, sizeof(path), "task/%d/maps", tids[i - 1]);
		read_at(p->dir, path, MAPS_TEXT_MAX, ret_text);
	}
	return 0;
}

int process_refresh_maps(struct process *p)
{
	cleanup(str_releasep) struct str text = { 0 };
	int r;

	p->maps_at = now_ns();
	r = read_maps(p, &text);
	if (r < 0)
		return r;
	if (!text.len) /* exiting: its old map still says what the addresses were */
		return -ESRCH;
	return maps_parse(&p->maps, str_text(&text), text.len);
}

const struct mapping *process_map(struct process *p, uint64_t addr)
{
	const struct mapping *m = maps_find(&p->maps, addr);

	if (m || now_ns() - p->maps_at < REFRESH_NS)
		return m;
	if (process_refresh_maps(p) < 0)
		return NULL;
	return maps_find(&p->maps, addr);
}

ssize_t process_read(const struct process *p, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = { .iov_base = buf, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t n;

	if (!p->live_memory)
		return -ENOTSUP;
	if (len > READ_MAX)
		local.iov_len = remote.iov_len = READ_MAX;
	n = process_vm_readv(p->pid, &local, 1, &remote, 1, 0);
	if (n < 0)
		n = -errno;
	/* asked after the read: had the pid been reused before it, the pidfd says so now */
	return process_alive(p) ? n : -ESRCH;
}

int process_read_all(const struct process *p, uint64_t addr, void *buf, size_t len)
{
	ssize_t n = process_read(p, addr, buf, len);

	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EFAULT;
}

int process_read_u64(const struct process *p, uint64_t addr, uint64_t *ret_word)
{
	return process_read_all(p, addr, ret_word, sizeof(*ret_word));
}
