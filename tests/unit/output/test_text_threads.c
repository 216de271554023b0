/* test_text_threads.c: where threads wait. */
#include "tests/unit/output/printed.h"

/* A program without a loop is told so, and where its threads wait. */
static void a_program_without_a_loop(void **state)
{
	_cleanup_free_ char *text = printed("text", fixture_find("noloop"), NULL);

	(void)state;
	assert_non_null(strstr(text, "No event loop was seen"));
	assert_null(strstr(text, "--tid"));
	assert_non_null(strstr(text, "WHERE (yours > leaf), sampled every 25ms\n"));
	assert_non_null(strstr(text, "\n  40.0s   4     consumer                waits in "
				     "queue.Queue.get (lock)\n"));
	assert_non_null(strstr(text, "waits for a lock (futex)  app.py:29 Cache.get\n"));
	assert_non_null(strstr(text, "\n  waiting for work: ThreadPoolExecutor-0 4\n"));
}

/* With a loop the stalls matter; -v shows the threads too, with their stacks. */
static void with_a_loop_on_request(void **state)
{
	const struct writer_opts verbose = { .verbose = true };
	_cleanup_free_ char *brief = printed("text", fixture_find("pools"), NULL);
	_cleanup_free_ char *all = printed("text", fixture_find("pools"), &verbose);

	(void)state;
	assert_null(strstr(brief, "waiting for work"));
	assert_non_null(strstr(all, "\n  2m00s   30    asyncio "));
	assert_non_null(strstr(all, "\n        thread.py:83 _worker\n"));
	assert_non_null(strstr(all, "waiting for work: asyncio 32"));
}

/* More rows than asked for are counted, busy and idle ones. */
static void rows_are_cut(void **state)
{
	const struct writer_opts o = { .show = 1 };
	struct profile p = *fixture_find("noloop");
	struct thread_row rows[4] = { p.threads[0], p.threads[1], p.threads[4], p.threads[4] };
	_cleanup_free_ char *text = NULL;

	(void)state;
	p.threads = rows;
	p.n_threads = 4;
	text = printed("text", &p, &o);
	assert_non_null(strstr(text, "\n  and 1 more rows\n"));
	assert_non_null(strstr(text, "waiting for work: ThreadPoolExecutor-0 4 and 1 more\n"));
}

/* Without a stack a futex may be anything, and what could tell is said. */
static void native_threads_have_no_stack(void **state)
{
	struct profile p = *fixture_find("noloop");
	struct thread_row rows[2];
	_cleanup_free_ char *none = NULL, *one = NULL;

	(void)state;
	for (size_t i = 0; i < p.n_threads && p.threads[i].klass != CLASS_LOCK; i++)
		p.threads++;
	rows[0] = rows[1] = p.threads[0];
	rows[0].target = (struct target){ .kind = TARGET_FUTEX, .text = "futex 0x7f10" };
	rows[0].stack = -1;
	rows[0].at = rows[0].leaf = NULL;
	rows[0].idle = rows[1].idle = false;
	p.threads = rows;
	p.n_threads = 1;
	none = printed("text", &p, NULL);
	assert_non_null(strstr(none, " waits on a futex (lock, condition)  -\n"));
	assert_non_null(strstr(none, "eu-stack -p PID"));
	p.n_threads = 2;
	one = printed("text", &p, NULL);
	assert_null(strstr(one, "eu-stack"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_without_a_loop),
		cmocka_unit_test(with_a_loop_on_request),
		cmocka_unit_test(rows_are_cut),
		cmocka_unit_test(native_threads_have_no_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
