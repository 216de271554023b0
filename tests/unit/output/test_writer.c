/* test_writer.c: the table of formats. */
#include "tests/unit/output/printed.h"

#include <errno.h>

/* Every format can be found by its name and by its own suffix, and says what it is for. */
static void every_row_is_found(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (const struct writer *w = NULL; (w = writer_next(w)); rows++) {
		char path[64];

		snprintf(path, sizeof(path), "a.b/out%s", w->suffix);
		assert_ptr_equal(writer_find(w->name), w);
		assert_ptr_equal(writer_for_path(path), w);
		assert_true(w->suffix[0] == '.' && w->help[0]);
	}
	assert_true(rows >= 4);
}

/* Nothing is guessed: no name, no suffix, a hidden file, a suffix inside the path. */
static void others_are_not_found(void **state)
{
	(void)state;
	assert_null(writer_find("nonsense"));
	assert_null(writer_find(""));
	assert_null(writer_for_path("out"));
	assert_null(writer_for_path(".svg"));
	assert_null(writer_for_path("out.svg.gz"));
	assert_null(writer_for_path(""));
}

/* A disk that is full is an error of every writer, for every fixture. */
static void a_failing_stream_is_an_error(void **state)
{
	(void)state;
	for (const struct writer *w = NULL; (w = writer_next(w));) {
		FILE *f = full_stream();

		assert_int_equal(w->write(fixture_find("demo"), NULL, f), -EIO);
		fclose(f);
	}
}

/* Writing twice gives the same bytes. */
static void output_is_deterministic(void **state)
{
	(void)state;
	for (unsigned i = 0; fixture_name(i); i++) {
		for (const struct writer *w = NULL; (w = writer_next(w));) {
			_cleanup_free_ char *a = printed(w->name, fixture_find(fixture_name(i)),
							 NULL);
			_cleanup_free_ char *b = printed(w->name, fixture_find(fixture_name(i)),
							 NULL);

			assert_string_equal(a, b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found),
		cmocka_unit_test(others_are_not_found),
		cmocka_unit_test(a_failing_stream_is_an_error),
		cmocka_unit_test(output_is_deterministic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
