/* test_sandbox.c: what a worker may do, and that nothing it does reaches its parent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/sandbox.h"

/* Reads its input, and gives back what its argument says, many times. */
static int copy_job(int fd, const void *arg, struct str *result)
{
	char first;
	int i, r = 0;

	if (pread(fd, &first, 1, 0) != 1)
		return -EIO;
	r = str_add_char(result, first);
	for (i = 0; r == 0 && i < 50000; i++)
		r = str_add(result, arg);
	return r;
}

static int error_job(int fd, const void *arg, struct str *result)
{
	(void)fd;
	(void)arg;
	str_add(result, "not to be seen");
	return -ENOEXEC;
}

static int crash_job(int fd, const void *arg, struct str *result)
{
	(void)fd;
	(void)arg;
	(void)result;
	syscall(SYS_exit_group, 3);
	return 0;
}

static int hang_job(int fd, const void *arg, struct str *result)
{
	(void)fd;
	(void)arg;
	(void)result;
	for (;;)
		asm volatile("");
	return 0;
}

static int open_job(int fd, const void *arg, struct str *result)
{
	(void)fd;
	(void)result;
	return syscall(SYS_openat, AT_FDCWD, arg, O_RDONLY) < 0 ? -errno : 0;
}

static int socket_job(int fd, const void *arg, struct str *result)
{
	(void)fd;
	(void)arg;
	(void)result;
	return (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

/* Would have any process signalled when its descriptor is ready. */
static int signal_job(int fd, const void *arg, struct str *result)
{
	(void)arg;
	(void)result;
	return fcntl(fd, F_SETOWN, 1) < 0 ? -errno : 0;
}

/* The call that newer libraries spell fstat by: of a path, also of one that says it is none. */
static int stat_job(int fd, const void *arg, struct str *result)
{
	struct stat st;

	if (syscall(SYS_newfstatat, AT_FDCWD, arg, &st, 0) == 0 ||
	    syscall(SYS_newfstatat, fd, arg, &st, AT_EMPTY_PATH) == 0)
		return 0;
	return sandbox_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? str_add(result, "own") : -EIO;
}

/* Maps its file with that protection, or for all to see. */
static int map_job(int fd, const void *arg, struct str *result)
{
	const int *how = arg;
	const char *p = mmap(NULL, 4096, how[0], how[1], fd, 0);

	return p == MAP_FAILED ? -errno : str_add_mem(result, p, 4);
}

/* Only its own descriptor is open: those of the parent must not be there. */
static int leak_job(int fd, const void *arg, struct str *result)
{
	int i, seen = 0;

	(void)arg;
	for (i = 5; i < 64; i++)
		seen += fcntl(i, F_GETFD) >= 0;
	return fd != 3 || seen ? -EMFILE : str_add(result, "clean");
}

static int run(sandbox_job *job, const void *arg, unsigned int deadline, struct str *result)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), r;

	assert_true(fd >= 0);
	r = sandbox_run(fd, job, arg, deadline, result);
	close(fd);
	/* whatever happened, no worker is left behind */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return r;
}

/* A result larger than a pipe holds arrives whole. */
static void test_result(void **state)
{
	struct str result = { 0 };

	(void)state;
	assert_int_equal(run(copy_job, "0123456", 5000, &result), 0);
	assert_int_equal(result.len, 350001);
	assert_int_equal(result.text[0], 0x7f);
	assert_string_equal(result.text + 350001 - 7, "0123456");
	str_release(&result);
}

/* The job's own error is handed out, its half-made result is not. */
static void test_error(void **state)
{
	struct str result = { 0 };

	(void)state;
	assert_int_equal(run(error_job, NULL, 5000, &result), -ENOEXEC);
	assert_int_equal(result.len, 0);
}

/* A worker that dies or spins costs an error, within the deadline. */
static void test_death(void **state)
{
	struct str result = { 0 };

	(void)state;
	assert_int_equal(run(crash_job, NULL, 5000, &result), -EIO);
	assert_int_equal(run(hang_job, NULL, 70, &result), -ETIMEDOUT);
	assert_int_equal(result.len, 0);
}

/* Opening a file fails, a socket ends the worker, as does having others signalled; the parent's
 * descriptors are out of its reach. */
static void test_walls(void **state)
{
	struct str result = { 0 };

	(void)state;
	assert_int_equal(run(open_job, "/etc/passwd", 5000, &result), -EACCES);
	assert_int_equal(run(socket_job, NULL, 5000, &result), -EIO);
	assert_int_equal(run(signal_job, NULL, 5000, &result), -EIO);
	assert_int_equal(run(leak_job, NULL, 5000, &result), 0);
	assert_string_equal(str_text(&result), "clean");
	str_release(&result);
}

/* It learns nothing of other files, and maps its own for reading only. */
static void test_files_own(void **state)
{
	static const int reading[] = { PROT_READ | PROT_WRITE, MAP_PRIVATE };
	static const int shared[] = { PROT_READ, MAP_SHARED };
	static const int code[] = { PROT_READ | PROT_EXEC, MAP_PRIVATE };
	static const int anywhere[] = { PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS };
	struct str result = { 0 };

	(void)state;
	assert_int_equal(run(stat_job, "/etc/passwd", 5000, &result), 0);
	assert_string_equal(str_text(&result), "own");
	str_clear(&result);
	assert_int_equal(run(map_job, reading, 5000, &result), 0);
	assert_memory_equal(result.text, "\177ELF", 4);
	str_clear(&result);
	assert_int_equal(run(map_job, shared, 5000, &result), -EIO);
	assert_int_equal(run(map_job, code, 5000, &result), -EIO);
	assert_int_equal(run(map_job, anywhere, 5000, &result), -EIO);
	assert_int_equal(result.len, 0);
	str_release(&result);
}

