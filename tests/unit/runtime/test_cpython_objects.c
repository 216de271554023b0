/* test_cpython_objects.c: objects of every version, whole, torn, wrong and absurd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_python.h"

static struct fake *f;

/* A type is known by its name or its base's; a class of a program that is called the same is not.
 */
static void check_types(void)
{
	uint64_t mine = fake_type(f, "set", 1ull << 9, f->object);
	uint64_t derived = fake_type(f, "MyTask", 1ull << 9, f->task), loop, plain;
	struct cpython_type type;

	assert_int_equal(cpython_is(&f->rd, fake_object(f, f->set, 64), "set"), 0);
	assert_int_equal(cpython_is(&f->rd, fake_object(f, mine, 64), "set"), -EPROTO);
	assert_int_equal(cpython_is(&f->rd, fake_object(f, derived, 64), "_asyncio.Task"), 0);
	assert_int_equal(cpython_is(&f->rd, fake_object(f, f->future, 64), "_asyncio.Task"),
			 -EPROTO);
	assert_int_equal(cpython_type_of(&f->rd, fake_object(f, derived, 64), &type), 0);
	assert_string_equal(type.name, "MyTask");
	assert_int_equal(type.addr, derived);
	assert_true(cpython_is_none(&f->rd, f->None));
	assert_false(cpython_is_none(&f->rd, 0));

	loop = fake_type(f, "a\x01\xff", 0, 0); /* whose base is itself */
	fake_put(f, loop + CPYTHON_TYPE_BASE, loop);
	plain = fake_object(f, loop, 32);
	assert_int_equal(cpython_is(&f->rd, plain, "set"), -EPROTO);
	assert_int_equal(cpython_type_of(&f->rd, plain, &type), 0);
	assert_string_equal(type.name, "a??");
	fake_put(f, plain + CPYTHON_OB_TYPE, f->None); /* an object, but no type */
	assert_int_equal(cpython_is(&f->rd, plain, "set"), -EPROTO);
	fake_put(f, plain + CPYTHON_OB_TYPE, 0);
	assert_int_equal(cpython_is(&f->rd, plain, "set"), -EFAULT);
}

