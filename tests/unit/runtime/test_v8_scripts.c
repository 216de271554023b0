/* test_v8_scripts.c: files and lines of scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/runtime/fake_v8_session.h"

static int setup(void **state)
{
	(void)state;
	return fake_v8_open("/srv/app");
}

static struct v8_script *get(uint64_t object)
{
	struct v8_script *s = NULL;

	v8_heap_begin(&h);
	assert_int_equal(v8_scripts_get(scripts, object, &s), 0);
	return s;
}

static struct v8_script *named(const char *name)
{
	return get(fake_script(&f, fake_string(&f, "1\n2"), fake_string(&f, name)));
}

/* Paths as a person in the program's folder writes them; what is not the user's is known. */
static void test_files(void **state)
{
	(void)state;
	assert_string_equal(named("/srv/app/lib/a.js")->file, "lib/a.js");
	assert_false(named("/srv/app/lib/a.js")->library);
	assert_string_equal(named("file:///srv/app/b%20c.mjs")->file, "b c.mjs");
	assert_string_equal(named("node:internal/timers")->file, "node:internal/timers");
	assert_true(named("node:internal/timers")->library);
	assert_true(named("/srv/app/node_modules/x/index.js")->library);
	assert_string_equal(named("[eval]")->file, "[eval]");
}

/* URLs are decoded, anything odd in them stays. */
static void test_urls(void **state)
{
	static const char *const urls[][2] = {
		{ "file:///a%41%zz%4", "/aA%zz%4" },
		{ "file:///a%00b", "/ab" },
		{ "file://host/a", "file://host/a" },
		{ "https://x/a%20b", "https://x/a%20b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		cleanup(str_releasep) struct str text = { 0 };

		assert_int_equal(v8_path_of_url(urls[i][0], &text), 0);
		assert_string_equal(str_text(&text), urls[i][1]);
	}
}

/* The text of an eval is named after the script that evaluated it, over more than one step. */
static void test_eval(void **state)
{
	uint64_t source = fake_string(&f, "x"), none = fake_object(&f, FAKE_ARRAY, 2);
	uint64_t outer = fake_script(&f, source, fake_string(&f, "/srv/app/a.js"));
	uint64_t eval = fake_script(&f, source, none), again = fake_script(&f, source, none);

	(void)state;
	fake_put(&f, eval, 72, fake_shared(&f, 0, outer, 0, 1));
	fake_put(&f, again, 72, fake_shared(&f, 0, eval, 0, 1));
	assert_string_equal(get(eval)->file, "<eval in a.js>");
	assert_true(get(eval)->evaluated);
	assert_string_equal(get(again)->file, "<eval in a.js>");
	assert_string_equal(get(fake_script(&f, source, none))->file, "<anonymous>");
	assert_false(get(outer)->evaluated);
}

/* Lines are counted in the text, or taken from V8's own table; the script's first one counts. */
static void test_lines(void **state)
{
	uint64_t ends[] = { fake_smi(10), fake_smi(20), fake_smi(29) };
	uint64_t source = fake_string(&f, "ab\ncd\nef"), name = fake_string(&f, "/x.js");
	uint64_t plain = fake_script(&f, source, name), table = fake_script(&f, source, name);
	uint64_t shifted = fake_script(&f, source, name), wrong = fake_script(&f, source, name);

	(void)state;
	assert_int_equal(v8_scripts_line(scripts, get(plain), 0), 1);
	assert_int_equal(v8_scripts_line(scripts, get(plain), 3), 2);
	assert_int_equal(v8_scripts_line(scripts, get(plain), 7), 3);
	assert_int_equal(v8_scripts_line(scripts, get(plain), 9), 0);
	fake_put(&f, table, 56, fake_array(&f, FAKE_ARRAY, ends, sizeof(ends), 3));
	assert_int_equal(v8_scripts_line(scripts, get(table), 20), 2);
	assert_int_equal(v8_scripts_line(scripts, get(table), 21), 3);
	fake_put(&f, shifted, 24, fake_smi(41));
	assert_int_equal(v8_scripts_line(scripts, get(shifted), 3), 43);
	fake_put(&f, shifted, 8, fake_string(&f, "again\n"));
	fake_put(&f, shifted, 24, fake_smi(-41));
	assert_int_equal(v8_scripts_line(scripts, get(shifted), 3), 0);
	/* a table of something else is not used */
	ends[1] = 0x1234567;
	fake_put(&f, wrong, 56, fake_array(&f, FAKE_ARRAY, ends, sizeof(ends), 3));
	assert_int_equal(v8_scripts_line(scripts, get(wrong), 3), 2);
}

/* The collector moves texts and tables, too: lines are those of the text that is the script's now,
 * and a table in no order is none. */
static void test_moved(void **state)
{
	uint64_t ends[] = { fake_smi(9), fake_smi(1), fake_smi(29) };
	uint64_t source = fake_string(&f, "a\nb\nc"), object = fake_script(&f, source, 0);
	struct v8_script *script = get(object), *torn;

	(void)state;
	fake_put(&f, object, 8, fake_string(&f, "a--b\nc"));
	assert_int_equal(v8_scripts_line(scripts, script, 4), 1);
	object = fake_script(&f, source, 0);
	torn = get(object);
	fake_put(&f, object, 56, fake_array(&f, FAKE_ARRAY, ends, sizeof(ends), 3));
	assert_int_equal(v8_scripts_line(scripts, torn, 4), 3);
}

static uint64_t moving;

/* Moves the script's text whenever a character of it is read. */
static int read_moving(const void *memory, uint64_t addr, void *buf, size_t len)
{
	static const char chars[] = "a\nb\nc";
	int r = fake_v8_read(memory, addr, buf, len);

	if (r == 0 && moving && len == sizeof(chars) - 1 && memcmp(buf, chars, len) == 0) {
		fake_put(&f, moving, 8, fake_string(&f, chars));
		moving = 0;
	}
	return r;
}

/* A text that moved while it was read gives no line, and the next time it is read again. */
static void test_moving(void **state)
{
	uint64_t object = fake_script(&f, fake_string(&f, "a\nb\nc"), 0);
	struct v8_script *script = get(object);

	(void)state;
	h.read = read_moving;
	moving = object;
	assert_int_equal(v8_scripts_line(scripts, script, 4), 0);
	assert_int_equal(moving, 0);
	assert_int_equal(v8_scripts_line(scripts, script, 4), 3);
}

/* A script is read once, and again when another one lies at its address. */
static void test_cache(void **state)
{
	uint64_t object = fake_script(&f, fake_string(&f, "x"), fake_string(&f, "/a.js"));
	struct v8_script *first = get(object), *none;

	(void)state;
	assert_ptr_equal(get(object), first);
	fake_put(&f, object, 16, fake_string(&f, "/b.js"));
	assert_string_equal(get(object)->file, "/b.js");
	assert_int_equal(v8_scripts_get(scripts, fake_string(&f, "x"), &none), -EPROTO);
	f.error = -ESRCH;
	assert_int_equal(v8_scripts_get(scripts, object, &none), -ESRCH);
	assert_false(v8_scripts_full(scripts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_urls, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_eval, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_lines, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_moved, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_moving, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_cache, setup, fake_v8_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
