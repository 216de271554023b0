/* test_v8_names.c: functions of a made heap: their names, lines and identity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/control.h"
#include "tests/unit/runtime/fake_v8_session.h"

static uint64_t script;

static int setup(void **state)
{
	int r = fake_v8_open("/srv");

	(void)state;
	script = fake_script(&f, fake_string(&f, "line 1\nline 2\nline 3\n"),
			     fake_string(&f, "/srv/app.js"));
	return r;
}

static const struct v8_function *get(uint64_t shared, uint16_t cookie)
{
	const struct v8_function *found = NULL;

	v8_heap_begin(&h);
	assert_int_equal(v8_names_get(names, shared, cookie, &found), 0);
	return found;
}

/* name: its hash in a made heap is 0, its length counts. */
static uint16_t cookie_of(uint32_t literal, const char *name)
{
	const __u64 ids[2] = { 0x2000d00020001ull, (uint64_t)literal << 32 | 0x1100 };

	return jit_cookie(ids, fake_smi(1), (uint64_t)strlen(name) << 32);
}

/* Bytecode whose rows are: from 0 on character 0, from 3 on character 8. */
static uint64_t bytecode(void)
{
	static const uint8_t rows[] = { 0x02, 0x04, 0x06, 0x20 }, code[17];
	uint64_t b = fake_object(&f, FAKE_BYTECODE, 12);

	fake_put(&f, b, 8, fake_smi(sizeof(code)));
	fake_put(&f, b, 32, fake_array(&f, FAKE_BYTES, rows, sizeof(rows), sizeof(rows)));
	return b;
}

/* Names from scopes and strings; those that have none are called as V8 does. */
static void test_names(void **state)
{
	uint64_t none = fake_scope(&f, ""), evaluated = fake_script(&f, fake_string(&f, ""), 0);

	(void)state;
	assert_string_equal(get(fake_shared(&f, fake_scope(&f, "deep"), script, 0, 5), 0)->fn,
			    "deep");
	assert_string_equal(get(fake_shared(&f, fake_string(&f, "map"), 0, 0, 5), 0)->fn, "map");
	assert_string_equal(get(fake_shared(&f, none, script, bytecode(), 5), 0)->fn,
			    "<anonymous>");
	assert_string_equal(get(fake_shared(&f, none, script, bytecode(), 0), 0)->fn, "<module>");
	fake_put(&f, evaluated, 72, fake_shared(&f, 0, script, 0, 1));
	fake_put(&f, evaluated, 16, fake_smi(0));
	assert_string_equal(get(fake_shared(&f, none, evaluated, bytecode(), 5), 0)->fn, "eval");
}

/* The name stands behind the variables, few in the scope itself, many in a table; what follows the
 * scope in memory is not its name. */
static void test_scopes(void **state)
{
	uint64_t name = fake_string(&f, "after"), few = fake_object(&f, FAKE_SCOPE, 12);
	uint64_t many = fake_object(&f, FAKE_SCOPE, 4 + 1 + 80 + 4), bare;

	(void)state;
	fake_put(&f, few, 24, fake_smi(2));
	fake_put(&f, few, 32, fake_string(&f, "variable"));
	fake_put(&f, few, 40, fake_string(&f, "another"));
	fake_put(&f, few, 64, name);
	assert_string_equal(get(fake_shared(&f, few, script, 0, 5), 0)->fn, "after");
	fake_put(&f, many, 24, fake_smi(80));
	fake_put(&f, many, 32, fake_array(&f, FAKE_ARRAY, "", 0, 0));
	fake_put(&f, many, 32 + 8 + 80 * 8, name);
	assert_string_equal(get(fake_shared(&f, many, script, 0, 5), 0)->fn, "after");
	fake_map(&f, FAKE_ARRAY);
	bare = fake_object(&f, FAKE_SCOPE, 4);
	fake_array(&f, FAKE_ARRAY, &name, sizeof(name), 1);
	assert_string_equal(get(fake_shared(&f, bare, 0, 0, 5), 0)->fn, "<anonymous>");
}

/* The offset of a frame counts from the tagged pointer; rows hold until the next. */
static void test_lines(void **state)
{
	const struct v8_function *found =
		get(fake_shared(&f, fake_scope(&f, "f"), script, bytecode(), 5), 0);

	(void)state;
	assert_string_equal(found->script->file, "app.js");
	assert_int_equal(v8_names_line(names, found, 53 + 1), 1);
	assert_int_equal(v8_names_line(names, found, 53 + 2), 1);
	assert_int_equal(v8_names_line(names, found, 53 + 3), 2);
	assert_int_equal(v8_names_line(names, found, 53 + 16), 2);
	assert_int_equal(v8_names_line(names, found, 53 + 17), 0);
	assert_int_equal(v8_names_line(names, found, 5), 0);
	assert_int_equal(v8_names_line(names, found, -1), 0);
	f.l.hidden = NULL;
	assert_int_equal(v8_names_line(names, found, 53 + 4), 0);
}

