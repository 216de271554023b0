/* test_jsonl_summary.c: the records behind the stalls. */
#include "tests/unit/output/printed.h"

#include <jansson.h>

#include "output/json.h"

static void drop(json_t **json)
{
	json_decref(*json);
}

static json_t *summary_of(const struct profile *p)
{
	_cleanup_free_ char *text = NULL;
	json_t *record;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(jsonl_summary(p, f), 0);
	fclose(f);
	record = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(record);
	return record;
}

static json_t *row_record(size_t i)
{
	const struct profile *p = fixture_find("offcpu");
	_cleanup_free_ char *text = NULL;
	json_t *record;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(jsonl_offcpu(p, &p->offcpu[i], f), 0);
	fclose(f);
	record = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(record);
	return record;
}

static json_int_t integer(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

/* Stacks that may lack lines are counted where there are any. */
static void unlined_stacks_are_told(void **state)
{
	cleanup(drop) json_t *late = summary_of(fixture_find("late"));
	cleanup(drop) json_t *demo = summary_of(fixture_find("demo"));

	(void)state;
	assert_int_equal(integer(json_object_get(late, "native"), "unlined"), 1);
	assert_non_null(json_object_get(demo, "native"));
	assert_null(json_object_get(json_object_get(demo, "native"), "unlined"));
}

/* Totals are those of the profile, and the rows add up to them. */
static void totals_agree(void **state)
{
	const struct profile *p = fixture_find("demo");
	cleanup(drop) json_t *record = summary_of(p);
	json_int_t sum = 0, count = 0;
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(json_object_get(record, "rows"), i, row)
	{
		sum += integer(row, "sum_ns");
		count += integer(row, "count");
	}
	assert_int_equal(sum, p->stalled_ns);
	assert_int_equal(integer(record, "stalled_ns"), p->stalled_ns);
	assert_int_equal(count, 9);
	assert_int_equal(json_array_size(json_object_get(record, "loops")), 2);
	assert_int_equal(json_array_size(json_object_get(record, "notes")), 2);
}

/* The histogram counts every iteration. */
static void histogram_counts_every_iteration(void **state)
{
	cleanup(drop) json_t *record = summary_of(fixture_find("demo"));
	json_t *loop = json_array_get(json_object_get(record, "loops"), 0), *pair;
	json_int_t sum = 0;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(loop, "hist_ns"), i, pair)
		sum += json_integer_value(json_array_get(pair, 1));
	assert_true(sum > 9000 && integer(loop, "iterations") == 9187);
}

/* The contract's three counters are always there; damage is a sentence, or absent. */
static void losses_and_damage(void **state)
{
	cleanup(drop) json_t *healthy = summary_of(fixture_find("healthy"));
	cleanup(drop) json_t *empty = summary_of(fixture_find("empty"));
	cleanup(drop) json_t *hostile = summary_of(fixture_find("hostile"));

	(void)state;
	assert_int_equal(json_object_size(json_object_get(healthy, "lost")), 3);
	assert_int_equal(integer(json_object_get(hostile, "lost"), "events"), 1234567);
	assert_int_equal(json_object_size(json_object_get(hostile, "lost")), 4);
	assert_null(json_object_get(healthy, "incomplete"));
	assert_true(json_is_string(json_object_get(empty, "incomplete")));
}

/* Each row has what belongs to its kind, and nothing else. */
static void offcpu_rows_have_what_belongs_to_them(void **state)
{
	cleanup(drop) json_t *stack = row_record(0), *rest = row_record(2), *thread = row_record(5);
	json_t *bucket = json_array_get(json_object_get(stack, "hist_ns"), 0);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(stack, "by")), "stack");
	assert_int_equal(json_array_size(json_object_get(stack, "frames")), 11);
	assert_int_equal(json_integer_value(json_array_get(bucket, 0)), 1 << 27);
	assert_true(json_is_true(json_object_get(rest, "overflow")));
	assert_null(json_object_get(rest, "proc"));
	assert_string_equal(json_string_value(json_object_get(thread, "by")), "thread");
	assert_int_equal(integer(json_object_get(thread, "thread"), "tid"), 4242);
	assert_null(json_object_get(thread, "syscall"));
	assert_string_equal(json_string_value(json_object_get(thread, "class")), "syscall");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_agree),
		cmocka_unit_test(unlined_stacks_are_told),
		cmocka_unit_test(histogram_counts_every_iteration),
		cmocka_unit_test(losses_and_damage),
		cmocka_unit_test(offcpu_rows_have_what_belongs_to_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
