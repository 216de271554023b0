/* test_cpython_check.c: the self-check against a live interpreter with right and wrong offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "runtime/cpython_check.h"
#include "tests/support/python_truth.h"

static struct truth truth;
static struct process *p;
static struct cpython_place place;

static int check(const struct cpython_offsets *o, const struct cpython_place *where, char *why)
{
	struct walk_plan plan;

	return cpython_check(p, o, where, &plan, why, 160);
}

/* The right row passes and names no reason. */
static void test_right(void **state)
{
	char why[160] = "";

	(void)state;
	assert_int_equal(check(cpython_offsets_find(place.minor), &place, why), 0);
	assert_string_equal(why, "");
}

/* Each fact of the row is looked at: moved by one word, each makes the check fail with a reason. */
static void test_wrong_offsets(void **state)
{
	static const size_t members[] = {
		offsetof(struct cpython_offsets, runtime_interp_head),
		offsetof(struct cpython_offsets, runtime_key),
		offsetof(struct cpython_offsets, interp_threads),
		offsetof(struct cpython_offsets, state_interp),
		offsetof(struct cpython_offsets, state_thread_id),
		offsetof(struct cpython_offsets, state_head),
		offsetof(struct cpython_offsets, frame_code),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct cpython_offsets o = *cpython_offsets_find(place.minor);
		char why[160] = "";

		*(uint32_t *)((char *)&o + members[i]) += 8;
		assert_true(check(&o, &place, why) < 0);
		assert_true(why[0] != '\0');
	}
}

/* A GIL that is not there is noticed, per process and per interpreter. */
static void test_wrong_gil(void **state)
{
	struct cpython_offsets o = *cpython_offsets_find(place.minor);
	char why[160] = "";

	(void)state;
	if (o.runtime_gil)
		o.runtime_gil += 8;
	else
		o.interp_gil += 8;
	assert_int_equal(check(&o, &place, why), -EPROTO);
	assert_true(strstr(why, "GIL") != NULL);
}

/* Rows of other versions do not fit; a foreign code type does not either. */
static void test_other_version(void **state)
{
	struct cpython_place other = place;
	char why[160];
	uint32_t minor;

	(void)state;
	for (minor = 8; minor <= 15; minor++)
		if (minor != place.minor && cpython_offsets_find(minor))
			assert_true(check(cpython_offsets_find(minor), &place, why) < 0);
	other.code_type += 8;
	assert_int_equal(check(cpython_offsets_find(place.minor), &other, why), -EPROTO);
}

/* Another C library keeps its threads' data elsewhere: refused by its name, whatever fits. */
static void test_musl(void **state)
{
	struct mapping *last = &p->maps.list.items[p->maps.list.count - 1];
	const char *path = last->path;
	char why[160] = "";

	(void)state;
	last->path = "/lib/ld-musl-x86_64.so.1";
	assert_int_equal(check(cpython_offsets_find(place.minor), &place, why), -EPROTO);
	assert_non_null(strstr(why, "musl"));
	last->path = path;
	assert_int_equal(check(cpython_offsets_find(place.minor), &place, why), 0);
}

static int64_t slot_of(struct process *q, const struct cpython_offsets *o,
		       const struct cpython_place *where)
{
	struct walk_plan plan = { .slot_off = 0 };
	char why[160];

	if (cpython_check(q, o, where, &plan, why, sizeof(why)) < 0)
		fail_msg("3.%u: %s", o->minor, why);
	return plan.slot_off;
}

static void check_looking(const char *python)
{
	struct cpython_offsets moved;
	struct cpython_place where;
	struct truth t;
	struct process *q;
	int64_t slot;

	assert_int_equal(truth_start(&t, python), 0);
	assert_int_equal(process_open("/proc", t.pid, &q), 0);
	assert_int_equal(cpython_find(q, &where), 0);
	if (where.minor >= 13) {
		moved = *cpython_offsets_find(where.minor);
		slot = slot_of(q, &moved, &where);
		where.getter = 0;
		if (moved.runtime_key)
			moved.runtime_key += 8;
		assert_int_equal(slot_of(q, &moved, &where), slot);
	}
	process_close(q);
	truth_stop(&t);
}

/* A key that a micro release moved, code that cannot be read: the threads themselves tell. */
static void test_looking(void **state)
{
	(void)state;
	assert_true(truth_each_python(check_looking) >= 1);
}

static int start(void **state)
{
	(void)state;
	if (truth_start(&truth, "/usr/bin/python3") < 0)
		return -1;
	if (process_open("/proc", truth.pid, &p) < 0)
		return -1;
	return cpython_find(p, &place);
}

static int stop(void **state)
{
	(void)state;
	process_close(p);
	truth_stop(&truth);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),	  cmocka_unit_test(test_wrong_offsets),
		cmocka_unit_test(test_wrong_gil), cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_musl),	  cmocka_unit_test(test_looking),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