/* Opens a file beside the folder that it got, where nothing else of the parent's is open. */
static int open_beside(int in, const void *arg)
{
	int i, seen = 0, fd;

	for (i = 5; i < 64; i++)
		seen += fcntl(i, F_GETFD) >= 0;
	fd = openat(in, arg, O_RDONLY | O_CLOEXEC);
	return seen ? -EMFILE : fd < 0 ? -errno : fd;
}

static int open_hangs(int in, const void *arg)
{
	(void)in;
	(void)arg;
	pause();
	return -EINTR;
}

static int run_opened(sandbox_opener *opener, sandbox_job *job, const void *arg, struct str *result)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	assert_true(dir >= 0);
	r = sandbox_run_opened(dir, opener, job, arg, opener == open_hangs ? 70 : 5000, result);
	close(dir);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return r;
}

/* The worker can open its file itself; an open that fails or never returns costs no more than a job
 * that does. */
static void test_opener(void **state)
{
	struct str result = { 0 };

	(void)state;
	assert_int_equal(run_opened(open_beside, copy_job, "exe", &result), 0);
	assert_int_equal(result.text[0], 0x7f);
	str_clear(&result);
	assert_int_equal(run_opened(open_beside, leak_job, "exe", &result), 0);
	assert_string_equal(str_text(&result), "clean");
	str_clear(&result);
	assert_int_equal(run_opened(open_beside, copy_job, "no such", &result), -ENOENT);
	assert_int_equal(run_opened(open_hangs, copy_job, "exe", &result), -ETIMEDOUT);
	assert_int_equal(run_opened(open_beside, open_job, "exe", &result), -EACCES);
	assert_int_equal(result.len, 0);
	str_release(&result);
}

static void tell_files(int in, int out, const void *arg)
{
	char text[64] = { 0 };

	(void)in;
	(void)arg;
	if (pread(SANDBOX_FILE(0), text, 8, 0) != 8 || pread(SANDBOX_FILE(1), text + 8, 8, 0) != 8)
		return;
	text[16] = fcntl(SANDBOX_FILE(2), F_GETFD) < 0 && errno == EBADF ? 'c' : 'o';
	for (int i = 0; i < 3; i++) {
		struct stat st;

		if (sandbox_fstat(i, &st) < 0 || st.st_rdev != makedev(1, 3))
			text[16] = 't';
	}
	if (write(out, text, 17) != 17)
		return;
}

/* A worker with more files has them in their places, in their order, and nothing beside but
 * /dev/null. */
static void test_files(void **state)
{
	int null = open("/dev/null", O_RDONLY), fds[SANDBOX_FILES_MAX + 1], out, i;
	char name[] = "/tmp/sandbox-XXXXXX", text[32] = "";
	pid_t pid;

	(void)state;
	for (i = 0; i < 3; i++) {
		strcpy(name + strlen(name) - 6, "XXXXXX");
		fds[i] = mkostemp(name, O_CLOEXEC);
		assert_true(fds[i] >= 0);
		unlink(name);
		assert_int_equal(write(fds[i], i ? "second--" : "first---", 8), 8);
	}
	for (; i <= SANDBOX_FILES_MAX; i++)
		fds[i] = fds[0];
	assert_int_equal(sandbox_spawn_with(null, fds, SANDBOX_FILES_MAX + 1, tell_files, NULL,
					    &pid, &out),
			 -EINVAL);
	assert_int_equal(sandbox_spawn_with(null, fds, 2, tell_files, NULL, &pid, &out), 0);
	assert_int_equal(read(out, text, sizeof(text)), 17);
	assert_string_equal(text, "first---second--c");
	sandbox_end(pid);
	close(out);
	close(null);
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

static void note(int number)
{
	(void)number;
}

static void echo_bytes(int in, int out, const void *arg)
{
	char byte;

	(void)arg;
	while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1)
		;
}

/* The key that ends us goes to the whole group.  Workers go on, whatever we do with the signal. */
static void test_signals(void **state)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	char byte = 0;
	int pair[2], out;
	pid_t pid;

	(void)state;
	for (int handled = 0; handled < 2; handled++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		for (size_t i = 0; i < 3; i++)
			signal(numbers[i], handled ? note : SIG_DFL);
		assert_int_equal(sandbox_spawn(pair[1], echo_bytes, NULL, &pid, &out), 0);
		close(pair[1]);
		assert_int_equal(send(pair[0], "a", 1, MSG_NOSIGNAL), 1);
		assert_int_equal(read(out, &byte, 1), 1);
		for (size_t i = 0; i < 3; i++)
			kill(pid, numbers[i]);
		assert_int_equal(send(pair[0], "b", 1, MSG_NOSIGNAL), 1);
		assert_int_equal(read(out, &byte, 1), 1);
		assert_int_equal(byte, 'b');
		close(pair[0]);
		close(out);
		sandbox_end(pid);
		for (size_t i = 0; i < 3; i++)
			signal(numbers[i], SIG_DFL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result),	cmocka_unit_test(test_error),
		cmocka_unit_test(test_death),	cmocka_unit_test(test_walls),
		cmocka_unit_test(test_opener),	cmocka_unit_test(test_files),
		cmocka_unit_test(test_signals), cmocka_unit_test(test_files_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
