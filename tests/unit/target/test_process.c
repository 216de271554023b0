/* test_process.c: identity, life and memory of a process; a recorded tree in place of /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/process.h"

static void put(const char *root, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A recorded tree: 31 is a thread of 23, whose name holds parentheses. */
static void make_tree(char *root, const char *flags, const char *state)
{
	char path[256], stat[512];

	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/23", root);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/31", root);
	mkdir(path, 0700);
	snprintf(stat, sizeof(stat),
		 "23 (a) b (c) %s 1 23 23 0 -1 %s 0 0 0 0 0 0 0 0 20 0 1 0 7919 1 1\n", state,
		 flags);
	put(root, "23/stat", stat);
	put(root, "23/comm", "a) b (c\n");
	put(root, "23/status", "Name:\ta\nTgid:\t23\nNStgid:\t23\t5\t2\n");
	put(root, "31/status", "Name:\ta\nTgid:\t23\nNStgid:\t23\t5\t2\n");
	put(root, "23/maps", "1000-2000 r-xp 00000000 00:00 0 /x\n");
}

static void remove_tree(const char *root)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

/* A thread's id opens its process; every fact comes from the tree and not from this machine. */
static void test_tree(void **state)
{
	char root[] = "/tmp/proc-XXXXXX";
	struct process *p;
	uint64_t word;

	(void)state;
	make_tree(root, "4194304", "S");
	assert_int_equal(process_open(root, 31, &p), 0);
	assert_int_equal(p->pid, 23);
	assert_int_equal(p->ns_pid, 2);
	assert_int_equal(p->start_ticks, 7919);
	assert_string_equal(p->comm, "a) b (c");
	assert_string_equal(p->exe, "");
	assert_false(p->kernel_thread);
	assert_true(process_alive(p));
	assert_non_null(process_map(p, 0x1fff));
	assert_null(process_map(p, 0x2000));
	assert_int_equal(process_read_u64(p, 0x1000, &word), -ENOTSUP);
	process_close(p);
	remove_tree(root);
}

static void link_to(const char *root, const char *name, const char *to)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

static void check_cwd(const char *tree, const char *inside, const char *cwd, const char *want)
{
	struct process *p;

	link_to(tree, "23/root", inside);
	link_to(tree, "23/cwd", cwd);
	assert_int_equal(process_open(tree, 23, &p), 0);
	assert_string_equal(p->cwd, want);
	process_close(p);
}

/* The working folder is named as the process itself names it, also inside a root of its own. */
static void test_cwd(void **state)
{
	char root[] = "/tmp/proc-XXXXXX";

	(void)state;
	make_tree(root, "4194304", "S");
	check_cwd(root, "/", "/srv/shop", "/srv/shop");
	check_cwd(root, "/srv/jail", "/srv/jail/shop", "/shop");
	check_cwd(root, "/srv/jail", "/srv/jailor", "/srv/jailor");
	check_cwd(root, "/srv/jail", "/elsewhere", "/elsewhere");
	remove_tree(root);
}

/* A process that exited, a zombie and a kernel thread are told apart. */
static void test_states(void **state)
{
	char zombie[] = "/tmp/proc-XXXXXX", kernel[] = "/tmp/proc-XXXXXX";
	struct process *p = NULL;

	(void)state;
	make_tree(zombie, "4194304", "Z");
	assert_int_equal(process_open(zombie, 23, &p), -ESRCH);
	assert_int_equal(process_open(zombie, 24, &p), -ESRCH);
	assert_int_equal(process_open(zombie, 0, &p), -ESRCH);
	assert_null(p);
	remove_tree(zombie);
	make_tree(kernel, "2129984", "I");
	assert_int_equal(process_open(kernel, 23, &p), 0);
	assert_true(p->kernel_thread);
	process_close(p);
	remove_tree(kernel);
	process_close(NULL);
}

/* This very process: who it is, and its memory up to the end of the readable part. */
static void test_self(void **state)
{
	uint8_t *pages, buf[64];
	struct process *p;
	uint64_t word = 0x5eed5eed5eed5eed, seen;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_true(strstr(p->exe, "test_process") != NULL);
	assert_true(strstr(p->cmdline, "test_process") != NULL);
	assert_int_equal(process_read_u64(p, (uintptr_t)&word, &seen), 0);
	assert_int_equal(seen, word);
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(pages + 4096, 4096);
	memset(pages, 7, 4096);
	assert_int_equal(process_read(p, (uintptr_t)pages + 4096 - 11, buf, sizeof(buf)), 11);
	assert_int_equal(process_read_all(p, (uintptr_t)pages + 4096 - 11, buf, 12), -EFAULT);
	assert_int_equal(process_read_u64(p, 0, &seen), -EFAULT);
	assert_int_equal(process_read_u64(p, UINT64_MAX - 3, &seen), -EFAULT);
	munmap(pages, 4096);
	process_close(p);
}

/* A mapping made later is found once the map is old enough to be read again. */
static void test_refresh(void **state)
{
	struct process *p;
	void *page;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	page = mmap((void *)0x23450000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_null(process_map(p, (uintptr_t)page));
	usleep(110000);
	assert_non_null(process_map(p, (uintptr_t)page));
	munmap(page, 4096);
	process_close(p);
}

/* After its exit a process is dead and unreadable, but its map still says what addresses were. */
static void test_exit(void **state)
{
	struct process *p;
	uint64_t word, here = (uintptr_t)test_exit;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(process_open("/proc", pid, &p), 0);
	assert_true(process_alive(p));
	assert_int_equal(process_refresh(p), 0);
	assert_int_equal(process_read_u64(p, here, &word), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_false(process_alive(p));
	assert_int_equal(process_read_u64(p, here, &word), -ESRCH);
	assert_int_equal(process_refresh(p), -ESRCH);
	assert_int_equal(process_refresh_maps(p), -ESRCH);
	assert_non_null(process_map(p, here));
	process_close(p);
}

static void *stay(void *arg)
{
	while (!arg)
		pause();
	return NULL;
}

/* The main thread has ended and has no memory any more; the others have. */
static void test_main_gone(void **state)
{
	cleanup(process_closep) struct process *p = NULL;
	char path[64], kind = 0, stat[256];
	pid_t pid = fork();
	pthread_t thread;

	(void)state;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, stay, NULL);
		syscall(SYS_exit, 0); /* of this thread only */
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (kind != 'Z') {
		FILE *f = fopen(path, "r");

		assert_non_null(f);
		assert_non_null(fgets(stat, sizeof(stat), f));
		fclose(f);
		kind = strrchr(stat, ')')[2];
		usleep(1000);
	}
	assert_int_equal(process_open("/proc", pid, &p), 0);
	assert_non_null(maps_find(&p->maps, (uintptr_t)test_main_gone));
	assert_int_equal(process_refresh_maps(p), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_refresh_maps(p), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),	  cmocka_unit_test(test_cwd),
		cmocka_unit_test(test_states),	  cmocka_unit_test(test_self),
		cmocka_unit_test(test_refresh),	  cmocka_unit_test(test_exit),
		cmocka_unit_test(test_main_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
