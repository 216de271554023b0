/* test_stall_line.c: the stall line, field by field. */
#include "tests/unit/output/printed.h"

#include "base/str.h"
#include "output/stall_line.h"

static void assert_line(const struct stall *s, bool verbose, const char *expected)
{
	cleanup(str_releasep) struct str line = { 0 };

	assert_int_equal(stall_line(&line, fixture_find("demo"), s, verbose), 0);
	assert_string_equal(str_text(&line), expected);
}

static const struct stall *demo_stall(size_t i)
{
	return &fixture_find("demo")->stalls[i];
}

/* The contract's own example, but for what that stall does not have. */
static void a_wait_names_both_ends(void **state)
{
	(void)state;
	assert_line(demo_stall(1), false,
		    "12:00:42.000 STALL 411ms loop=4242/3 why=recvfrom tcp 10.0.0.5:51322>"
		    "10.0.0.7:5432 at=app.py:41:get_user cpu=3ms runqueue=1ms id=a1f1\n");
}

/* Without descriptor, object or frame of yours the fields are not there. */
static void absent_fields_are_left_out(void **state)
{
	struct stall s = *demo_stall(6);

	(void)state;
	assert_line(&s, false, "12:00:54.000 STALL 421ms loop=4242/3 why=gil cpu=9ms id=a1f6\n");
	s.loop = 1;
	s.ns[CLASS_CPU] = 900000; /* under 1 ms and 1 % */
	assert_line(&s, false, "12:00:54.000 STALL 421ms loop=4250 why=gil id=a1f6\n");
}

/* C++ and files have blanks in their names too: the field ends where its quotes do. */
static void places_with_blanks_are_quoted(void **state)
{
	struct frame at = { .kind = FRAME_NATIVE,
			    .fn = "run(int, char)",
			    .file = "/my app/a.cc",
			    .line = 7,
			    .module = "app" };
	struct stall s = *demo_stall(6);
	cleanup(str_releasep) struct str line = { 0 };

	(void)state;
	s.at = &at;
	assert_int_equal(stall_line(&line, fixture_find("demo"), &s, false), 0);
	assert_non_null(strstr(str_text(&line), " at=\"a.cc:7:run(int, char)\" cpu=9ms "));
}

/* A function without a name is a place in its module, or in its source where that is known. */
static void nameless_places_have_an_offset(void **state)
{
	struct frame at = { .kind = FRAME_NATIVE,
			    .fn = "",
			    .file = "/usr/sbin/nginx",
			    .offset = 0x76e8c,
			    .module = "nginx" };
	struct stall s = *demo_stall(6);
	cleanup(str_releasep) struct str line = { 0 }, source = { 0 }, nowhere = { 0 };

	(void)state;
	s.at = &at;
	assert_int_equal(stall_line(&line, fixture_find("demo"), &s, false), 0);
	assert_non_null(strstr(str_text(&line), " at=nginx+0x76e8c cpu=9ms "));
	at.file = "/src/spin.S";
	at.line = 41;
	assert_int_equal(stall_line(&source, fixture_find("demo"), &s, false), 0);
	assert_non_null(strstr(str_text(&source), " at=spin.S:41:nginx+0x76e8c cpu=9ms "));
	at.file = "/usr/sbin/nginx";
	at.line = 0;
	at.offset = 0;
	assert_int_equal(stall_line(&nowhere, fixture_find("demo"), &s, false), 0);
	assert_non_null(strstr(str_text(&nowhere), " at=nginx:? cpu=9ms "));
}

static void assert_gil_line(size_t i, const char *part)
{
	const struct profile *p = fixture_find("gil");
	cleanup(str_releasep) struct str line = { 0 };

	assert_int_equal(stall_line(&line, p, &p->stalls[i], false), 0);
	assert_non_null(strstr(str_text(&line), part));
	assert_int_equal(times_in(str_text(&line), "\n"), 1);
}

/* Task and holder stand between place and classes; a name with blanks is quoted. */
static void task_and_holder_are_said(void **state)
{
	struct stall s = fixture_find("gil")->stalls[0];
	cleanup(str_releasep) struct str line = { 0 };

	(void)state;
	assert_gil_line(0, " why=gil at=app.py:41:get_user task=Task-812 "
			   "holder=worker-3:report.py:19:to_report held=71% cpu=11ms id=");
	assert_gil_line(2,
			" at=app.py:29:Cache.get holder=\"Thread-2 (parse)\":app.py:88:fill cpu=");
	assert_gil_line(3,
			" why=lock queue.Queue.get at=jobs.py:12:take task=\"jobs \\\"a=b\\\"\" ");
	assert_gil_line(4, " at=app.py:41:get_user cpu=10ms id=");
	s.holders[0].ns /= 10; /* too little to explain anything */
	assert_int_equal(stall_line(&line, fixture_find("gil"), &s, false), 0);
	s.holders[0].ns *= 10;
	assert_null(strstr(str_text(&line), "holder="));
}

/* A stall that still lasts, and one that began before. */
static void ongoing_and_clipped_are_said(void **state)
{
	(void)state;
	assert_line(demo_stall(8), false,
		    "12:01:10.000 STALL >233ms loop=4250 why=fault file /srv/shop/data/index.bin "
		    "at=search.py:211:Index.find cpu=2ms id=a1f8 (still blocked)\n");
	assert_line(demo_stall(0), false,
		    "12:00:41.000 STALL 502ms loop=4242/3 why=stopped clipped=yes id=a1f0\n");
}

/* With -v the stack follows, innermost first. */
static void verbose_adds_the_stack(void **state)
{
	(void)state;
	assert_line(demo_stall(6), true,
		    "12:00:54.000 STALL 421ms loop=4242/3 why=gil cpu=9ms id=a1f6\n"
		    "    412ms\n"
		    "        futex_wait (kernel)\n"
		    "        take_gil (python3.11)\n"
		    "        selectors.py:468 EpollSelector.select\n"
		    "        Py_BytesMain (python3.11)\n");
}

/* Whatever the names are: one line. */
static void hostile_names_stay_on_the_line(void **state)
{
	const struct profile *p = fixture_find("hostile");

	(void)state;
	for (size_t i = 0; i < p->n_stalls; i++) {
		cleanup(str_releasep) struct str line = { 0 };

		assert_int_equal(stall_line(&line, p, &p->stalls[i], false), 0);
		assert_int_equal(times_in(str_text(&line), "\n"), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_and_holder_are_said),
		cmocka_unit_test(a_wait_names_both_ends),
		cmocka_unit_test(absent_fields_are_left_out),
		cmocka_unit_test(places_with_blanks_are_quoted),
		cmocka_unit_test(nameless_places_have_an_offset),
		cmocka_unit_test(ongoing_and_clipped_are_said),
		cmocka_unit_test(verbose_adds_the_stack),
		cmocka_unit_test(hostile_names_stay_on_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
