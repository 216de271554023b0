/* test_native_loop.c: loops known by their functions' names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/native_loop.h"

#define NATIVE(name) \
	{ \
		.kind = FRAME_NATIVE, .fn = name, .file = "", .module = "" \
	}

static const char *kind_of(const char *fn)
{
	const struct chunk_frame frames[] = { NATIVE("epoll_wait"), NATIVE(fn), NATIVE("main") };

	return native_loop_kind(frames, 3);
}

/* The names of the contract, each by a function of the loop. */
static void test_names(void **state)
{
	(void)state;
	assert_string_equal(kind_of("ngx_process_events_and_timers"), "nginx");
	assert_string_equal(kind_of("aeProcessEvents"), "redis");
	assert_string_equal(kind_of("uv_run"), "libuv");
	assert_string_equal(kind_of("event_base_loop"), "libevent");
	assert_string_equal(kind_of("ev_run"), "libev");
	assert_string_equal(kind_of("g_main_context_iteration"), "glib");
	assert_string_equal(kind_of("tokio::runtime::scheduler::current_thread::Context::enter"),
			    "tokio");
	assert_string_equal(kind_of("<tokio::runtime::io::driver::Driver>::turn"), "tokio");
}

/* Names that only begin alike, workers that block, and frames of other kinds are none. */
static void test_others(void **state)
{
	static const struct chunk_frame python[] = {
		{ .kind = FRAME_PYTHON, .fn = "uv_run", .file = "x.py", .module = "" },
	};

	(void)state;
	assert_null(kind_of("uv_run_all"));
	assert_null(kind_of("my_uv_run"));
	assert_null(kind_of("tokio::runtime::blocking::pool::Inner::run"));
	assert_null(kind_of("my::tokio::runtime::scheduler::x"));
	assert_null(kind_of(""));
	assert_null(native_loop_kind(python, 1));
	assert_null(native_loop_kind(python, 0));
}

/* Of a loop that runs inside another the outer one is the thread's. */
static void test_outermost(void **state)
{
	static const struct chunk_frame frames[] = {
		NATIVE("epoll_wait"),  NATIVE("event_base_loop"), NATIVE("fetch"),
		NATIVE("uv__io_poll"), NATIVE("uv_run"),	  NATIVE("main"),
	};

	(void)state;
	assert_string_equal(native_loop_kind(frames, 6), "libuv");
	assert_string_equal(native_loop_kind(frames, 3), "libevent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_outermost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
