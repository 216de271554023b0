/* test_json.c: the pieces that records are made of. */
#include "tests/unit/output/printed.h"

#include <errno.h>

#include "output/json.h"

static void drop(json_t **json)
{
	json_decref(*json);
}

static void assert_json(json_t *json, const char *expected)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(json);
	assert_string_equal(text, expected);
}

/* Numbers beyond what JSON readers take as integers are cut, not negative. */
static void numbers_never_turn_negative(void **state)
{
	(void)state;
	assert_json(json_u64(7), "7");
	assert_json(json_u64(UINT64_MAX), "9223372036854775807");
}

/* A target shows what is known of it. */
static void targets_show_what_is_known(void **state)
{
	struct target t = NO_TARGET;

	(void)state;
	t.kind = TARGET_SLEEP;
	t.asked_ns = 300000000;
	assert_json(json_target(&t), "{\"kind\":\"sleep\",\"dur_ns\":300000000}");
	t = (struct target)NO_TARGET;
	t.kind = TARGET_CHILD;
	t.pid = 4711;
	t.comm = "convert";
	assert_json(json_target(&t), "{\"kind\":\"child\",\"pid\":4711,\"comm\":\"convert\"}");
	t = (struct target)NO_TARGET;
	t.kind = TARGET_FUTEX;
	t.address = 0x7f00dead0010;
	assert_json(json_target(&t), "{\"kind\":\"futex\",\"address\":\"0x7f00dead0010\"}");
	t = (struct target)NO_TARGET;
	t.kind = TARGET_OTHER;
	t.fd = 5;
	t.text = "[timerfd]";
	assert_json(json_target(&t), "{\"kind\":\"other\",\"fd\":5,\"name\":\"[timerfd]\"}");
	t.text = "fd 5";
	assert_json(json_target(&t), "{\"kind\":\"other\",\"fd\":5}");
	t = (struct target)NO_TARGET;
	t.kind = TARGET_TCP;
	t.fd = 0;
	t.fd_count = 3;
	t.peer = "[::1]:80";
	assert_json(json_target(&t),
		    "{\"kind\":\"tcp\",\"peer\":\"[::1]:80\",\"fd\":0,\"fd_count\":3}");
}

/* A native frame without a name says in which build of which module it lies; no other does. */
static void nameless_frames_tell_their_build(void **state)
{
	struct frame frames[] = {
		{ FRAME_NATIVE, .fn = "", .file = "/l/m.so", .module = "m.so", .offset = 16,
		  .build_id = "ab12" },
		{ FRAME_NATIVE, .fn = "", .file = "", .module = "[anonymous]", .offset = 16,
		  .build_id = "" },
		{ FRAME_NATIVE, .fn = "f", .file = "", .module = "m.so", .build_id = "ab12" },
	};
	struct stack stack = { .n_frames = 3, .frames = frames };

	(void)state;
	assert_json(json_frames(&stack),
		    "[{\"kind\":\"native\",\"fn\":\"\",\"file\":\"/l/m.so\",\"line\":0,"
		    "\"module\":\"m.so\",\"offset\":16,\"build_id\":\"ab12\"},"
		    "{\"kind\":\"native\",\"fn\":\"\",\"file\":\"\",\"line\":0,"
		    "\"module\":\"[anonymous]\",\"offset\":16},"
		    "{\"kind\":\"native\",\"fn\":\"f\",\"file\":\"\",\"line\":0,"
		    "\"module\":\"m.so\"}]");
}

/* All nine classes, in the contract's order. */
static void classes_are_complete(void **state)
{
	const uint64_t ns[CLASS_COUNT] = { 2, 3, 5, 7, 11, 13, 17, 19, 23 };

	(void)state;
	assert_json(json_class_ns(ns),
		    "{\"cpu\":2,\"runqueue\":3,\"quota\":5,\"syscall\":7,\"gil\":11,\"lock\":13,"
		    "\"fault\":17,\"stopped\":19,\"unexplained\":23}");
}

/* A put that failed shows in the result, and a failed record is not written. */
static void failures_are_passed_on(void **state)
{
	cleanup(drop) json_t *o = json_object();
	FILE *full = full_stream();

	(void)state;
	assert_int_equal(json_put(o, "key", NULL), -ENOMEM);
	assert_int_equal(json_put(NULL, "key", json_true()), -ENOMEM);
	assert_int_equal(json_put_text(o, "key", ""), 0);
	assert_int_equal(json_object_size(o), 0);
	assert_null(json_checked(json_object(), -ENOMEM));
	assert_int_equal(json_line(json_object(), -ENOMEM, full), -ENOMEM);
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(json_line(json_object(), 0, full), -EIO);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_never_turn_negative),
		cmocka_unit_test(targets_show_what_is_known),
		cmocka_unit_test(nameless_frames_tell_their_build),
		cmocka_unit_test(classes_are_complete),
		cmocka_unit_test(failures_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
