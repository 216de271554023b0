/* test_jsonl.c: the records can be read back and keep the contract's promises. */
#include "tests/unit/output/printed.h"

#include <jansson.h>
#include <time.h>

#include "output/words.h"

static void drop(json_t **json)
{
	json_decref(*json);
}

/* All records of a fixture as a list; every line has to be one object. */
static json_t *records(const char *fixture, const struct writer_opts *o)
{
	_cleanup_free_ char *text = printed("jsonl", fixture_find(fixture), o);
	json_t *list = json_array();
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(record);
		assert_int_equal(json_integer_value(json_object_get(record, "v")), 1);
		assert_int_equal(strlen(json_string_value(json_object_get(record, "ts"))), 30);
		json_array_append_new(list, record);
	}
	return list;
}

static const char *type_of(const json_t *list, size_t i)
{
	return json_string_value(json_object_get(json_array_get(list, i), "type"));
}

/* attach first, stalls in their order, summary last. */
static void records_come_in_order(void **state)
{
	cleanup(drop) json_t *list = records("demo", NULL);

	(void)state;
	assert_int_equal(json_array_size(list), 1 + 9 + 1);
	assert_string_equal(type_of(list, 0), "attach");
	for (size_t i = 1; i < 10; i++)
		assert_string_equal(type_of(list, i), "stall");
	assert_string_equal(type_of(list, 10), "summary");
}

/* The nine classes add up to the length, in every record. */
static void classes_sum_to_the_length(void **state)
{
	cleanup(drop) json_t *list = records("demo", NULL);
	size_t i;
	json_t *record, *value;
	const char *key;

	(void)state;
	json_array_foreach(list, i, record)
	{
		json_int_t sum = 0, length = json_integer_value(json_object_get(record, "dur_ns"));
		json_t *ns = json_object_get(record, "ns");

		if (strcmp(type_of(list, i), "stall") != 0)
			continue;
		assert_int_equal(json_object_size(ns), CLASS_COUNT);
		json_object_foreach(ns, key, value) sum += json_integer_value(value);
		assert_int_equal(sum, length);
	}
}

/* A part's stack is an index into the stacks of its own record. */
static void parts_point_into_their_record(void **state)
{
	cleanup(drop) json_t *list = records("demo", NULL);
	json_t *child = json_array_get(list, 8);
	json_t *part = json_array_get(json_object_get(child, "parts"), 0);
	json_t *stack = json_array_get(json_object_get(child, "stacks"),
				       json_integer_value(json_object_get(part, "stack")));
	json_t *inner = json_array_get(json_object_get(stack, "frames"), 0);

	(void)state;
	assert_non_null(json_object_get(part, "stack"));
	assert_string_equal(json_string_value(json_object_get(inner, "fn")), "do_wait");
	assert_string_equal(json_string_value(json_object_get(inner, "kind")), "kernel");
}

/* The keys of a stall stand in the contract's order; what is not known is not there. */
static void keys_are_in_the_contracts_order(void **state)
{
	static const char *const order[] = {
		"v",	  "type",	   "state",   "id",   "key",	"ts",  "start_ns",
		"dur_ns", "threshold_ns",  "clipped", "proc", "loop",	"why", "ns",
		"parts",  "parts_dropped", "stacks",  "at",   "quality"
	};
	cleanup(drop) json_t *list = records("demo", NULL);
	json_t *stall = json_array_get(list, 2);
	void *at = json_object_iter(stall);

	(void)state;
	for (size_t i = 0; i < COUNTOF(order); i++, at = json_object_iter_next(stall, at))
		assert_string_equal(json_object_iter_key(at), order[i]);
	assert_null(at);
	assert_null(json_object_get(json_array_get(list, 1), "at"));
}

