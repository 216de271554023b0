/* test_debuginfod.c: debug files from servers that have them, have not, lie or stay silent. */
#include "built.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "target/debuginfod.h"

#define ID "0123456789abcdef0123456789abcdef01234567"

enum manner { HAS, HAS_NOT, SILENT };

static pid_t server;

/* One request after the other, for ever. */
static void serve(int listener, enum manner manner)
{
	static const char none[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
				   "Connection: close\r\n\r\n";
	static const char file[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
				   "Connection: close\r\n\r\nbytes";
	char request[4096];

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t n = read(fd, request, sizeof(request) - 1);
		bool right;

		request[n < 0 ? 0 : n] = '\0';
		right = manner == HAS && strstr(request, "GET /buildid/" ID "/debuginfo ");
		while (manner == SILENT)
			pause();
		if (write(fd, right ? file : none, strlen(right ? file : none)) < 0)
			_exit(1);
		close(fd);
	}
}

static void start_server(enum manner manner)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(a.sin_port));
	setenv("DEBUGINFOD_URLS", url, 1);
	server = fork();
	if (server == 0)
		serve(listener, manner);
	close(listener);
}

static void stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static int setup(void **state)
{
	if (built_setup(state) < 0)
		return -1;
	setenv("DEBUGINFOD_CACHE_PATH", built, 1);
	setenv("DEBUGINFOD_TIMEOUT", "1", 1);
	setenv("no_proxy", "127.0.0.1", 1);
	return 0;
}

/* What it kept for root is gone with it. */
static void close_client(struct debuginfod *d)
{
	char command[128];

	debuginfod_free(d);
	snprintf(command, sizeof(command), "! ls -d /tmp/stallprof-debuginfod-%d-*", getpid());
	assert_int_equal(built_run(command), 0);
}

static struct debuginfod *open_client(void)
{
	struct debuginfod *d = NULL;

	assert_int_equal(debuginfod_new(&d), 0);
	return d;
}

static int fetch(struct debuginfod *d, const char *build_id)
{
	int fd = debuginfod_fetch(d, build_id);

	if (fd == -ELIBACC) {
		debuginfod_free(d);
		stop_server();
		skip();
	}
	return fd;
}

/* Without a server to name there is nothing to ask. */
static void test_no_server(void **state)
{
	struct debuginfod *d;

	(void)state;
	unsetenv("DEBUGINFOD_URLS");
	assert_int_equal(debuginfod_new(&d), -ENODATA);
	setenv("DEBUGINFOD_URLS", "  ", 1);
	assert_int_equal(debuginfod_new(&d), -ENODATA);
	assert_null(debuginfod_free(NULL));
}

/* The bytes that the server has, and that it has no others; what the process that asked left behind
 * goes with it. */
static void test_found(void **state)
{
	struct debuginfod *d;
	char bytes[8] = "";
	int fd;

	(void)state;
	start_server(HAS);
	d = open_client();
	fd = fetch(d, ID);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), 5);
	assert_string_equal(bytes, "bytes");
	close(fd);
	assert_int_equal(fetch(d, "fedcba98"), -ENOENT);
	assert_int_equal(fetch(d, "../../../../etc/passwd"), -EINVAL);
	fd = fetch(d, ID);
	assert_true(fd >= 0);
	close(fd);
	stop_server();
	close_client(d);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* A server that has nothing is no error, however often it is asked. */
static void test_not_found(void **state)
{
	struct debuginfod *d;
	char id[41];

	(void)state;
	start_server(HAS_NOT);
	d = open_client();
	for (int i = 0; i < DEBUGINFOD_ERRORS_MAX + 2; i++) {
		snprintf(id, sizeof(id), "%040x", i);
		assert_int_equal(fetch(d, id), -ENOENT);
	}
	stop_server();
	close_client(d);
}

/* One that stays silent is waited for a few times and no more. */
static void test_silent(void **state)
{
	struct debuginfod *d;
	uint64_t began;
	char id[41];
	int r = 0;

	(void)state;
	start_server(SILENT);
	d = open_client();
	for (int i = 0; i < DEBUGINFOD_ERRORS_MAX; i++) {
		snprintf(id, sizeof(id), "%040x", i);
		r = fetch(d, id);
		assert_int_equal(r, -ETIMEDOUT);
	}
	began = now_ns();
	for (int i = 0; i < 10007; i++)
		assert_int_equal(fetch(d, ID), r);
	assert_true(now_ns() - began < 10000000000ull);
	stop_server();
	close_client(d);
}

/* Nobody listens. */
static void test_refused(void **state)
{
	struct debuginfod *d;

	(void)state;
	start_server(HAS);
	stop_server();
	d = open_client();
	assert_int_equal(fetch(d, ID), -ECONNREFUSED);
	close_client(d);
}

/* Root asks as who called it, or as nobody; anybody else as himself. */
static void test_user(void **state)
{
	(void)state;
	unsetenv("SUDO_UID");
	assert_int_equal(debuginfod_user(), geteuid() ? geteuid() : 65534);
	setenv("SUDO_UID", "1000", 1);
	assert_int_equal(debuginfod_user(), geteuid() ? geteuid() : 1000);
	setenv("SUDO_UID", "0", 1);
	assert_int_equal(debuginfod_user(), geteuid() ? geteuid() : 65534);
	setenv("SUDO_UID", "-1", 1);
	assert_int_equal(debuginfod_user(), geteuid() ? geteuid() : 65534);
	unsetenv("SUDO_UID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_server), cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_found), cmocka_unit_test(test_silent),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_user),
	};

	return cmocka_run_group_tests(tests, setup, built_teardown);
}
