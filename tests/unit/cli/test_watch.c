/* test_watch.c: stallprof -p PID and stallprof record, over a capture that plays a tape. */
#include <sys/wait.h>

#include "fake_capture.h"

static int setup(void **state)
{
	static struct sandbox box;

	fake = (struct fake){ .stalls = TAPE_STALLS };
	sandbox_open(&box);
	*state = &box;
	return 0;
}

static int teardown(void **state)
{
	sandbox_close(*state);
	return 0;
}

/* Without options: stall lines on standard error, five of a kind, the rest counted; the summary
 * with all of them on standard output. */
static void test_plain(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-p", "42"), STATUS_DONE);
	assert_int_equal(count_of(&box->err, " STALL "), 5);
	assert_has(&box->err, "suppressed 2 like ");
	assert_int_equal(count_of(&box->out, " STALL "), 0);
	assert_has(&box->out, "3.08s");
	assert_int_equal(fake.pid, 42);
	assert_int_equal(fake.closed, 1);
}

/* -q leaves the summary alone. */
static void test_quiet(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-q"), STATUS_DONE);
	assert_string_equal(str_text(&box->err), "");
	assert_has(&box->out, "3.08s");
}

/* -v puts the stack under the line. */
static void test_verbose(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-v"), STATUS_DONE);
	assert_has(&box->err, "app.py:41");
	assert_true(count_of(&box->err, "\n") > 7);
}

/* Several outputs of one run, the recording among them, and each whole under its own name. */
static void test_outputs(void **state)
{
	struct sandbox *box = *state;
	struct str live = { 0 }, later = { 0 };

	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-o", "a.svg", "-o", "a.folded", "-o",
			     "a.stall", "-q"),
			 STATUS_DONE);
	assert_string_equal(str_text(&box->out), "");
	assert_true(exists("a.svg") && exists("a.folded") && exists("a.stall"));
	assert_false(exists("a.svg.partial") || exists("a.stall.partial"));
	read_file("a.folded", &live);
	assert_has(&live, " 3080000\n");
	assert_int_equal(RUN(box, &command_report, "a.stall", "-o", "b.folded"), STATUS_DONE);
	read_file("b.folded", &later);
	assert_string_equal(str_text(&live), str_text(&later));
	str_release(&live);
	str_release(&later);
}

/* Results in files only: one line says how many stalls and where, unless -q. */
static void test_says_where(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-o", "a.svg", "-o", "a.stall"),
			 STATUS_DONE);
	assert_has(&box->err, "7 stalls, wrote a.svg, a.stall\n");
	assert_string_equal(str_text(&box->out), "");
}

/* A recording that another stallprof is writing is left alone. */
static void test_busy_recording(void **state)
{
	struct sandbox *box = *state;
	struct recording_writer *other = NULL;

	assert_int_equal(recording_create("a.stall", &other), 0);
	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-o", "a.stall"), STATUS_FAILED);
	assert_has(&box->err, "-o a.stall: another stallprof is writing it");
	assert_int_equal(recording_finish(other), 0);
	assert_int_equal(RUN(box, &command_report, "a.stall"), STATUS_DONE);
}

/* Records on standard output come as stalls end, and the stalls stand there once. */
static void test_streamed(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-q", "-F", "jsonl"), STATUS_DONE);
	assert_int_equal(count_of(&box->out, "\"type\":\"stall\""), TAPE_STALLS);
	assert_int_equal(count_of(&box->out, "\"type\":\"summary\""), 1);
}

/* -f is folded stacks on standard output and leaves another file its own format. */
static void test_folded(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-fq", "-o", "a.svg"), STATUS_DONE);
	assert_has(&box->out, "main (app.py:41)");
	assert_has(&box->out, " 3080000\n");
	read_file("a.svg", &box->out);
	assert_has(&box->out, "<svg");
}

/* A bad output is found before anything is captured. */
static void test_outputs_first(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-o", "no/where.svg"), STATUS_FAILED);
	assert_has(&box->err, "stallprof: -o no/where.svg: cannot be written: ");
	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-o", "a.gif"), STATUS_USAGE);
	assert_int_equal(fake.played, 0);
}

/* A capture that cannot start is one line, status 1, and leaves no file. */
static void test_not_permitted(void **state)
{
	struct sandbox *box = *state;

	fake.open_status = -EPERM;
	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-o", "a.stall"), STATUS_FAILED);
	assert_string_equal(str_text(&box->err),
			    "stallprof: cannot load into the kernel: run as root (sudo)\n");
	assert_string_equal(str_text(&box->out), "");
	assert_false(exists("a.stall") || exists("a.stall.partial"));
	assert_int_equal(RUN(box, &command_record, "-p", "42", "-o", "a.stall"), STATUS_FAILED);
	assert_false(exists("a.stall") || exists("a.stall.partial"));
}

