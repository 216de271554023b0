/* test_command.c: the way to a command, the texts made from the rows, check and schema. */
#include "fake_capture.h"

static const struct command *const table[] = {
	&command_watch, &command_record, &command_report,
	&command_tasks, &command_check,	 &command_schema,
	NULL,
};

static int run_table(const struct command *self, int argc, char **argv)
{
	char *args[32] = { (char *)"stallprof" };

	(void)self;
	for (int i = 0; i < argc; i++)
		args[i + 1] = argv[i];
	return command_main(table, argc + 1, args);
}

/* The whole program, as main.c sees it. */
static const struct command program = { .run = run_table };

static int setup(void **state)
{
	static struct sandbox box;

	fake = (struct fake){ .stalls = 1 };
	sandbox_open(&box);
	*state = &box;
	return 0;
}

static int teardown(void **state)
{
	sandbox_close(*state);
	return 0;
}

/* The first word is a command, an option of the watch, or a mistake with its cure. */
static void test_dispatch(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &program, "-q", "-p", "42"), STATUS_DONE);
	assert_int_equal(fake.played, 1);
	assert_int_equal(RUN(box, &program, "check"), STATUS_DONE);
	assert_int_equal(RUN(box, &program, "repotr"), STATUS_USAGE);
	assert_has(&box->err, "did you mean stallprof report?");
	assert_int_equal(RUN(box, &program, "4242"), STATUS_USAGE);
	assert_has(&box->err, "write stallprof -p 4242");
	assert_int_equal(RUN(box, &program, "python3", "app.py"), STATUS_USAGE);
	assert_has(&box->err, "write stallprof -- python3");
	assert_int_equal(RUN(box, &program, "--version"), STATUS_DONE);
	assert_string_equal(str_text(&box->out), "stallprof " STALLPROF_VERSION "\n");
}

/* Without a word at all nothing is watched, and one line says how to. */
static void test_no_arguments(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(run_command(box, &program, (const char *const[]){ NULL }), STATUS_USAGE);
	assert_int_equal(count_of(&box->err, "\n"), 1);
	assert_has(&box->err, "give -p PID");
}

/* Every --help fits a screen: 40 lines of 100 columns, examples first. */
static void test_help_fits(void **state)
{
	struct sandbox *box = *state;

	for (size_t i = 0; table[i]; i++) {
		size_t lines = 0;

		assert_int_equal(table[i]->name ? RUN(box, &program, table[i]->name, "--help")
						: RUN(box, &program, "--help"),
				 STATUS_DONE);
		for (const char *at = str_text(&box->out); *at; lines++) {
			size_t n = strcspn(at, "\n");

			if (n > 100)
				fail_msg("%zu columns: %.*s", n, (int)n, at);
			at += n + 1;
		}
		assert_true(lines <= 40);
		assert_true(strstr(box->out.text, "\n\nExamples:\n") ==
			    strchr(box->out.text, '\n'));
	}
}

/* --help of the program names every command and option; commands that do not exist do not appear.
 */
static void test_help_complete(void **state)
{
	struct sandbox *box = *state;

	RUN(box, &program, "--help");
	for (const struct opt *o = command_watch.opts; o->name; o++)
		assert_true(!strstr(box->out.text, o->name) == (o->kind == OPT_ELSEWHERE));
	for (size_t i = 1; table[i]; i++)
		assert_has(&box->out, table[i]->name);
	assert_has(&box->out, "shortest busy period that is a stall [100ms]\n");
	assert_null(strstr(box->out.text, "diff"));
}

/* The manual page has every section, command, option and format, and no line that roff would take
 * for a request of its own. */
static void test_man(void **state)
{
	static const char *const sections[] = {
		"NAME",	   "SYNOPSIS",	  "DESCRIPTION", "EXAMPLES",   "COMMANDS AND OPTIONS",
		"FORMATS", "EXIT STATUS", "FILES",	 "STALL LINE", "SEE ALSO",
	};
	struct sandbox *box = *state;
	cleanup(str_releasep) struct str wanted = { 0 };

	assert_int_equal(RUN(box, &program, "--help-man"), STATUS_DONE);
	assert_true(str_starts(box->out.text, ".TH STALLPROF 1"));
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		str_clear(&wanted);
		str_printf(&wanted, ".SH %s\n", sections[i]);
		assert_has(&box->out, wanted.text);
	}
	for (size_t i = 0; table[i]; i++)
		for (const struct opt *o = table[i]->opts; o->name; o++) {
			str_clear(&wanted);
			str_add(&wanted, "\\-\\-");
			for (const char *c = o->name; *c; c++)
				str_printf(&wanted, *c == '-' ? "\\%c" : "%c", *c);
			assert_has(&box->out, wanted.text);
		}
	assert_has(&box->out, "shortest busy period that is a stall.\nDefault: 100ms.\n");
	for (const struct writer *w = NULL; (w = writer_next(w));)
		assert_has(&box->out, w->suffix);
	for (const char *at = box->out.text; (at = strstr(at, "\n.")); at++)
		if (!strchr("STPinfbe", at[2]))
			fail_msg("not a request: %.20s", at + 1);
}

/* check shows each rung with its state, the cure where one fails, and says whether it is enough. */
static void test_check(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_check, "--hooks", "off-cpu=x"), STATUS_DONE);
	assert_has(&box->out, "poll         fentry                 no     refused\n");
	assert_has(&box->out, "cure: boot another kernel\n");
	assert_has(&box->out, "             tracepoint             used\n");
	assert_has(&box->out, "off-cpu      tp_btf                 works\n");
	assert_has(&box->out, "\nStalls can be captured.\n");
}

/* One process of several that cannot be watched makes the status 1. */
static void test_check_fails(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_check, "-p", "7,42"), STATUS_FAILED);
	assert_has(&box->out, "process 7\n");
	assert_has(&box->out, "process 42\n");
	assert_int_equal(count_of(&box->out, "Stalls cannot be captured"), 1);
	assert_int_equal(RUN(box, &command_check, "42"), STATUS_USAGE);
}

/* schema prints the records' description and takes no argument. */
static void test_schema(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_schema, NULL), STATUS_DONE);
	assert_has(&box->out, "stall");
	assert_int_equal(RUN(box, &command_schema, "x"), STATUS_USAGE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_dispatch),	  CASE(test_no_arguments), CASE(test_help_fits),
		CASE(test_help_complete), CASE(test_man),	   CASE(test_check),
		CASE(test_check_fails),	  CASE(test_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
