/* test_jsonl_tasks.c: the record of tasks, field by field. */
#include "tests/unit/output/printed.h"

#include <jansson.h>

/* Record number `index` of that type. */
static json_t *record(const char *type, size_t index)
{
	_cleanup_free_ char *text = printed("jsonl", fixture_find("tasks"), NULL);

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *o = json_loads(line, 0, NULL);

		assert_non_null(o);
		if (strcmp(json_string_value(json_object_get(o, "type")), type) == 0 &&
		    index-- == 0)
			return o;
		json_decref(o);
	}
	fail_msg("no such record: %s", type);
	return NULL;
}

static const char *text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_int_t number_of(json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static void a_task_has_its_chain(void **state)
{
	json_t *o = record("tasks", 0), *tasks = json_object_get(o, "tasks"), *t, *awaits;

	(void)state;
	assert_int_equal(number_of(json_object_get(o, "proc"), "pid"), 4711);
	assert_int_equal(number_of(json_object_get(o, "loop"), "tid"), 4711);
	assert_string_equal(text_of(json_object_get(o, "loop"), "kind"), "asyncio");
	assert_int_equal(json_array_size(tasks), 35);
	t = json_array_get(tasks, 3);
	assert_int_equal(number_of(t, "id"), 3);
	assert_string_equal(text_of(t, "name"), "sell-1");
	assert_string_equal(text_of(t, "state"), "waiting");
	assert_string_equal(text_of(t, "coro"), "Shop.sell");
	assert_string_equal(text_of(t, "file"), "/srv/shop/api/shop.py");
	assert_int_equal(number_of(t, "line"), 33);
	awaits = json_object_get(t, "awaits");
	assert_int_equal(json_array_size(awaits), 4);
	assert_string_equal(text_of(json_array_get(awaits, 1), "fn"), "Store.write");
	assert_null(json_object_get(json_array_get(awaits, 1), "library"));
	assert_true(json_is_true(json_object_get(json_array_get(awaits, 2), "library")));
	assert_string_equal(text_of(json_array_get(awaits, 3), "kind"), "future");
	assert_int_equal(json_integer_value(json_array_get(json_object_get(t, "awaited_by"), 0)),
			 0);
	json_decref(o);
}

static void edges_and_locks_name_tasks(void **state)
{
	json_t *o = record("tasks", 0), *tasks = json_object_get(o, "tasks"), *awaits, *lock;

	(void)state;
	awaits = json_object_get(json_array_get(tasks, 11), "awaits");
	assert_int_equal(number_of(json_array_get(awaits, 1), "task"), 8);
	assert_null(json_object_get(json_array_get(awaits, 2), "task")); /* not listed */
	awaits = json_object_get(json_array_get(tasks, 4), "awaits");
	assert_string_equal(text_of(json_array_get(awaits, 3), "address"), "0x7f65937738");
	assert_true(json_is_true(json_object_get(json_array_get(tasks, 10), "truncated")));
	lock = json_array_get(json_object_get(o, "locks"), 0);
	assert_string_equal(text_of(lock, "type"), "Lock");
	assert_int_equal(number_of(lock, "owner"), 3);
	assert_int_equal(json_array_size(json_object_get(lock, "waiters")), 4);
	json_decref(o);
}

/* A figure that is not known is not there, rather than a wrong one. */
static void unknown_is_left_out(void **state)
{
	json_t *o = record("tasks", 2);

	(void)state;
	assert_null(json_object_get(o, "ready"));
	assert_null(json_object_get(o, "scheduled"));
	assert_null(json_object_get(json_object_get(o, "loop"), "tid"));
	assert_int_equal(number_of(o, "vanished"), 1);
	assert_int_equal(number_of(o, "skipped"), 2040);
	json_decref(o);
	o = record("tasks", 0);
	assert_int_equal(number_of(o, "ready"), 57);
	assert_int_equal(number_of(o, "scheduled"), 35);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_has_its_chain),
		cmocka_unit_test(edges_and_locks_name_tasks),
		cmocka_unit_test(unknown_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
