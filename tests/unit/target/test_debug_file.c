/* test_debug_file.c: separate debug files: found, proven, and not followed out of their root. */
#include "built.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "target/debug_file.h"

static int root_fd(void)
{
	int fd = open(built, O_PATH | O_DIRECTORY);

	assert_true(fd >= 0);
	return fd;
}

static const char *name_of(const struct symbols *s, const char *function)
{
	const char *name = symbols_find(s, built_address(function));

	return name ? name : "";
}

/* Looks below the folder for the debug file of bare, which lies at `path`. */
static int find(const char *path, struct symbols **ret_debug)
{
	struct symbols *bare = built_symbols("bare");
	int root = root_fd(), r = debug_file_find(root, path, bare, ret_debug);

	assert_string_equal(name_of(bare, "hidden"), "");
	assert_string_equal(name_of(bare, "shown"), "shown");
	assert_false(symbols_complete(bare));
	if (r == 0) {
		symbols_attach(bare, *ret_debug);
		assert_string_equal(name_of(bare, "hidden"), "hidden");
		assert_string_equal(name_of(bare, "shown"), "shown");
	}
	symbols_free(bare);
	close(root);
	return r;
}

/* By the link, in each of its places, and only with the right bytes. */
static void test_link(void **state)
{
	struct symbols *s;

	(void)state;
	assert_int_equal(find("/lib/bare", &s), -ENOENT);
	assert_int_equal(find(NULL, &s), -ENOENT);
	assert_int_equal(find("/bare", &s), 0);
	assert_int_equal(built_run("mkdir -p lib/.debug && cp names.debug lib/.debug"), 0);
	assert_int_equal(find("/lib/bare", &s), 0);
	assert_int_equal(built_run("rm -r lib && mkdir -p usr/lib/debug/lib &&"
				   "cp names.debug usr/lib/debug/lib"),
			 0);
	assert_int_equal(find("/lib/bare", &s), 0);
	assert_int_equal(built_run("printf x >>usr/lib/debug/lib/names.debug"), 0);
	assert_int_equal(find("/lib/bare", &s), -ENOENT);
	assert_int_equal(built_run("rm -r usr"), 0);
}

/* By build id; a file of another build in its place is not taken. */
static void test_build_id(void **state)
{
	struct symbols *whole = built_symbols("whole"), *s;
	const char *id = symbols_build_id(whole);
	char line[512], hex[SYMBOLS_BUILD_ID_ROOM];
	int fd = built_open("names.debug");

	(void)state;
	assert_int_equal(strlen(id), 40);
	assert_true(symbols_complete(whole));
	assert_int_equal(debug_file_read_id(fd, hex), 0);
	assert_string_equal(hex, id);
	close(fd);
	snprintf(line, sizeof(line),
		 "mkdir -p usr/lib/debug/.build-id/%.2s && cp names.debug "
		 "usr/lib/debug/.build-id/%.2s/%s.debug",
		 id, id, id + 2);
	assert_int_equal(built_run(line), 0);
	assert_int_equal(find(NULL, &s), 0);
	assert_int_equal(built_run("mv usr/lib/debug/.build-id . && rm -r usr"), 0);
	assert_int_equal(find(NULL, &s), 0);
	snprintf(line, sizeof(line), "cp /proc/%d/exe .build-id/%.2s/%s.debug", getpid(), id,
		 id + 2);
	assert_int_equal(built_run(line), 0);
	assert_int_equal(find(NULL, &s), -ENOENT);
	assert_int_equal(built_run("rm -r .build-id"), 0);
	symbols_free(whole);
}

