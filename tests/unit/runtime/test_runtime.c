/* test_runtime.c: the table of runtimes, and what kind of loop a stack shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "runtime/runtime.h"

static struct process with_uvloop, without;

#define PY(f, path) \
	{ \
		.kind = FRAME_PYTHON, .fn = f, .file = path, .module = "" \
	}

static const char *kind_of(struct process *p, const struct chunk_frame *frames, size_t n)
{
	return runtime_loop_kind(p, frames, n);
}

/* _run_once of asyncio is the mark, by its qualified and by its plain name; others' is none. */
static void test_asyncio(void **state)
{
	static const struct chunk_frame modern[] = {
		{ .kind = FRAME_KERNEL, .fn = "schedule", .file = "", .module = "" },
		{ .kind = FRAME_NATIVE, .fn = "epoll_wait", .file = "", .module = "libc.so.6" },
		PY("EpollSelector.select", "/usr/lib/python3.11/selectors.py"),
		PY("BaseEventLoop._run_once", "/usr/lib/python3.11/asyncio/base_events.py"),
		PY("Runner.run", "/usr/lib/python3.11/asyncio/runners.py"),
	};
	static const struct chunk_frame old[] = {
		PY("_run_once", "/opt/lib/python3.8/asyncio/base_events.py"),
	};
	static const struct chunk_frame other[] = { PY("_run_once", "app/loop.py") };

	(void)state;
	assert_string_equal(kind_of(&without, modern, 5), "asyncio");
	assert_string_equal(kind_of(&with_uvloop, old, 1), "asyncio");
	assert_null(kind_of(&without, other, 1));
	assert_null(kind_of(&without, modern, 3));
	assert_null(kind_of(&without, NULL, 0));
}

/* uvloop needs its library in the process, and its starter as the innermost Python frame or a
 * runner anywhere: what is above a runner are callbacks of its loop. */
static void test_uvloop(void **state)
{
	static const struct chunk_frame runner[] = {
		PY("Runner.run", "/usr/lib/python3.11/asyncio/runners.py"),
		PY("<module>", "app.py"),
	};
	static const struct chunk_frame busy[] = {
		PY("handler", "app.py"),
		PY("Runner.run", "/usr/lib/python3.11/asyncio/runners.py"),
	};
	static const struct chunk_frame own[] = {
		PY("handler", "app.py"),
		PY("run", "/venv/lib/python3.11/site-packages/uvloop/__init__.py"),
	};
	static const struct chunk_frame other[] = {
		PY("handler", "app.py"),
		PY("Server.run", "app.py"),
	};
	static const struct chunk_frame native[] = {
		{ .kind = FRAME_NATIVE,
		  .fn = "",
		  .path = "/x/uvloop/loop.so",
		  .module = "loop.so" },
		PY("main", "app.py"),
	};

	(void)state;
	assert_string_equal(kind_of(&with_uvloop, runner, 2), "uvloop");
	assert_null(kind_of(&without, runner, 2));
	assert_string_equal(kind_of(&with_uvloop, busy, 2), "uvloop");
	assert_string_equal(kind_of(&with_uvloop, own, 2), "uvloop");
	assert_null(kind_of(&without, busy, 2));
	assert_null(kind_of(&with_uvloop, other, 2));
	assert_string_equal(kind_of(&with_uvloop, native, 2), "uvloop");
	assert_null(kind_of(&with_uvloop, native, 1));
}

/* Every row has a name and all its operations; this test is no runtime. */
static void test_table(void **state)
{
	struct process *p;
	size_t i;

	(void)state;
	for (i = 0; runtimes[i]; i++) {
		assert_true(runtimes[i]->name[0] != '\0');
		assert_true(runtimes[i]->detect && runtimes[i]->attach && runtimes[i]->begin);
		assert_true(runtimes[i]->name_frame && runtimes[i]->close);
	}
	assert_int_equal(i, 2);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_null(runtime_detect(p));
	process_close(p);
}

static int start(void **state)
{
	static const char map[] = "1000-2000 r-xp 00000000 00:01 3 "
				  "/venv/lib/python3.11/site-packages/uvloop/loop.cpython-311.so\n";

	(void)state;
	return maps_parse(&with_uvloop.maps, map, strlen(map));
}

static int stop(void **state)
{
	(void)state;
	maps_release(&with_uvloop.maps);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asyncio),
		cmocka_unit_test(test_uvloop),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