/* Ctrl-C ends the watching with status 0, and what came before is reported. */
static void test_interrupted(void **state)
{
	struct sandbox *box = *state;
	struct sigaction after;

	fake.signal_at = 4;
	assert_int_equal(RUN(box, &command_watch, "-p", "42"), STATUS_DONE);
	assert_int_equal(count_of(&box->err, " STALL "), 3);
	assert_has(&box->out, "660ms");
	assert_int_equal(fake.closed, 1);
	sigaction(SIGINT, NULL, &after);
	assert_true(after.sa_handler == SIG_DFL);
}

/* A shell starts background jobs with SIGINT ignored; kill -INT ends those too. */
static void test_interrupted_in_background(void **state)
{
	struct sandbox *box = *state;

	fake.signal_at = 4;
	signal(SIGINT, SIG_IGN);
	assert_int_equal(RUN(box, &command_watch, "-p", "42"), STATUS_DONE);
	signal(SIGINT, SIG_DFL);
	assert_int_equal(fake.played, 4);
}

/* A second Ctrl-C does not wait for the report. */
static void test_interrupted_twice(void **state)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		fake.signal_at = 2;
		fake.signals = 2;
		RUN(*state, &command_watch, "-p", "42");
		_exit(23);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

/* A capture that breaks off is reported as far as it went, and fails. */
static void test_broken_off(void **state)
{
	struct sandbox *box = *state;

	fake.break_at = 3;
	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-o", "a.stall", "-o", "-"),
			 STATUS_FAILED);
	assert_has(&box->err, "stallprof: the capture broke off: ");
	assert_has(&box->out, "330ms");
	assert_has(&box->out, "the capture broke off");
	assert_true(exists("a.stall"));
}

/* record writes a file that report shows, by default under one known name. */
static void test_record(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_record, "-p", "42", "-d", "5"), STATUS_DONE);
	assert_string_equal(str_text(&box->out), "");
	assert_has(&box->err, "stallprof report stallprof.stall");
	assert_int_equal(RUN(box, &command_report, "stallprof.stall"), STATUS_DONE);
	assert_has(&box->out, "3.08s");
}

/* What the options ask for arrives at the capture. */
static void test_request(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-q", "--off-cpu", "-m", "2ms", "-M", "1s",
			     "--follow", "--hooks", "poll=tracepoint", "--", "prog", "-p", "1"),
			 STATUS_DONE);
	assert_true(fake.request.offcpu && fake.request.follow);
	assert_int_equal(fake.request.wait_min_ns, 2 * MS);
	assert_int_equal(fake.request.wait_max_ns, 1000 * MS);
	assert_string_equal(fake.request.hooks, "poll=tracepoint");
	assert_int_equal(fake.request.n_pids, 0);
}

/* Requests that make no sense together are refused with the cure, before anything is captured. */
static void test_refused(void **state)
{
	struct sandbox *box = *state;

	assert_int_equal(RUN(box, &command_watch, "-q"), STATUS_USAGE);
	assert_has(&box->err, "nothing to watch: give -p PID");
	assert_int_equal(RUN(box, &command_watch, "-p", "1", "--debuginfod"), STATUS_USAGE);
	assert_has(&box->err, "--debuginfod: names are fetched when a recording is read");
	assert_int_equal(RUN(box, &command_watch, "-p", "1", "--", "prog"), STATUS_USAGE);
	assert_int_equal(RUN(box, &command_watch, "-p", "1", "prog"), STATUS_USAGE);
	assert_int_equal(RUN(box, &command_watch, "--"), STATUS_USAGE);
	assert_int_equal(RUN(box, &command_watch, "-p", "1", "-m", "5ms"), STATUS_USAGE);
	assert_int_equal(RUN(box, &command_watch, "-p", "1", "--off-cpu", "--threshold", "1"),
			 STATUS_USAGE);
	assert_int_equal(RUN(box, &command_watch, "-p", "1", "--off-cpu", "-m2", "-M1"),
			 STATUS_USAGE);
	assert_int_equal(RUN(box, &command_record, "-p", "1", "-o", "/dev/null"), STATUS_FAILED);
	assert_int_equal(fake.played, 0);
	assert_true(exists("/dev/null"));
}

/* An output that cannot be written costs itself and the exit status, not the others. */
static void test_full_disk(void **state)
{
	struct sandbox *box = *state;

	if (!exists("/dev/full"))
		skip();
	assert_int_equal(RUN(box, &command_watch, "-p", "42", "-q", "-o", "/dev/full", "-F",
			     "folded", "-o", "a.folded"),
			 STATUS_FAILED);
	assert_has(&box->err, "/dev/full: not written: No space left on device");
	assert_true(exists("a.folded"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_plain),
		CASE(test_quiet),
		CASE(test_verbose),
		CASE(test_outputs),
		CASE(test_says_where),
		CASE(test_busy_recording),
		CASE(test_streamed),
		CASE(test_folded),
		CASE(test_outputs_first),
		CASE(test_not_permitted),
		CASE(test_interrupted),
		CASE(test_interrupted_in_background),
		CASE(test_interrupted_twice),
		CASE(test_broken_off),
		CASE(test_record),
		CASE(test_request),
		CASE(test_refused),
		CASE(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
