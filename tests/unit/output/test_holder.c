/* test_holder.c: who kept a loop waiting, as a phrase. */
#include "tests/unit/output/printed.h"

#include "output/words.h"

static struct frame encode = PYTHON_LIB("JSONEncoder.iterencode", "/usr/lib/encoder.py", 214);
static struct frame report = PYTHON("to_report", "/srv/shop/report.py", 19);

static struct holder a_holder(enum stall_class klass, uint32_t tid, const char *name, uint64_t ms)
{
	return (struct holder){ .owner = { .tid = tid, .name = name, .stack = -1 },
				.klass = klass,
				.ns = ms * MS,
				.share = (double)ms / 400,
				.at = &report,
				.leaf = &encode };
}

/* The phrase of a stall of 411 ms with those holders. */
static void assert_words_of(enum stall_class because, struct holder *holders, size_t n, bool convoy,
			    const char *expected)
{
	cleanup(str_releasep) struct str s = { 0 };
	struct stall stall = {
		.dur_ns = 411 * MS,
		.holders = holders,
		.n_holders = n,
		.convoy = convoy,
		.ns = { [CLASS_GIL] = 400 * MS, [CLASS_LOCK] = 400 * MS },
	};

	stall.why.klass = because;

	assert_int_equal(holder_words(&s, fixture_find("demo"), NULL, &stall), 0);
	assert_string_equal(str_text(&s), expected);
}

static void assert_words(struct holder *holders, size_t n, bool convoy, const char *expected)
{
	assert_words_of(n ? holders[0].klass : CLASS_GIL, holders, n, convoy, expected);
}

/* The thread, what it was in, and how much of the wait; a second one if it held it for a good part.
 */
static void the_gil_is_held(void **state)
{
	struct holder h[] = { a_holder(CLASS_GIL, 4260, "worker-3", 284),
			      a_holder(CLASS_GIL, 4261, "worker-1", 116) };

	(void)state;
	assert_words(h, 2, false,
		     "GIL held by worker-3 in report.py:19 to_report > encoder.py:214 "
		     "JSONEncoder.iterencode 71%, worker-1 29%");
	h[1].share = 0.19;
	h[0].at = NULL;
	assert_words(h, 2, false,
		     "GIL held by worker-3 in encoder.py:214 JSONEncoder.iterencode 71%");
	h[0].leaf = NULL;
	assert_words(h, 1, false, "GIL held by worker-3 71%");
}

/* A thread that is called like its process needs its number, one without a name has only that. */
static void threads_are_told_apart(void **state)
{
	struct holder h = a_holder(CLASS_GIL, 4260, "uvicorn", 400);

	(void)state;
	h.at = h.leaf = &report;
	assert_words(&h, 1, false, "GIL held by uvicorn [4260] in report.py:19 to_report 100%");
	h.owner.tid = 4242; /* the main thread */
	assert_words(&h, 1, false, "GIL held by uvicorn in report.py:19 to_report 100%");
	h.owner.name = "";
	assert_words(&h, 1, false, "GIL held by thread 4242 in report.py:19 to_report 100%");
}

static void a_lock_is_released(void **state)
{
	struct holder h = a_holder(CLASS_LOCK, 4261, "Thread-2", 400);

	(void)state;
	h.leaf = NULL;
	assert_words(&h, 1, false, "lock released by Thread-2 at report.py:19 to_report");
	h.share = 0.5;
	assert_words(&h, 1, false, "lock released by Thread-2 at report.py:19 to_report 50%");
}

/* What was no lock was released by nobody; a file is locked by processes. */
static void what_was_no_lock_was_not_released(void **state)
{
	struct holder h = a_holder(CLASS_LOCK, 4261, "Thread-2", 400);
	struct stall stall = { .dur_ns = 411 * MS, .holders = &h, .n_holders = 1 };
	cleanup(str_releasep) struct str cond = { 0 }, clock = { 0 }, mutex = { 0 };

	(void)state;
	h.at = h.leaf = NULL;
	stall.why = (struct why){ .klass = CLASS_LOCK, .target.kind = TARGET_FUTEX };
	stall.why.target.text = "pthread_cond_wait";
	assert_int_equal(holder_words(&cond, fixture_find("demo"), NULL, &stall), 0);
	assert_string_equal(str_text(&cond), "woken by Thread-2");
	stall.why.target.text = "pthread_cond_clockwait";
	assert_int_equal(holder_words(&clock, fixture_find("demo"), NULL, &stall), 0);
	assert_string_equal(str_text(&clock), "woken by Thread-2");
	stall.why.target.text = "pthread_mutex_lock";
	assert_int_equal(holder_words(&mutex, fixture_find("demo"), NULL, &stall), 0);
	assert_string_equal(str_text(&mutex), "lock released by Thread-2");
	h.klass = CLASS_SYSCALL;
	h.owner.pid = 900;
	assert_words_of(CLASS_SYSCALL, &h, 1, false, "file lock released by Thread-2 [900]");
	assert_words_of(CLASS_CPU, &h, 1, false, "file lock (400ms) released by Thread-2 [900]");
}

/* In a stall of another cause the share is one of the wait, which is said. */
static void a_part_of_a_stall_is_said(void **state)
{
	struct holder h = a_holder(CLASS_GIL, 4260, "worker-3", 200);

	(void)state;
	h.at = h.leaf = NULL;
	assert_words_of(CLASS_CPU, &h, 1, false, "GIL (400ms) held by worker-3 50%");
	h.klass = CLASS_LOCK;
	assert_words_of(CLASS_CPU, &h, 1, false, "lock (400ms) released by worker-3 50%");
}

/* Many threads are counted, not blamed one by one; those of a lock do not count. */
static void a_convoy_is_counted(void **state)
{
	struct holder h[] = { a_holder(CLASS_LOCK, 4300, "other", 300),
			      a_holder(CLASS_GIL, 4260, "worker-3", 124),
			      a_holder(CLASS_GIL, 4261, "worker-1", 100),
			      a_holder(CLASS_GIL, 4262, "worker-2", 100) };

	(void)state;
	h[1].leaf = NULL;
	assert_words(h, 4, true,
		     "GIL convoy: 3 threads, none seen for more than 31%; most by worker-3 in "
		     "report.py:19 to_report");
}

/* Under a tenth of the stall it explains nothing. */
static void little_is_left_out(void **state)
{
	struct holder h = a_holder(CLASS_GIL, 4260, "worker-3", 41);

	(void)state;
	assert_words(&h, 1, false, "");
	assert_words(NULL, 0, false, "");
	h.ns = 42 * MS;
	h.at = h.leaf = NULL;
	h.share = 1;
	assert_words(&h, 1, false, "GIL held by worker-3 100%");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gil_is_held),
		cmocka_unit_test(threads_are_told_apart),
		cmocka_unit_test(a_lock_is_released),
		cmocka_unit_test(what_was_no_lock_was_not_released),
		cmocka_unit_test(a_convoy_is_counted),
		cmocka_unit_test(little_is_left_out),
		cmocka_unit_test(a_part_of_a_stall_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