static void check_str(void)
{
	cleanup(str_releasep) struct str text = { 0 };
	uint64_t s = fake_str(f, "Tick tock"), wide = fake_object(f, f->str, 200);
	static const uint16_t chars[] = { 'a', 0xe9, 0x20ac, 0xd83d, 0, 'z' };
	char buf[16];

	assert_int_equal(cpython_str(&f->rd, s, 4, &text), 0);
	assert_string_equal(str_text(&text), "Tick");
	assert_int_equal(cpython_str_copy(&f->rd, s, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "Tick tock");
	assert_int_equal(cpython_str_is(&f->rd, s, "Tick tock"), 0);
	assert_int_equal(cpython_str_is(&f->rd, s, "Tick tack"), -ENOENT);
	assert_int_equal(cpython_str_is(&f->rd, s, "Tick"), -ENOENT);
	assert_int_equal(cpython_str_copy(&f->rd, f->None, buf, sizeof(buf)), -EPROTO);
	fake_put(f, s + CPYTHON_OB_TYPE, f->set);
	assert_int_equal(cpython_str_copy(&f->rd, s, buf, sizeof(buf)), -EPROTO);

	fake_put(f, wide + CPYTHON_TEXT_LENGTH, 6);
	fake_put32(f, wide + CPYTHON_TEXT_STATE, 2 << 2 | 1 << 5);
	memcpy(fake_at(f, wide + f->o.text_compact), chars, sizeof(chars));
	assert_int_equal(cpython_str_copy(&f->rd, wide, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "a\u00e9\u20ac\ufffd\ufffdz");
	assert_int_equal(cpython_str_copy(&f->rd, wide, buf, 6), 0);
	assert_string_equal(buf, "a\u00e9"); /* not a part of the next character */
	fake_put(f, wide + CPYTHON_TEXT_LENGTH, 1ull << 62);
	assert_int_equal(cpython_str_copy(&f->rd, wide, buf, sizeof(buf)), 0);
	fake_put32(f, wide + CPYTHON_TEXT_STATE, 3 << 2 | 1 << 5);
	assert_int_equal(cpython_str_copy(&f->rd, wide, buf, sizeof(buf)), -EPROTO);
}

static void check_int(void)
{
	static const int64_t values[] = {
		0, 1, -1, 7, 1 << 30, -(1ll << 31), 0x7f12345678abc0, INT64_MAX, -INT64_MAX
	};
	uint64_t big = fake_int(f, INT64_MAX);
	int64_t got = 0;
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_int_equal(cpython_int(&f->rd, fake_int(f, values[i]), &got), 0);
		assert_true(got == values[i]);
	}
	fake_put32(f, big + CPYTHON_INT_DIGITS + 8, 0x3fffffff);
	assert_int_equal(cpython_int(&f->rd, big, &got), -ERANGE);
	fake_put32(f, big + CPYTHON_INT_DIGITS + 8, 16); /* 2 to the 64th */
	assert_int_equal(cpython_int(&f->rd, big, &got), -ERANGE);
	fake_put32(f, big + CPYTHON_INT_DIGITS, 0x40000000);
	fake_put32(f, big + CPYTHON_INT_DIGITS + 8, 1);
	assert_int_equal(cpython_int(&f->rd, big, &got), -EPROTO);
	fake_put(f, big + CPYTHON_OB_SIZE, 1ull << 60);
	assert_int_equal(cpython_int(&f->rd, big, &got), -ERANGE);
	assert_int_equal(cpython_int(&f->rd, f->None, &got), -EPROTO);
}

static void check_items(void)
{
	uint64_t items[3] = { f->None, f->set, f->type }, object;
	uint64_t list = fake_list(f, 3, items), tuple = fake_tuple(f, 3, items);
	struct cpython_items got;

	assert_int_equal(cpython_items(&f->rd, list, &got), 0);
	assert_int_equal(got.count, 3);
	assert_int_equal(cpython_item(&f->rd, &got, 2, &object), 0);
	assert_int_equal(object, f->type);
	assert_int_equal(cpython_item(&f->rd, &got, 3, &object), -ENOENT);
	assert_int_equal(cpython_items(&f->rd, tuple, &got), 0);
	assert_int_equal(cpython_item(&f->rd, &got, 1, &object), 0);
	assert_int_equal(object, f->set);
	fake_put(f, tuple + CPYTHON_OB_SIZE, UINT64_MAX);
	assert_int_equal(cpython_items(&f->rd, tuple, &got), -E2BIG);
	fake_put(f, list + CPYTHON_LIST_ITEMS, 1ull << 63);
	assert_int_equal(cpython_items(&f->rd, list, &got), 0);
	assert_int_equal(cpython_item(&f->rd, &got, 0, &object), -EFAULT);
	assert_int_equal(cpython_items(&f->rd, f->None, &got), -EPROTO);
}

static void check_queues(void)
{
	uint64_t queue = fake_queue(f, 7), deque = fake_deque(f, 57), length;

	assert_int_equal(cpython_deque_length(&f->rd, deque, &length), 0);
	assert_int_equal(length, 57);
	assert_int_equal(cpython_deque_length(&f->rd, queue, &length), -EPROTO);
	fake_put(f, deque + CPYTHON_OB_SIZE, UINT64_MAX);
	assert_int_equal(cpython_deque_length(&f->rd, deque, &length), -E2BIG);
	assert_int_equal(cpython_queue_length(&f->rd, queue, &length), 0);
	assert_int_equal(length, 7);
	assert_int_equal(cpython_queue_length(&f->rd, deque, &length), -EPROTO);
	if (f->l.queue_ring)
		return;
	fake_put(f, queue + CPYTHON_QUEUE_POS, 11); /* of a list of 10 */
	assert_int_equal(cpython_queue_length(&f->rd, queue, &length), -EPROTO);
	fake_put(f, queue + CPYTHON_QUEUE_LIST, f->None);
	assert_int_equal(cpython_queue_length(&f->rd, queue, &length), -EPROTO);
}

static void check_callables(void)
{
	uint64_t function = fake_function(f, 0x77777000), method = fake_object(f, f->method, 48);
	uint64_t builtin = fake_object(f, f->builtin, 48), ref = fake_weakref(f, f->set);
	uint64_t partial = fake_object(f, f->partial, 48), a, b;

	fake_put(f, method + CPYTHON_METHOD_FUNC, function);
	fake_put(f, method + CPYTHON_METHOD_SELF, f->None);
	fake_put(f, partial + CPYTHON_PARTIAL_FUNC, method);
	assert_int_equal(cpython_function_code(&f->rd, function, &a), 0);
	assert_int_equal(a, 0x77777000);
	assert_int_equal(cpython_function_code(&f->rd, method, &a), -EPROTO);
	assert_int_equal(cpython_method(&f->rd, method, &a, &b), 0);
	assert_int_equal(a, function);
	assert_int_equal(b, f->None);
	assert_int_equal(cpython_method(&f->rd, function, &a, &b), -EPROTO);
	assert_int_equal(cpython_builtin_self(&f->rd, builtin, &a), -ENOENT);
	fake_put(f, builtin + CPYTHON_BUILTIN_SELF, f->task);
	assert_int_equal(cpython_builtin_self(&f->rd, builtin, &a), 0);
	assert_int_equal(a, f->task);
	assert_int_equal(cpython_partial_function(&f->rd, partial, &a), 0);
	assert_int_equal(a, method);
	assert_int_equal(cpython_weakref(&f->rd, ref, &a), 0);
	assert_int_equal(a, f->set);
	fake_put(f, ref + CPYTHON_WEAKREF_OBJECT, f->None);
	assert_int_equal(cpython_weakref(&f->rd, ref, &a), -ENOENT);
	assert_int_equal(cpython_weakref(&f->rd, function, &a), -EPROTO);
}

static void over_versions(void (*check)(void))
{
	uint32_t minor;

	for (minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		f = fake_new(minor);
		check();
		f = fake_free(f);
	}
}

#define OVER_VERSIONS(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		over_versions(check_##name); \
	}
OVER_VERSIONS(types)
OVER_VERSIONS(str)
OVER_VERSIONS(int)
OVER_VERSIONS(items)
OVER_VERSIONS(queues)
OVER_VERSIONS(callables)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),  cmocka_unit_test(test_str),
		cmocka_unit_test(test_int),    cmocka_unit_test(test_items),
		cmocka_unit_test(test_queues), cmocka_unit_test(test_callables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
