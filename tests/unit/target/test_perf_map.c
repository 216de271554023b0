/* test_perf_map.c: which perf maps are believed, and that hostile ones cost their names only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/perf_map.h"

#define MAP    "23/root/tmp/perf-2.map"
#define NEXT_S 1.3 /* by then a file that was there is looked at again */

static char tree[64];

static void put(const char *name, const char *text, const char *mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	f = fopen(path, mode);
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void shell(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "cd %s && %s", tree, command);
	assert_int_equal(system(line), 0);
}

/* A recorded process, number 2 in its own namespace, of our own user. */
static int make_tree(void **state)
{
	char status[256];

	(void)state;
	strcpy(tree, "/tmp/perf-map-XXXXXX");
	assert_non_null(mkdtemp(tree));
	shell("mkdir -p 23/root/tmp");
	snprintf(status, sizeof(status),
		 "Name:\ta\nTgid:\t23\nUid:\t7\t%u\t7\t7\nNStgid:\t23\t5\t2\n", geteuid());
	put("23/status", status, "w");
	put("23/comm", "a\n", "w");
	put("23/maps", "1000-2000 r-xp 00000000 00:00 0\n", "w");
	put("23/stat", "23 (a) S 1 23 23 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 7919 1 1\n", "w");
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	shell("rm -r $PWD");
	return 0;
}

static struct process *open_process(void)
{
	struct process *p;

	assert_int_equal(process_open(tree, 23, &p), 0);
	assert_int_equal(p->ns_pid, 2);
	return p;
}

static void copy_name(char *out, size_t room, struct perf_maps *maps, struct process *p,
		      uint64_t addr)
{
	const char *name = perf_maps_find(maps, p, addr);

	snprintf(out, room, "%s", name ? name : "");
}

/* What a stallprof that comes now calls 0x1000; nothing of it is left behind. */
static const char *name_now(void)
{
	static char name[64];
	struct process *p = open_process();
	struct perf_maps *maps;

	assert_int_equal(perf_maps_new(&maps), 0);
	copy_name(name, sizeof(name), maps, p, 0x1000);
	perf_maps_free(maps);
	process_close(p);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return name;
}

/* The file of the process's own root and number, and no other. */
static void test_place(void **state)
{
	(void)state;
	assert_string_equal(name_now(), "");
	put("23/root/tmp/perf-23.map", "1000 10 wrong\n", "w");
	assert_string_equal(name_now(), "");
	put(MAP, "1000 10 f\n", "w");
	assert_string_equal(name_now(), "f");
}

/* A link, a pipe, a folder, a device, a second name of a file: nothing is opened, nothing hangs. */
static void test_no_plain_file(void **state)
{
	(void)state;
	put("secret", "1000 10 secret\n", "w");
	shell("ln -s ../../../secret " MAP);
	assert_string_equal(name_now(), "");
	shell("rm " MAP " && ln -s $PWD/secret " MAP);
	assert_string_equal(name_now(), "");
	shell("rm " MAP " && mkfifo " MAP);
	assert_string_equal(name_now(), "");
	shell("rm " MAP " && mkdir " MAP);
	assert_string_equal(name_now(), "");
	shell("rmdir " MAP " && ln secret " MAP);
	assert_string_equal(name_now(), "");
	shell("rm secret");
	assert_string_equal(name_now(), "secret");
	shell("mv 23/root/tmp 23/root/away && ln -s away 23/root/tmp");
	assert_string_equal(name_now(), "");
}

/* A writer at a pipe of that name must not notice that somebody looked. */
static void test_pipe_is_not_opened(void **state)
{
	char path[128];

	(void)state;
	shell("mkfifo " MAP);
	snprintf(path, sizeof(path), "%s/" MAP, tree);
	assert_string_equal(name_now(), "");
	assert_int_equal(open(path, O_WRONLY | O_NONBLOCK), -1);
	assert_int_equal(errno, ENXIO);
}

/* By owner, kind and age; the rest of the rules. */
static void test_admit(void **state)
{
	const struct stat good = {
		.st_mode = S_IFREG | 0600, .st_nlink = 1, .st_uid = 1000, .st_mtim = { 23, 0 }
	};
	const struct perf_map_time time = { 23000000000, 23000000001 };
	struct stat st = good;

	(void)state;
	assert_int_equal(perf_map_admit(&good, 1000, time), 0);
	assert_int_equal(perf_map_admit(&good, 1001, time), -EPERM);
	st.st_uid = 0;
	assert_int_equal(perf_map_admit(&st, 1001, time), 0);
	st = good;
	st.st_mode = S_IFIFO | 0600;
	assert_int_equal(perf_map_admit(&st, 1000, time), -EINVAL);
	st = good;
	st.st_nlink = 2;
	assert_int_equal(perf_map_admit(&st, 1000, time), -EINVAL);
	st = good;
	st.st_mtim.tv_nsec = 1;
	assert_int_equal(perf_map_admit(&st, 1000, time), -ESTALE);
	st.st_mtim = (struct timespec){ 22, 999999999 };
	assert_int_equal(perf_map_admit(&st, 1000, time), -ESTALE);
}

/* A file that an earlier process of that number left behind is not this one's. */
static void test_left_behind(void **state)
{
	(void)state;
	put(MAP, "1000 10 f\n", "w");
	shell("touch -d @1 " MAP);
	assert_string_equal(name_now(), "");
	put(MAP, "1000 10 g\n", "a");
	assert_string_equal(name_now(), "g");
}

