/* test_report.c: stallprof report: whole, broken and foreign files, and the raised threshold. */
#include "tape.h"

static int setup(void **state)
{
	static struct sandbox box;

	sandbox_open(&box);
	tape_record("a.stall");
	*state = &box;
	return 0;
}

static int teardown(void **state)
{
	sandbox_close(*state);
	return 0;
}

/* The summary of a recording, and nothing on standard error. */
static void test_text(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_report, "a.stall"), STATUS_DONE);
	assert_has(&box->out, "3.08s");
	assert_string_equal(str_text(&box->err), "");
}

/* The same recording gives the same bytes, in every format there is. */
static void test_repeats(void **state)
{
	struct sandbox *box = *state;

	for (const struct writer *w = NULL; (w = writer_next(w));) {
		cleanup(str_releasep) struct str first = { 0 };

		assert_int_equal(RUN(box, &command_report, "a.stall", "-F", w->name), STATUS_DONE);
		assert_true(box->out.len > 0);
		str_add_mem(&first, box->out.text, box->out.len);
		assert_int_equal(RUN(box, &command_report, "a.stall", "-F", w->name), STATUS_DONE);
		assert_int_equal(box->out.len, first.len);
		assert_memory_equal(box->out.text, first.text, first.len);
	}
}

/* A raised threshold takes out the short stalls and what they added: 330 to 770 ms are left. */
static void test_threshold(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_report, "a.stall", "--threshold", "300ms", "-F",
			     "jsonl"),
			 STATUS_DONE);
	assert_int_equal(count_of(&box->out, "\"type\":\"stall\""), 5);
	assert_int_equal(count_of(&box->out, "\"threshold_ns\":100000000"), 0);
	/* The loop's own figures and those of the whole. */
	assert_int_equal(count_of(&box->out, "\"stalls\":5,\"stalled_ns\":2750000000,"), 2);
	assert_int_equal(RUN(box, &command_report, "a.stall", "--threshold", "300ms", "-f"),
			 STATUS_DONE);
	assert_has(&box->out, " 2750000\n");
}

/* Nothing left to show is said, where the output itself is just empty. */
static void test_nothing_left(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_report, "a.stall", "--threshold", "5s", "-f"),
			 STATUS_DONE);
	assert_string_equal(str_text(&box->out), "");
	assert_string_equal(str_text(&box->err), "no stalls of 5.0s or more\n");
	assert_int_equal(RUN(box, &command_report, "a.stall", "--threshold", "5s"), STATUS_DONE);
	assert_string_equal(str_text(&box->err), "");
}

/* The threshold of the recording itself changes nothing. */
static void test_same_threshold(void **state)
{
	struct sandbox *box = *state;
	cleanup(str_releasep) struct str plain = { 0 };

	RUN(box, &command_report, "a.stall", "-F", "jsonl");
	str_add(&plain, str_text(&box->out));
	assert_int_equal(RUN(box, &command_report, "a.stall", "-F", "jsonl", "--threshold",
			     "100ms"),
			 STATUS_DONE);
	assert_string_equal(str_text(&box->out), str_text(&plain));
}

/* A lower one is refused: what it asks for was never recorded. */
static void test_lower_threshold(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_report, "a.stall", "--threshold", "50ms"), STATUS_USAGE);
	assert_has(&box->err, "--threshold 50ms: recorded with 100ms");
	assert_string_equal(str_text(&box->out), "");
}

/* Cuts the file to a part of its length. */
static void cut(const char *path, size_t percent)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size * percent / 100), 0);
}

/* A cut recording is reported as far as it goes, and both streams say that it is cut. */
static void test_cut(void **state)
{
	struct sandbox *box = *state;

	cut("a.stall", 60);
	assert_int_equal(RUN(box, &command_report, "a.stall"), STATUS_DONE);
	assert_has(&box->err, "stallprof: a.stall: the end of the recording is missing");
	assert_has(&box->out, "the end of the recording is missing");
	assert_has(&box->out, "330ms");
}

