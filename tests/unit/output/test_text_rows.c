/* test_text_rows.c: the table of causes. */
#include "tests/unit/output/printed.h"

/* Rows beyond the limit are counted with their time. */
static void hidden_rows_are_counted(void **state)
{
	const struct writer_opts o = { .show = 2 };
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), &o);

	(void)state;
	assert_non_null(strstr(text, "get_user"));
	assert_null(strstr(text, "thumbnail"));
	assert_non_null(strstr(text, "and 6 more rows (52% of the stalled time)"));
}

/* Your frame stands first; what has no room beside it follows on one line of its own. */
static void the_place_takes_two_lines_at_most(void **state)
{
	const struct writer_opts wide = { .width = 160 };
	_cleanup_free_ char *narrow = printed("text", fixture_find("demo"), NULL);
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), &wide);

	(void)state;
	assert_non_null(strstr(narrow, "app.py:41 get_user\n    "));
	assert_non_null(
		strstr(narrow, " < routes.py:88 list_users > extras.py:236 cursor.execute\n"));
	assert_non_null(strstr(text, "app.py:41 get_user < routes.py:88 list_users > extras.py:236 "
				     "cursor.execute\n"));
	assert_non_null(strstr(text, "app.py:29 Cache.get\n")); /* no caller of yours, same leaf */
}

/* The table with one more frame outside of get_user's; the caller frees it. */
static char *with_frame(const struct frame *more)
{
	const struct profile *demo = fixture_find("demo");
	const struct stall *s = &demo->stalls[demo->rows[1].longest];
	struct stack stacks[64];
	struct frame frames[64];
	struct profile p = *demo;
	struct stack *st = &stacks[s->stacks[0].stack];
	size_t n = 0;

	assert_true(p.n_stacks <= COUNTOF(stacks));
	memcpy(stacks, p.stacks, p.n_stacks * sizeof(stacks[0]));
	for (size_t i = 0; i < st->n_frames; i++) {
		frames[n++] = st->frames[i];
		if (strcmp(st->frames[i].fn, "get_user") == 0)
			frames[n++] = *more;
	}
	assert_int_equal(n, st->n_frames + 1);
	*st = (struct stack){ .frames = frames, .n_frames = n };
	p.stacks = stacks;
	return printed("text", &p, NULL);
}

/* An extension that stands between two frames of a script is not the caller that is shown. */
static void extensions_are_no_callers(void **state)
{
	struct frame own = NATIVE("own_callback", "own.so");
	_cleanup_free_ char *text = NULL;

	(void)state;
	own.library = false;
	text = with_frame(&own);
	assert_non_null(
		strstr(text, " < routes.py:88 list_users > extras.py:236 cursor.execute\n"));
	assert_null(strstr(text, "own_callback"));
}

/* What calls itself was called by another function. */
static void recursion_is_no_caller(void **state)
{
	struct frame again = *fixture_find("demo")->rows[1].at;
	_cleanup_free_ char *text = NULL;

	(void)state;
	again.line = 77;
	text = with_frame(&again);
	assert_non_null(
		strstr(text, " < routes.py:88 list_users > extras.py:236 cursor.execute\n"));
	assert_null(strstr(text, "app.py:77"));
}

/* A leaf that only wraps the system call of WHY is left out, any other native leaf is not. */
static void wrappers_are_left_out(void **state)
{
	struct frame recv = NATIVE("__recv", "libc.so.6"), ssl = NATIVE("SSL_read", "libssl.so.3");
	struct profile p = *fixture_find("demo");
	struct row row = p.rows[1];
	_cleanup_free_ char *with = NULL, *without = NULL;

	(void)state;
	p.rows = &row;
	p.n_rows = 1;
	row.leaf = &recv;
	without = printed("text", &p, NULL);
	row.leaf = &ssl;
	with = printed("text", &p, NULL);
	assert_null(strstr(without, "__recv"));
	assert_non_null(strstr(with, "> SSL_read (libssl.so.3)"));
}

/* Without a frame of yours the innermost one is shown, marked as such; without any, a dash. */
static void places_that_are_not_yours_are_marked(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), NULL);

	(void)state;
	assert_non_null(
		strstr(text, "waits for the GIL after the poll           > selectors.py:468"));
	assert_non_null(strstr(text, "stopped by a signal                        -\n"));
}

/* Files that share a base name are told apart. */
static void ambiguous_files_show_their_folder(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), NULL);

	(void)state;
	assert_non_null(strstr(text, "http/client.py:12 retry"));
	assert_non_null(strstr(text, "views/client.py:7 page"));
	assert_non_null(strstr(text, "images/__init__.py:63 thumbnail"));
}

/* With -v each row brings its longest stall: when, of what, and the whole stack. */
static void verbose_rows_show_their_longest_stall(void **state)
{
	const struct writer_opts o = { .verbose = true };
	_cleanup_free_ char *text = printed("text", fixture_find("demo"), &o);

	(void)state;
	assert_non_null(strstr(text,
			       "      longest 411ms at 12:00:42.000: cpu 3ms runqueue 1ms "
			       "syscall 407ms  id=a1f1\n        schedule_timeout (kernel)\n"));
	assert_non_null(strstr(text, "(began before the watch)"));
}

/* Classes in the order of their time; what nobody explained is always there. */
static void classes_are_sorted_and_complete(void **state)
{
	struct profile p = *fixture_find("demo");
	_cleanup_free_ char *text = NULL;

	(void)state;
	p.class_ns[CLASS_UNEXPLAINED] = 0;
	p.class_ns[CLASS_LOCK] = p.stalled_ns;
	text = printed("text", &p, NULL);
	assert_non_null(strstr(text, "where the time went:  lock 100% | cpu 33% | syscall 31% | "));
	assert_non_null(strstr(text, "| unexplained 0%\n"));
	assert_null(strstr(text, "quota"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidden_rows_are_counted),
		cmocka_unit_test(the_place_takes_two_lines_at_most),
		cmocka_unit_test(extensions_are_no_callers),
		cmocka_unit_test(recursion_is_no_caller),
		cmocka_unit_test(wrappers_are_left_out),
		cmocka_unit_test(places_that_are_not_yours_are_marked),
		cmocka_unit_test(ambiguous_files_show_their_folder),
		cmocka_unit_test(verbose_rows_show_their_longest_stall),
		cmocka_unit_test(classes_are_sorted_and_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
