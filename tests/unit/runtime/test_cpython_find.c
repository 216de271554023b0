/* test_cpython_find.c: which mapped file is the interpreter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "runtime/cpython_find.h"
#include "tests/support/python_truth.h"

/* File names tell a version only in the usual forms. */
static void test_names(void **state)
{
	(void)state;
	assert_int_equal(cpython_minor_of_name("libpython3.9.so.1.0"), 9);
	assert_int_equal(cpython_minor_of_name("python3.13"), 13);
	assert_int_equal(cpython_minor_of_name("libpython3.so"), 0);
	assert_int_equal(cpython_minor_of_name("python3.x"), 0);
	assert_int_equal(cpython_minor_of_name("python3.4294967304"), 0);
	assert_int_equal(cpython_minor_of_name("uwsgi"), 0);
}

static void check_python(const char *python)
{
	const struct mapping *m;
	struct cpython_place place;
	struct process *p;
	struct truth t;
	uint64_t word;

	assert_int_equal(truth_start(&t, python), 0);
	assert_int_equal(process_open("/proc", t.pid, &p), 0);
	assert_int_equal(cpython_find(p, &place), 0);
	assert_true(place.minor >= 8);
	assert_int_equal(place.micro >= 0, place.minor >= 11);
	m = process_map(p, place.text_start);
	assert_true(m && m->exec && strstr(m->path, "python"));
	/* the loop's function is large and lies in the text, and so does what was split off it */
	assert_true(place.eval[0].start >= place.text_start);
	assert_true(place.eval[0].end <= place.text_end);
	assert_true(place.eval[0].end - place.eval[0].start + place.eval[1].end -
			    place.eval[1].start >
		    20000);
	assert_true(place.eval[1].end >= place.eval[1].start &&
		    place.eval[1].end <= place.text_end);
	/* a type object begins with a count and its own type, which is `type` for all three */
	assert_int_equal(process_read_u64(p, place.code_type + 8, &word), 0);
	assert_non_null(process_map(p, word));
	process_close(p);
	truth_stop(&t);
}

/* Static and shared builds are both found, with all addresses inside the process. */
static void test_live(void **state)
{
	(void)state;
	assert_true(truth_each_python(check_python) >= 1);
}

/* This test is no interpreter, though its path may well hold the word. */
static void test_none(void **state)
{
	struct cpython_place place = { .minor = 77 };
	struct process *p;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(cpython_find(p, &place), -ENOENT);
	assert_int_equal(place.minor, 77);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