/* So is one whose writer was killed. */
static void test_unfinished(void **state)
{
	struct sandbox *box = *state;
	struct recording_writer *w = NULL;

	assert_int_equal(recording_create("b.stall", &w), 0);
	tape_head(recording_sink(w));
	tape_stall(recording_sink(w), 3);
	assert_int_equal(recording_flush(w), 0);
	assert_int_equal(RUN(box, &command_report, "b.stall.partial"), STATUS_DONE);
	assert_has(&box->err, "the recording was not finished");
	assert_has(&box->out, "330ms");
	recording_abandon(w);
}

/* And one with a flipped byte in the middle. */
static void test_corrupt(void **state)
{
	struct sandbox *box = *state;
	FILE *f = fopen("a.stall", "r+");

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	fseek(f, ftell(f) / 2, SEEK_SET);
	fputs("?#?", f);
	fclose(f);
	assert_int_equal(RUN(box, &command_report, "a.stall"), STATUS_DONE);
	assert_has(&box->err, "the recording is damaged");
	assert_has(&box->out, "the recording is damaged");
}

/* What is no recording is one line and status 1. */
static void test_foreign(void **state)
{
	struct sandbox *box = *state;
	FILE *f = fopen("notes.stall", "w");

	assert_non_null(f);
	fputs("dear diary, today the event loop stalled once more and nobody knew the reason why",
	      f);
	fclose(f);
	assert_int_equal(RUN(box, &command_report, "notes.stall"), STATUS_FAILED);
	assert_string_equal(str_text(&box->err),
			    "stallprof: notes.stall: not a stallprof recording: "
			    "give a file of stallprof record\n");
	assert_int_equal(RUN(box, &command_report, "none.stall"), STATUS_FAILED);
	assert_int_equal(count_of(&box->err, "\n"), 1);
	assert_int_equal(RUN(box, &command_report, "."), STATUS_FAILED);
	assert_int_equal(count_of(&box->err, "\n"), 1);
}

/* A newer major version is refused, not guessed at. */
static void test_newer(void **state)
{
	struct sandbox *box = *state;
	FILE *f = fopen("a.stall", "r+");

	assert_non_null(f);
	fseek(f, 8, SEEK_SET);
	fputc(RECORDING_MAJOR + 1, f);
	fclose(f);
	assert_int_equal(RUN(box, &command_report, "a.stall"), STATUS_FAILED);
	assert_has(&box->err, "newer stallprof");
}

/* Wrong usage: nothing to report of, two of them, a recording as output. */
static void test_usage(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_report, "-v"), STATUS_USAGE);
	assert_int_equal(RUN(box, &command_report, "a.stall", "b.stall"), STATUS_USAGE);
	assert_int_equal(RUN(box, &command_report, "a.stall", "--", "x"), STATUS_USAGE);
	assert_int_equal(RUN(box, &command_report, "a.stall", "-o", "b.stall"), STATUS_USAGE);
	assert_has(&box->err, "-o b.stall: the recording exists already");
	assert_int_equal(RUN(box, &command_report, "a.stall", "--debug-dir", "none"),
			 STATUS_FAILED);
	assert_has(&box->err, "--debug-dir none: No such file or directory");
	unsetenv("DEBUGINFOD_URLS");
	assert_int_equal(RUN(box, &command_report, "a.stall", "--debuginfod"), STATUS_FAILED);
	assert_has(&box->err, "--debuginfod: DEBUGINFOD_URLS is not set");
	/* all frames have names: nothing is looked for, and nothing missed */
	assert_int_equal(RUN(box, &command_report, "a.stall", "--debug-dir", "."), STATUS_DONE);
	assert_string_equal(str_text(&box->err), "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_text),	 CASE(test_repeats),	    CASE(test_threshold),
		CASE(test_nothing_left), CASE(test_same_threshold), CASE(test_lower_threshold),
		CASE(test_cut),		 CASE(test_unfinished),	    CASE(test_corrupt),
		CASE(test_foreign),	 CASE(test_newer),	    CASE(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
