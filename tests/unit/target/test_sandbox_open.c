/* test_sandbox_open.c: files on a file system whose server does not answer any more cost a
 * deadline, and never the process that asks for them.
 *
 * The server is a FUSE one of our own, in a mount namespace of our own; without the right to that
 * only stand-ins hang.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/debug_file.h"
#include "target/elf.h"
#include "target/mapped_file.h"
#include "target/sandbox.h"

#define GIVE_UP_S 60

static char folder[] = "/tmp/hanging-XXXXXX";
static pid_t server, target;

static void answer(int fd, uint64_t unique, int error, const void *bytes, size_t len)
{
	struct fuse_out_header head = { sizeof(head) + len, error, unique };
	struct iovec parts[] = { { &head, sizeof(head) }, { (void *)bytes, len } };

	if (writev(fd, parts, 2) < 0 && errno == ENODEV)
		_exit(0);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){ .ino = node,
				   .size = 8192,
				   .nlink = 1,
				   .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0755 };
}

/* Answers up to the first file that is opened, then nothing any more. */
static void __attribute__((noreturn)) serve(int fd)
{
	static char request[1 << 17];
	const struct fuse_in_header *in = (void *)request;

	while (read(fd, request, sizeof(request)) > 0) {
		struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 4096 };
		struct fuse_entry_out entry = { .nodeid = 2, .attr = attributes(2) };
		struct fuse_attr_out attr = { .attr = attributes(in->nodeid) };
		struct fuse_open_out opened = { 0 };

		if (in->opcode == FUSE_INIT)
			answer(fd, in->unique, 0, &init, sizeof(init));
		else if (in->opcode == FUSE_LOOKUP)
			answer(fd, in->unique, 0, &entry, sizeof(entry));
		else if (in->opcode == FUSE_GETATTR)
			answer(fd, in->unique, 0, &attr, sizeof(attr));
		else if (in->opcode != FUSE_OPEN)
			answer(fd, in->unique, -ENOSYS, NULL, 0);
		else {
			answer(fd, in->unique, 0, &opened, sizeof(opened));
			break;
		}
	}
	while (read(fd, request, sizeof(request)) > 0)
		;
	_exit(0);
}

/* Whether the file is served. */
static bool mount_it(void)
{
	int fd = open("/dev/fuse", O_RDWR);
	char options[64];
	bool mounted;

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	mounted = fd >= 0 && mkdtemp(folder) && unshare(CLONE_NEWNS) == 0 &&
		  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		  mount("none", folder, "fuse", 0, options) == 0;
	if (mounted) {
		server = fork();
		if (server == 0)
			serve(fd);
	}
	if (fd >= 0)
		close(fd);
	return mounted;
}

/* A process that executes the file, as far as anybody can see. */
static bool start_target(void)
{
	char path[64], byte;
	int pipes[2], fd;

	if (pipe(pipes) < 0)
		return false;
	target = fork();
	if (target == 0) {
		snprintf(path, sizeof(path), "%s/file", folder);
		fd = open(path, O_RDONLY);
		if (fd >= 0 &&
		    mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED &&
		    write(pipes[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(pipes[1]);
	fd = read(pipes[0], &byte, 1) == 1;
	close(pipes[0]);
	return fd;
}

static int read_job(int fd, const void *arg, struct str *result)
{
	char byte;

	(void)arg;
	return pread(fd, &byte, 1, 0) == 1 ? str_add_char(result, byte) : -EIO;
}

static const struct mapping *served(const struct process *p)
{
	for (size_t i = 0; i < p->maps.list.count; i++)
		if (strstr(p->maps.list.items[i].path, folder + strlen("/tmp/")))
			return &p->maps.list.items[i];
	return NULL;
}

static int open_exe(int in, const void *arg)
{
	int fd = openat(in, arg, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int never(int in, const void *arg)
{
	(void)in;
	(void)arg;
	pause();
	return -EINTR;
}

static int die(int in, const void *arg)
{
	(void)in;
	(void)arg;
	_exit(1);
}

/* The file comes back and can be handed to a worker; an error comes back; one that hangs or dies
 * costs no more. */
static void test_open(void **state)
{
	int dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	struct str result = { 0 };
	char byte;

	(void)state;
	fd = sandbox_open(dir, open_exe, "exe", 5000);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(sandbox_run(fd, read_job, NULL, 5000, &result), 0);
	assert_int_equal(result.text[0], 0x7f);
	close(fd);
	assert_int_equal(sandbox_open(dir, open_exe, "none", 5000), -ENOENT);
	assert_int_equal(sandbox_open(dir, never, NULL, 50), -ETIMEDOUT);
	assert_int_equal(sandbox_open(dir, die, NULL, 5000), -EIO);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(dir);
	str_release(&result);
}

/* To open the mapping, tell which file it is and close it asks nobody; a worker that reads it, or
 * looks for another file beside it, has its deadline. */
static void test_hanging(void **state)
{
	struct file_identity identity = { 0 };
	struct str result = { 0 };
	struct process *p;
	int fd, root;

	(void)state;
	if (geteuid() != 0 || !mount_it() || !start_target())
		skip();
	alarm(GIVE_UP_S); /* what hangs here would hang for ever */
	assert_int_equal(process_open("/proc", target, &p), 0);
	assert_non_null(served(p));
	fd = mapped_file_open(p, served(p), &identity);
	assert_true(fd >= 0);
	assert_int_equal(identity.ino, 2);
	assert_int_equal(sandbox_run(fd, read_job, NULL, 100, &result), -ETIMEDOUT);
	close(fd);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = debug_file_open(root, "/etc/passwd");
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(debug_file_open(root, served(p)->path), -ETIMEDOUT);
	close(root);
	process_close(p);
}

/* Without its server all that waited for it ends. */
static int teardown(void **state)
{
	(void)state;
	if (server)
		kill(server, SIGKILL);
	if (target)
		kill(target, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	umount2(folder, MNT_DETACH);
	rmdir(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_open),
					    cmocka_unit_test(test_hanging) };

	return cmocka_run_group_tests(tests, NULL, teardown);
}
