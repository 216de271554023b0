/* test_jit_names.c: names of perf maps taken apart, or left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "runtime/jit_names.h"

static struct chunk_frame split(const char *text)
{
	static char copy[256];
	struct chunk_frame f = { .kind = FRAME_NATIVE, .fn = "", .file = "", .module = "[jit]" };

	snprintf(copy, sizeof(copy), "%s", text);
	jit_name(copy, &f);
	return f;
}

static void expect(const char *text, const char *fn, const char *file, unsigned int line,
		   uint32_t flags)
{
	struct chunk_frame f = split(text);

	assert_string_equal(f.fn, fn);
	assert_string_equal(f.file, file);
	assert_int_equal(f.line, line);
	assert_int_equal(f.flags, flags);
}

/* As node 8 to 20 writes them. */
static void test_v8(void **state)
{
	(void)state;
	expect("JS:*handle /srv/shop.js:41:20", "handle", "/srv/shop.js", 41, 0);
	expect("JS:^handle file:///srv/shop.mjs:41:20", "handle", "file:///srv/shop.mjs", 41, 0);
	expect("LazyCompile:~handle /srv/shop.js:41", "handle", "/srv/shop.js", 41, 0);
	expect("Eval:~ /srv/shop.js:1:1", "(anonymous)", "/srv/shop.js", 1, 0);
	expect("JS:~processTimers node:internal/timers:499:25", "processTimers",
	       "node:internal/timers", 499, FRAME_LIBRARY);
	expect("Builtin:ArrayMap", "Builtin:ArrayMap", "", 0, FRAME_LIBRARY);
	expect("BytecodeHandler:Add", "BytecodeHandler:Add", "", 0, FRAME_LIBRARY);
}

/* As CPython 3.12 does. */
static void test_python(void **state)
{
	(void)state;
	expect("py::A.m.<locals>.f:/srv/a:b.py", "A.m.<locals>.f", "/srv/a:b.py", 0, 0);
	expect("py::g:<frozen importlib._bootstrap>", "g", "<frozen importlib._bootstrap>", 0,
	       FRAME_LIBRARY);
}

/* As OpenJDK's jcmd writes them. */
static void test_hotspot(void **state)
{
	(void)state;
	expect("int App.inner(int)", "int App.inner(int)", "", 0, 0);
	expect("Interpreter", "Interpreter", "", 0, FRAME_LIBRARY);
	expect("Interpreter.run", "Interpreter.run", "", 0, 0);
	expect("StubRoutines (1)", "StubRoutines (1)", "", 0, FRAME_LIBRARY);
}

/* What is not certain stays whole. */
static void test_others(void **state)
{
	static const char *const whole[] = {
		"",
		"Lcom/foo/Bar;::baz",
		"int java.lang.String.hashCode()",
		"JS:",
		"JS:*",
		"JS:*f",
		"JS:*f g.js",
		"JS:*f g.js:",
		"JS:*f g.js:x",
		"JS:*f g.js:1x",
		"JS:*f g.js:12345678901",
		"JS:*get size /srv/a.js:1:2",
		"JS:*f /srv/my app/a.js:1:2",
		"JS:~*f g.js:1:2",
		"py::",
		"py::f",
		"py::f:",
		"py:::x",
		"RegExp:a+ b:1",
		"TRACE_1::a.lua:3",
		"js:*f g.js:1:2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		expect(whole[i], whole[i], "", 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v8),
		cmocka_unit_test(test_python),
		cmocka_unit_test(test_hotspot),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
