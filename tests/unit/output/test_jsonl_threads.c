/* test_jsonl_threads.c: the records about pools, threads and loops that come and go. */
#include "tests/unit/output/printed.h"

#include <jansson.h>

static void drop(json_t **json)
{
	json_decref(*json);
}

/* The n-th record of that type; NULL: there is none. */
static json_t *record(const char *fixture, const char *type, size_t n)
{
	_cleanup_free_ char *text = printed("jsonl", fixture_find(fixture), NULL);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(o);
		if (!strcmp(json_string_value(json_object_get(o, "type")), type) && n-- == 0)
			return o;
		json_decref(o);
	}
	return NULL;
}

static json_int_t number(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

/* The contract's fields, and the stack of each wait in the record's own list. */
static void pools_are_records(void **state)
{
	cleanup(drop) json_t *pool = record("pools", "pool", 0);
	cleanup(drop) json_t *second = record("pools", "pool", 1);
	cleanup(drop) json_t *none = record("pools", "pool", 3);
	json_t *wait = json_array_get(json_object_get(pool, "waits"), 1);
	json_t *stack = json_array_get(json_object_get(pool, "stacks"), number(wait, "stack"));
	json_t *inner = json_array_get(json_object_get(stack, "frames"), 0);

	(void)state;
	assert_null(none);
	assert_int_equal(number(pool, "threads"), 32);
	assert_int_equal(number(pool, "max"), 32);
	assert_null(json_object_get(second, "max")); /* not known */
	assert_int_equal(number(pool, "exhausted_ns"), 4100 * MS);
	assert_int_equal(number(pool, "queue_wait_max_ns"), 3100 * MS);
	assert_int_equal(number(pool, "queued_max"), 41);
	assert_int_equal(json_array_size(json_object_get(pool, "busy_ns")), 2);
	assert_int_equal(json_array_size(json_object_get(pool, "tids")), 2);
	assert_int_equal(json_array_size(json_object_get(pool, "waits")), 2);
	assert_int_equal(number(wait, "weight_ns"), 7 * S);
	assert_string_equal(json_string_value(json_object_get(inner, "fn")),
			    "JSONEncoder.iterencode");
}

/* One for each process, with all its rows, idle ones marked. */
static void threads_are_a_record(void **state)
{
	cleanup(drop) json_t *threads = record("pools", "threads", 0);
	cleanup(drop) json_t *more = record("pools", "threads", 1);
	cleanup(drop) json_t *calm = record("demo", "threads", 0);
	json_t *waits = json_object_get(threads, "waits");
	json_t *made = json_array_get(json_object_get(threads, "made_from"), 0);

	(void)state;
	assert_null(more);
	assert_null(calm);
	assert_int_equal(number(threads, "first"), 12);
	assert_int_equal(number(threads, "last"), 120);
	assert_int_equal(number(threads, "max"), 131);
	assert_int_equal(json_array_size(json_object_get(threads, "counts")), 4);
	assert_int_equal(number(made, "count"), 240);
	assert_non_null(json_object_get(made, "frames"));
	assert_int_equal(json_array_size(waits), 4);
	assert_true(json_is_true(json_object_get(json_array_get(waits, 3), "idle")));
	assert_null(json_object_get(json_array_get(waits, 0), "idle"));
}

static void churn_is_a_record(void **state)
{
	cleanup(drop) json_t *churn = record("pools", "churn", 0);
	json_t *stacks = json_object_get(churn, "stacks");

	(void)state;
	assert_int_equal(number(churn, "loops_created"), 50);
	assert_int_equal(number(churn, "alive_max"), 13);
	assert_int_equal(number(json_object_get(churn, "lifetime_ns"), "mean"), 104 * MS);
	assert_int_equal(json_array_size(stacks), 2);
	assert_null(json_object_get(json_array_get(stacks, 1), "frames"));
}

/* Depths stand in the summary, with what was never known left out. */
static void depths_are_in_the_summary(void **state)
{
	cleanup(drop) json_t *summary = record("pools", "summary", 0);
	cleanup(drop) json_t *plain = record("demo", "summary", 0);
	json_t *loop = json_array_get(json_object_get(summary, "loops"), 0);
	json_t *depth = json_object_get(loop, "loop_depth");

	(void)state;
	assert_int_equal(number(json_object_get(depth, "ready"), "last"), 412);
	assert_int_equal(number(json_object_get(depth, "scheduled"), "samples"), 3);
	assert_int_equal(number(json_object_get(depth, "tasks"), "max"), 1204);
	loop = json_array_get(json_object_get(plain, "loops"), 0);
	assert_null(json_object_get(loop, "loop_depth"));
}

/* Task, holder, waker and convoy of stalls; nothing that was not known. */
static void stalls_say_who(void **state)
{
	cleanup(drop) json_t *held = record("gil", "stall", 0);
	cleanup(drop) json_t *convoy = record("gil", "stall", 1);
	cleanup(drop) json_t *lock = record("gil", "stall", 2);
	cleanup(drop) json_t *nobody = record("gil", "stall", 4);
	json_t *holder = json_object_get(held, "holder"), *part;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(holder, "kind")), "gil");
	assert_string_equal(json_string_value(json_object_get(holder, "comm")), "worker-3");
	assert_int_equal(number(holder, "tid"), 4260);
	assert_int_equal(json_array_size(json_object_get(holder, "frames")), 3);
	assert_int_equal(json_array_size(json_object_get(held, "holders")), 2);
	assert_string_equal(json_string_value(
				    json_object_get(json_object_get(held, "task"), "name")),
			    "Task-812");
	assert_null(json_object_get(held, "convoy"));
	assert_true(json_is_true(json_object_get(convoy, "convoy")));
	part = json_array_get(json_object_get(lock, "parts"), 1);
	assert_int_equal(number(json_object_get(part, "waker"), "tid"), 4261);
	assert_null(json_object_get(part, "holder"));
	assert_null(json_object_get(json_object_get(lock, "task"), "name"));
	assert_null(json_object_get(nobody, "holder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_are_records), cmocka_unit_test(threads_are_a_record),
		cmocka_unit_test(churn_is_a_record), cmocka_unit_test(depths_are_in_the_summary),
		cmocka_unit_test(stalls_say_who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
