/* test_text.c: the summary stays inside its width and says what it has to say. */
#include "tests/unit/output/printed.h"

#include "output/words.h"

/* Every line of every fixture fits, at the default width and at others. */
static void lines_fit_the_width(void **state)
{
	static const unsigned widths[] = { 0, 60, 61, 79, 100, 173 };

	(void)state;
	for (unsigned i = 0; fixture_name(i); i++) {
		for (size_t k = 0; k < 2 * COUNTOF(widths); k++) {
			struct writer_opts o = { .width = widths[k / 2], .verbose = k % 2 };
			_cleanup_free_ char *text = printed("text", fixture_find(fixture_name(i)),
							    &o);
			char *save = NULL;

			for (char *line = strtok_r(text, "\n", &save); line;
			     line = strtok_r(NULL, "\n", &save))
				if (text_columns(line) > (o.width ? o.width : 100))
					fail_msg("%s: %s", fixture_name(i), line);
		}
	}
}

/* Colours only on request; without them nothing but text leaves the tool. */
static void colours_are_asked_for(void **state)
{
	const struct writer_opts o = { .color = true };
	_cleanup_free_ char *plain = printed("text", fixture_find("demo"), NULL);
	_cleanup_free_ char *bold = printed("text", fixture_find("demo"), &o);

	(void)state;
	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(bold, "\033[1mstallprof"));
	assert_int_equal(times_in(bold, "\033[1m"), times_in(bold, "\033[0m"));
}

/* Several processes: the head counts them and names each. */
static void several_processes_are_named(void **state)
{
	struct profile p = *fixture_find("healthy");
	struct proc procs[2] = { p.procs[0], p.procs[0] };
	_cleanup_free_ char *text = NULL;

	(void)state;
	procs[1].pid = 4243;
	procs[1].comm = "redis-server";
	procs[1].runtime = procs[1].version = "";
	p.procs = procs;
	p.n_procs = 2;
	text = printed("text", &p, NULL);
	assert_non_null(strstr(text, "stallprof  2 processes  30.0s"));
	assert_non_null(strstr(text, "  pid 4242 uvicorn  python 3.11.2\n"));
	assert_non_null(strstr(text, "  pid 4243 redis-server\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_fit_the_width),
		cmocka_unit_test(colours_are_asked_for),
		cmocka_unit_test(several_processes_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