/* Somebody else's file, unless root's. */
static void test_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	put(MAP, "1000 10 f\n", "w");
	shell("chown 7919 " MAP);
	assert_string_equal(name_now(), "");
}

static void wait_s(double s)
{
	const struct timespec t = { (time_t)s, (long)((s - (time_t)s) * 1e9) };

	nanosleep(&t, NULL);
}

/* What is appended, or written anew at the same address, is known after a while; what was known of
 * a file that is gone is forgotten. */
static void test_grows(void **state)
{
	struct process *p = open_process();
	struct perf_maps *maps;
	char name[64];

	(void)state;
	assert_int_equal(perf_maps_new(&maps), 0);
	put(MAP, "1000 10 f\n", "w");
	copy_name(name, sizeof(name), maps, p, 0x1000);
	assert_string_equal(name, "f");
	put(MAP, "2000 10 g\n1000 10 F\n", "a");
	wait_s(NEXT_S);
	copy_name(name, sizeof(name), maps, p, 0x2000);
	assert_string_equal(name, "g");
	copy_name(name, sizeof(name), maps, p, 0x1000);
	assert_string_equal(name, "F");
	shell("rm " MAP);
	wait_s(NEXT_S);
	copy_name(name, sizeof(name), maps, p, 0x1000);
	assert_string_equal(name, "");
	perf_maps_free(maps);
	process_close(p);
}

static void assert_name(struct perf_maps *maps, struct process *p, uint64_t addr, const char *want)
{
	char name[64];

	copy_name(name, sizeof(name), maps, p, addr);
	assert_string_equal(name, want);
}

/* After an exec the names of before are gone at once; only what was written since is believed, also
 * where it was appended.  known: the file was looked at before. */
static void check_executed(bool known)
{
	struct process *p = open_process();
	struct perf_maps *maps;

	assert_int_equal(perf_maps_new(&maps), 0);
	put(MAP, "1000 10 f\n3000 10 h\n", "w");
	if (known)
		assert_name(maps, p, 0x1000, "f");
	wait_s(0.1); /* longer than the clock of files takes for a tick */
	process_executed(p, now_ns());
	perf_maps_executed(maps, p);
	assert_name(maps, p, 0x1000, "");
	wait_s(0.1);
	put(MAP, "1000 10 g\n", "a");
	wait_s(NEXT_S);
	assert_name(maps, p, 0x1000, "g");
	assert_name(maps, p, 0x3000, "");
	put(MAP, "3000 10 i\n", "w");
	wait_s(NEXT_S);
	assert_name(maps, p, 0x1000, "");
	assert_name(maps, p, 0x3000, "i");
	perf_maps_free(maps);
	process_close(p);
}

static void test_executed(void **state)
{
	(void)state;
	check_executed(true);
}

static void test_executed_unknown(void **state)
{
	(void)state;
	check_executed(false);
}

/* Asking for what no map has is not looking each time. */
static void test_misses_are_cheap(void **state)
{
	struct process *p = open_process();
	struct perf_maps *maps;
	uint64_t began;

	(void)state;
	assert_int_equal(perf_maps_new(&maps), 0);
	began = now_ns();
	for (int i = 0; i < 100003; i++)
		assert_null(perf_maps_find(maps, p, 0x1000 + i));
	/* with a look at each it would be minutes */
	assert_true(now_ns() - began < 10000000000ull);
	perf_maps_free(maps);
	process_close(p);
}

/* A file system whose server reads requests and answers none but the first. */
static pid_t mount_silent(const char *where)
{
	char options[64], request[65536];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	pid_t pid;

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	if (fuse < 0 || mount("silent", where, "fuse", 0, options) < 0)
		skip();
	pid = fork();
	if (pid == 0) {
		/* struct fuse_out_header and fuse_init_out of linux/fuse.h, version 7.31 */
		uint32_t answer[20] = { sizeof(answer), 0, 0, 0, 7, 31, 65536 };

		if (read(fuse, request, sizeof(request)) > 0) {
			memcpy(&answer[2], request + 8, 8);
			answer[9] = 4096;
			if (write(fuse, answer, sizeof(answer)) < 0)
				_exit(1);
		}
		while (read(fuse, request, sizeof(request)) > 0)
			;
		_exit(0);
	}
	close(fuse);
	return pid;
}

/* Below a file system that never answers a look takes its deadline, some time, and then none is
 * made. */
static void test_silent_file_system(void **state)
{
	struct perf_maps *maps;
	struct process *p;
	uint64_t began;
	char path[128];
	pid_t server;

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/23/root/tmp", tree);
	server = mount_silent(path);
	p = open_process();
	assert_int_equal(perf_maps_new(&maps), 0);
	began = now_ns();
	assert_null(perf_maps_find(maps, p, 0x1000));
	assert_true(now_ns() - began > 500000000);
	assert_true(now_ns() - began < 10000000000ull);
	perf_maps_free(maps);
	process_close(p);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	assert_int_equal(umount2(path, MNT_DETACH), 0);
	/* with the server goes the wait, and the worker can end */
	assert_true(waitpid(-1, NULL, 0) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_place, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_no_plain_file, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_pipe_is_not_opened, make_tree, remove_tree),
		cmocka_unit_test(test_admit),
		cmocka_unit_test_setup_teardown(test_left_behind, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_owner, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_grows, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_executed, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_executed_unknown, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_misses_are_cheap, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_silent_file_system, make_tree, remove_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