static int open_below(const char *path)
{
	int root = root_fd(), fd = debug_file_open(root, path);

	close(root);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* Links stay below the root, loops end, and what is no file is not opened. */
static void test_hostile_paths(void **state)
{
	struct symbols *s;

	(void)state;
	assert_int_equal(built_run("mkdir box && mkfifo box/fifo && ln -s loop box/loop &&"
				   "ln -s /etc/passwd box/out && ln -s ../../../../etc/passwd up &&"
				   "ln -s /bare in && ln -s /proc/self/exe box/magic"),
			 0);
	assert_int_equal(open_below("/bare"), 0);
	assert_int_equal(open_below("/in"), 0);
	assert_int_equal(open_below("/box/fifo"), -EINVAL);
	assert_int_equal(open_below("/box"), -EINVAL);
	assert_int_equal(open_below("/box/loop"), -ELOOP);
	assert_int_equal(open_below("/box/out"), -ENOENT);
	assert_int_equal(open_below("/box/magic"), -ENOENT);
	assert_int_equal(open_below("/up"), -ENOENT);
	assert_int_equal(open_below("/../../../../../etc/passwd"), -ENOENT);
	/* a FIFO in the place of the debug file holds nobody up */
	assert_int_equal(built_run("mv names.debug kept && mkfifo names.debug"), 0);
	assert_int_equal(find("/bare", &s), -ENOENT);
	assert_int_equal(built_run("rm names.debug && head -c 700 kept >names.debug"), 0);
	assert_int_equal(find("/bare", &s), -ENOENT);
	assert_int_equal(built_run("rm names.debug && ln -s names.debug names.debug"), 0);
	assert_int_equal(find("/bare", &s), -ENOENT);
	assert_int_equal(built_run("rm names.debug && mv kept names.debug"), 0);
	assert_int_equal(find("/bare", &s), 0);
}

/* In a process's own root, by way of its memory map. */
static void test_process(void **state)
{
	struct symbols *bare = built_symbols("bare"), *s;
	struct process *p;
	char path[512];
	struct mapping m = { .path = path };

	(void)state;
	snprintf(path, sizeof(path), "%s/bare", built);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(debug_file_find_for(p, &m, bare, &s), 0);
	symbols_free(s);
	snprintf(path, sizeof(path), "%s/elsewhere/bare", built);
	assert_int_equal(debug_file_find_for(p, &m, bare, &s), -ENOENT);
	process_close(p);
	symbols_free(bare);
}

/* Of a process in a chroot, whose map tells paths from outside of it. */
static void test_chroot(void **state)
{
	struct symbols *bare = built_symbols("bare"), *s;
	struct process *p;
	char path[512], byte;
	struct mapping m = { .path = path };
	int pipes[2];
	pid_t pid;

	(void)state;
	assert_int_equal(
		built_run("mkdir -p usr/lib/debug/opt && cp names.debug usr/lib/debug/opt"), 0);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		byte = chroot(built) == 0 ? 'y' : 'n';
		if (write(pipes[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	snprintf(path, sizeof(path), "%s/opt/bare", built);
	assert_int_equal(process_open("/proc", pid, &p), 0);
	if (byte == 'y') {
		assert_int_equal(debug_file_find_for(p, &m, bare, &s), 0);
		symbols_free(s);
	} else {
		print_message("SKIP chroot needs root\n");
	}
	process_close(p);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(built_run("rm -r usr"), 0);
	symbols_free(bare);
}

/* One with lines is kept open, and so is the file that it shares content with, which lies below the
 * same root whatever path it was linked by. */
static void test_lines(void **state)
{
	static const char *const links[] = { "/usr/lib/debug/.dwz/x/both", "../../.dwz/x/both",
					     "/etc/passwd", "/.dwz/../../etc/passwd" };
	struct symbols *bare, *s;
	char line[1024];
	int root = root_fd(), file, alt;
	size_t i;

	(void)state;
	assert_int_equal(built_run("cc -O1 -g -shared -fPIC -Wl,--build-id a.c -o lined &&"
				   "objcopy --only-keep-debug lined lined.debug &&"
				   "cp lined lean && strip lean &&"
				   "objcopy --add-gnu-debuglink=lined.debug lean"),
			 0);
	bare = built_symbols("lean");
	assert_false(symbols_has_lines(bare));
	assert_int_equal(debug_file_find(root, "/lean", bare, &s), 0);
	assert_true(symbols_has_lines(s));
	assert_string_equal(symbols_altlink(s), "");
	assert_true(symbols_line_files(s, &file, &alt));
	assert_true(file >= 0 && alt < 0);
	assert_false(symbols_line_files(bare, &file, &alt));
	symbols_attach(bare, s);
	assert_true(symbols_line_files(bare, &file, &alt));
	symbols_drop_files(bare);
	assert_false(symbols_line_files(bare, &file, &alt));
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(line, sizeof(line),
			 "mkdir -p usr/lib/debug/.dwz/x etc && echo >etc/passwd &&"
			 "objcopy --only-keep-debug lined lined.debug && cp lined.debug twin &&"
			 "dwz -m usr/lib/debug/.dwz/x/both -M %s lined.debug twin &&"
			 "cp lined lean && strip lean &&"
			 "objcopy --add-gnu-debuglink=lined.debug lean",
			 links[i]);
		if (built_run(line) != 0) {
			print_message("SKIP no dwz\n");
			break;
		}
		symbols_free(bare);
		bare = built_symbols("lean");
		assert_int_equal(debug_file_find(root, "/lean", bare, &s), 0);
		assert_string_equal(symbols_altlink(s), links[i]);
		assert_true(symbols_line_files(s, &file, &alt));
		assert_int_equal(alt >= 0, i < 2);
		symbols_free(s);
	}
	symbols_free(bare);
	close(root);
	assert_int_equal(built_run("rm -rf usr etc"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),	      cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_hostile_paths), cmocka_unit_test(test_process),
		cmocka_unit_test(test_chroot),	      cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, built_setup, built_teardown);
}
