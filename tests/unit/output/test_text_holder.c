/* test_text_holder.c: the line under a row that says who held it up. */
#include "tests/unit/output/printed.h"

#include "output/text.h"

/* A row of several stalls says that the line is about one of them. */
static void one_of_several_is_said(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("gil"), NULL);

	(void)state;
	assert_non_null(strstr(text, "in the longest: GIL held by worker-3 in report.py:19"));
	assert_non_null(strstr(text,
			       "\n                        GIL convoy: 7 threads, none seen for "
			       "more than 17%; most by uvicorn [4276]\n"));
	assert_non_null(strstr(text, "lock released by Thread-2 (parse) at app.py:88 fill\n"));
	assert_int_equal(times_in(text, "GIL held by"), 1);
}

/* Where the loop had called nothing of the user's yet, WHY says so. */
static void after_the_poll_is_said(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("gil"), NULL);

	(void)state;
	assert_int_equal(times_in(text, "waits for the GIL after the poll"), 1);
	assert_int_equal(times_in(text, "waits for the GIL  "), 1);
}

static bool after_poll(struct frame *innermost, enum stall_class klass)
{
	struct profile p = *fixture_find("gil");
	struct stack stacks[20];
	struct row row = p.rows[0];

	assert_true(p.n_stacks <= COUNTOF(stacks));
	for (size_t i = 0; i < p.n_stacks; i++)
		stacks[i] = (struct stack){ .n_frames = 1, .frames = innermost };
	p.stacks = stacks;
	row.why.klass = klass;
	return text_is_after_poll(&p, &row);
}

/* Only the loop's own frames, of the library, and only for the GIL. */
static void only_frames_of_the_loop(void **state)
{
	struct frame select = PYTHON_LIB("EpollSelector.select", "/lib/selectors.py", 1);
	struct frame once = PYTHON_LIB("_run_once", "/lib/asyncio/base_events.py", 1);
	struct frame own = PYTHON("Mine.select", "/lib/selectors.py", 1);
	struct frame other = PYTHON_LIB("Query.select", "/lib/orm/query.py", 1);
	struct frame call = PYTHON_LIB("Handle._run", "/lib/asyncio/events.py", 1);
	struct frame native = NATIVE("select", "libc.so.6");

	(void)state;
	assert_true(after_poll(&select, CLASS_GIL));
	assert_true(after_poll(&once, CLASS_GIL));
	assert_false(after_poll(&select, CLASS_CPU));
	assert_false(after_poll(&own, CLASS_GIL));
	assert_false(after_poll(&other, CLASS_GIL));
	assert_false(after_poll(&call, CLASS_GIL));
	assert_false(after_poll(&native, CLASS_GIL));
}

/* A row whose stall was not kept has nothing to say. */
static void without_a_stall_nothing_is_said(void **state)
{
	struct profile p = *fixture_find("gil");
	struct row row = p.rows[0];
	struct text t = { .p = &p, .width = 100, .f = full_stream() };

	(void)state;
	row.longest = -1;
	assert_int_equal(text_holder(&t, &row, 4), 0);
	assert_false(text_is_after_poll(&p, &row));
	fclose(t.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_several_is_said),
		cmocka_unit_test(after_the_poll_is_said),
		cmocka_unit_test(only_frames_of_the_loop),
		cmocka_unit_test(without_a_stall_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