/* Names come back as they were. */
static void hostile_names_survive(void **state)
{
	cleanup(drop) json_t *list = records("hostile", NULL);
	json_t *at = json_object_get(json_array_get(list, 1), "at");
	json_t *lost = json_object_get(json_array_get(list, 4), "lost");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(at, "fn")), EVIL);
	assert_int_equal(json_integer_value(json_object_get(lost, "events")), 1234567);
	assert_int_equal(json_integer_value(json_object_get(lost, "stacks")), 0);
}

/* Stalls that were streamed are not written again; one streamed stall is one line. */
static void streamed_stalls_are_not_repeated(void **state)
{
	const struct writer_opts o = { .streamed = true };
	cleanup(drop) json_t *list = records("demo", &o);
	const struct profile *p = fixture_find("demo");
	_cleanup_free_ char *all = printed("jsonl", p, NULL), *one = NULL;
	size_t len;
	FILE *f = open_memstream(&one, &len);

	(void)state;
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(writer_find("jsonl")->stall(p, &p->stalls[3], &o, f), 0);
	fclose(f);
	assert_int_equal(times_in(one, "\n"), 1);
	assert_non_null(strstr(all, one));
}

/* Off-CPU rows: one record each, with what belongs to their kind. */
static void offcpu_rows_are_records(void **state)
{
	cleanup(drop) json_t *list = records("offcpu", NULL);
	json_t *stack = json_array_get(list, 1), *thread = json_array_get(list, 6);
	json_t *bucket = json_array_get(json_object_get(stack, "hist_ns"), 0);

	(void)state;
	assert_int_equal(json_array_size(list), 1 + 7 + 1);
	assert_string_equal(json_string_value(json_object_get(stack, "by")), "stack");
	assert_int_equal(json_array_size(json_object_get(stack, "frames")), 11);
	assert_int_equal(json_integer_value(json_array_get(bucket, 0)), 1 << 27);
	assert_true(json_is_true(json_object_get(json_array_get(list, 3), "overflow")));
	assert_null(json_object_get(json_array_get(list, 3), "proc"));
	assert_string_equal(json_string_value(json_object_get(thread, "by")), "thread");
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(thread, "thread"), "tid")),
			 4242);
}

static clock_t time_to_print(const struct profile *p)
{
	_cleanup_free_ char *text = NULL;
	clock_t start = clock();

	text = printed("jsonl", p, NULL);
	return clock() - start;
}

/* CPU time of as many loops as processes, without figures, and a wait of a thread in each. */
static clock_t time_of_procs(size_t n)
{
	_cleanup_free_ struct proc *procs = calloc(n, sizeof(*procs));
	_cleanup_free_ struct loop *loops = calloc(n, sizeof(*loops));
	_cleanup_free_ struct thread_row *rows = calloc(n, sizeof(*rows));
	struct profile p = *fixture_find("demo");

	for (size_t i = 0; i < n; i++) {
		procs[i] = p.procs[0];
		loops[i] = (struct loop){ .proc = (int)i, .kind = "", .poll = "", .fd = -1 };
		rows[i] = (struct thread_row){
			.proc = (int)(n - 1 - i), .group = "", .stack = -1, .syscall = ""
		};
	}
	p.procs = procs;
	p.loops = loops;
	p.threads = rows;
	p.n_procs = p.n_loops = p.n_threads = n;
	p.n_stalls = 0;
	return time_to_print(&p);
}

/* No recording makes a report take the square of what it holds: with eight times as much it takes
 * less than 20 times as long. */
static void time_is_linear(void **state)
{
	clock_t few = time_of_procs(5003);

	(void)state;
	assert_true(time_of_procs(40009) < 20 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_in_order),
		cmocka_unit_test(classes_sum_to_the_length),
		cmocka_unit_test(parts_point_into_their_record),
		cmocka_unit_test(keys_are_in_the_contracts_order),
		cmocka_unit_test(hostile_names_survive),
		cmocka_unit_test(streamed_stalls_are_not_repeated),
		cmocka_unit_test(offcpu_rows_are_records),
		cmocka_unit_test(time_is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
