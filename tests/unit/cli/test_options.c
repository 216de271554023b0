/* test_options.c: the option parser: spellings, lists, and errors that name the cure. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

struct values {
	bool quiet, verbose;
	uint64_t duration;
	const char *format;
	struct texts outputs;
	struct ids pids;
};

static const struct opt rows[] = {
	{ "quiet", 'q', OPT_FLAG, offsetof(struct values, quiet), NULL, "", NULL, NULL },
	{ "verbose", 'v', OPT_FLAG, offsetof(struct values, verbose), NULL, "", NULL, NULL },
	{ "duration", 'd', OPT_TIME, offsetof(struct values, duration), "TIME", "", NULL, NULL },
	{ "format", 'F', OPT_TEXT, offsetof(struct values, format), "NAME", "", NULL, NULL },
	{ "output", 'o', OPT_TEXTS, offsetof(struct values, outputs), "FILE", "", NULL, NULL },
	{ "pid", 'p', OPT_IDS, offsetof(struct values, pids), "PID", "", NULL, NULL },
	{ NULL },
};

struct parsed {
	struct values v;
	struct operands rest;
	struct str why;
	int r;
};

static void parse(struct parsed *p, const char *const *argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	*p = (struct parsed){ 0 };
	p->r = options_parse(rows, &p->v, argc, (char *const *)argv, &p->rest, &p->why);
}

static void release(struct parsed *p)
{
	options_release(rows, &p->v);
	operands_release(&p->rest);
	str_release(&p->why);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* -d 5, -d5, --duration 5 and --duration=5 all mean the same. */
static void test_spellings(void **state)
{
	const char *const *const spellings[] = {
		ARGS("-d", "5"),      ARGS("-d5"),  ARGS("--duration", "5"),
		ARGS("--duration=5"), ARGS("-qd5"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct parsed p;

		parse(&p, spellings[i]);
		assert_int_equal(p.r, 0);
		assert_int_equal(p.v.duration, 5000000000);
		release(&p);
	}
}

/* Bundled flags, repeated options and lists all arrive, in order. */
static void test_collects(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, ARGS("-qv", "-o", "a", "-p", "1,2", "--output=-", "-p3", "-F", "x", "-F", "y"));
	assert_int_equal(p.r, 0);
	assert_true(p.v.quiet && p.v.verbose);
	assert_int_equal(p.v.outputs.count, 2);
	assert_string_equal(p.v.outputs.items[1], "-");
	assert_int_equal(p.v.pids.count, 3);
	assert_int_equal(p.v.pids.items[2], 3);
	assert_string_equal(p.v.format, "y");
	release(&p);
}

/* Options may follow operands, and nothing behind "--" is ours: the program's -q stays its own. */
static void test_operands(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, ARGS("app.stall", "-v", "-", "--", "prog", "-q"));
	assert_int_equal(p.r, 0);
	assert_int_equal(p.rest.words.count, 2);
	assert_string_equal(p.rest.words.items[1], "-");
	assert_true(p.v.verbose && !p.v.quiet);
	assert_string_equal(p.rest.command[0], "prog");
	assert_string_equal(p.rest.command[1], "-q");
	assert_null(p.rest.command[2]);
	release(&p);
}

/* --help wins wherever it stands before "--", and is the program's behind it. */
static void test_help(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, ARGS("-p", "1", "--help"));
	assert_int_equal(p.r, 1);
	release(&p);
	parse(&p, ARGS("-qh"));
	assert_int_equal(p.r, 1);
	release(&p);
	parse(&p, ARGS("--", "prog", "--help"));
	assert_int_equal(p.r, 0);
	release(&p);
}

struct bad {
	const char *const *argv;
	const char *why; /* a part of the line */
};

/* Every usage error is one line with the option and the cure. */
static void test_errors(void **state)
{
	const struct bad bad[] = {
		{ ARGS("--duratoin", "5"), "--duratoin: unknown option: did you mean --duration?" },
		{ ARGS("--form=x"), "did you mean --format?" },
		{ ARGS("--zzzzzz"), "--zzzzzz: unknown option: --help" },
		{ ARGS("-x"), "-x: unknown option" },
		{ ARGS("-qx"), "-x: unknown option" },
		{ ARGS("-d"), "-d: needs a value: write -d TIME" },
		{ ARGS("--duration", "--", "x"), "--duration: needs a value" },
		{ ARGS("--duration=1e3"), "--duration 1e3: not a TIME" },
		{ ARGS("-d", "0"), "-d 0: not a TIME: give a number over 0" },
		{ ARGS("-d", "-5"), "-d -5: not a TIME" },
		{ ARGS("-d", "99999999999h"), "too large" },
		{ ARGS("--quiet=1"), "--quiet=1: takes no value: write --quiet alone" },
		{ ARGS("-p", "abc"), "-p abc: not a list of ids" },
		{ ARGS("-o", ""), "empty" },
		{ ARGS("--format="), "empty" },
		{ ARGS("--=x"), "unknown option" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct parsed p;

		parse(&p, bad[i].argv);
		if (p.r != -EINVAL || !strstr(str_text(&p.why), bad[i].why) ||
		    strchr(str_text(&p.why), '\n'))
			fail_msg("%s: %d \"%s\"", bad[i].argv[0], p.r, str_text(&p.why));
		release(&p);
	}
}

/* A list of ids is positive decimal numbers with commas between, and nothing else. */
static void test_ids(void **state)
{
	static const char *const bad[] = { "",	  "0",	 "-1",	"1,", ",1",  "1,,2", "1 2",
					   "1;2", "0x1", "1,0", "+1", "1.5", "1,a",  "all" };
	struct ids ids = { 0 };

	(void)state;
	assert_int_equal(ids_parse("23", &ids), 0);
	assert_int_equal(ids_parse("2147483647,7", &ids), 0);
	assert_int_equal(ids.items[1], 2147483647);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ids_parse(bad[i], &ids) != -EINVAL)
			fail_msg("\"%s\" was taken for ids", bad[i]);
	assert_int_equal(ids_parse("2147483648", &ids), -ERANGE);
	assert_int_equal(ids_parse("99999999999999999999999", &ids), -ERANGE);
	assert_int_equal(ids.count, 3);
	vec_release(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings), cmocka_unit_test(test_collects),
		cmocka_unit_test(test_operands),  cmocka_unit_test(test_help),
		cmocka_unit_test(test_errors),	  cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