/* Of a function that stands on one line, the line is known without a place in it. */
static void test_only_line(void **state)
{
	static const uint8_t rows[] = { 0x02, 0x04, 0x06, 0x08 };
	uint64_t code = bytecode();
	const struct v8_function *found = get(fake_shared(&f, fake_scope(&f, "f"), script, code, 5),
					      0);

	(void)state;
	assert_int_equal(v8_names_only_line(names, found), 0);
	fake_put(&f, code, 32, fake_array(&f, FAKE_BYTES, rows, sizeof(rows), sizeof(rows)));
	assert_int_equal(v8_names_only_line(names, found), 1);
	fake_put(&f, code, 32, fake_smi(0));
	assert_int_equal(v8_names_only_line(names, found), 0);
}

/* A name that V8 inferred is shown where it ends in the function's own. */
static void test_inferred(void **state)
{
	static const struct {
		const char *own, *inferred, *want;
	} cases[] = {
		{ "add", "shop.cart.add", "shop.cart.add" },
		{ "add", "add", "add" },
		{ "add", "shop.readd", "add" },
		{ "add", "other.name", "add" },
		{ "add", ".add", "add" },
		{ "", "shop.add", "shop.add" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t scope = fake_scope(&f, cases[i].own);

		fake_put(&f, scope, 48, fake_string(&f, cases[i].inferred));
		assert_string_equal(get(fake_shared(&f, scope, script, 0, 5), 0)->fn,
				    cases[i].want);
	}
}

/* Positions that V8 has not made yet give no line, nor does a table that is something else. */
static void test_no_table(void **state)
{
	uint64_t code = bytecode();
	const struct v8_function *found = get(fake_shared(&f, fake_scope(&f, "f"), script, code, 5),
					      0);

	(void)state;
	fake_put(&f, code, 32, fake_string(&f, "abc"));
	assert_int_equal(v8_names_line(names, found, 53 + 3), 0);
	fake_put(&f, code, 32, fake_smi(0));
	assert_int_equal(v8_names_line(names, found, 53 + 3), 0);
}

/* An inlined function comes without a cookie, each time its caller does: it is read once. */
static void test_no_cookie(void **state)
{
	uint64_t shared = fake_shared(&f, fake_scope(&f, "inner"), script, 0, 5);
	const struct v8_function *found = get(shared, 0);

	(void)state;
	assert_string_equal(found->fn, "inner");
	assert_ptr_equal(get(shared, 0), found);
	assert_ptr_equal(get(shared, cookie_of(5, "inner")), found);
	fake_put(&f, shared, 16, fake_scope(&f, "another"));
	assert_string_equal(get(shared, 0)->fn, "another");
}

/* Another function at the address is not the one that was asked for. */
static void test_moved(void **state)
{
	uint64_t shared = fake_shared(&f, fake_scope(&f, "old"), script, 0, 5);
	const struct v8_function *found = get(shared, cookie_of(5, "old"));

	(void)state;
	assert_false(found->moved);
	assert_string_equal(found->fn, "old");
	assert_ptr_equal(get(shared, cookie_of(5, "old")), found);
	assert_true(get(shared, cookie_of(6, "old"))->moved);
	/* the same function, whose code and name were moved */
	fake_put(&f, shared, 16, fake_scope(&f, "new"));
	assert_string_equal(get(shared, cookie_of(5, "old"))->fn, "new");
	/* another name, which is what is left of another function */
	fake_put(&f, shared, 16, fake_scope(&f, "other"));
	assert_true(get(shared, cookie_of(5, "old"))->moved);
	fake_put(&f, shared, 16, fake_scope(&f, "new"));
	fake_put(&f, shared, 48, 6ull << 32);
	assert_true(get(shared, cookie_of(5, "old"))->moved);
	/* one that differs in nothing but the text it is part of */
	fake_put(&f, shared, 48, 5ull << 32);
	assert_false(get(shared, cookie_of(5, "old"))->moved);
	fake_put(&f, shared, 32, fake_script(&f, 0, 0));
	assert_true(get(shared, cookie_of(5, "old"))->moved);
	assert_true(get(fake_string(&f, "x"), cookie_of(5, "old"))->moved);
	assert_true(get(FAKE_V8_BASE - 7, 1)->moved);
}

/* What is known of a process stays when it ends; the rest cannot be read any more. */
static void test_gone(void **state)
{
	uint64_t shared = fake_shared(&f, fake_scope(&f, "known"), script, 0, 5);
	uint64_t other = fake_shared(&f, fake_scope(&f, "other"), script, 0, 5);

	(void)state;
	get(shared, cookie_of(5, "known"));
	f.error = -ESRCH;
	assert_string_equal(get(shared, cookie_of(5, "known"))->fn, "known");
	assert_true(get(other, cookie_of(5, "other"))->unread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_scopes, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_lines, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_only_line, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_inferred, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_no_table, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_no_cookie, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_moved, setup, fake_v8_close),
		cmocka_unit_test_setup_teardown(test_gone, setup, fake_v8_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
