/* test_unwind_worker.c: several files in one worker, and answers that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "target/unwind_worker.h"

#define N 4

static int results[UNWIND_WORKER_FILES];
static struct unwind_table *tables[UNWIND_WORKER_FILES];

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t n_words(const struct unwind_table *t)
{
	size_t n;

	unwind_table_words(t, &n);
	return n;
}

/* Each file has its own answer, as many as there may be. */
static void test_files(void **state)
{
	static const char *const names[] = { "/proc/self/exe", "/bin/sh" };
	struct unwind_table *alone[2];
	int fds[UNWIND_WORKER_FILES], text = memfd_create("text", MFD_CLOEXEC);
	struct unwind_worker w;

	(void)state;
	assert_int_equal(write(text, "hello", 5), 5);
	for (int i = 0; i < UNWIND_WORKER_FILES; i++) {
		fds[i] = i % 3 == 1 ? dup(text) : open(names[i % 3 / 2], O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(unwind_table_build(fds[2 * i], &alone[i]), 0);
	assert_int_not_equal(n_words(alone[0]), n_words(alone[1]));
	assert_int_equal(unwind_worker_begin(fds, UNWIND_WORKER_FILES, &w), 0);
	unwind_worker_finish(&w, results, tables);
	for (int i = 0; i < UNWIND_WORKER_FILES; i++) {
		assert_int_equal(results[i], i % 3 == 1 ? -ENOEXEC : 0);
		close(fds[i]);
		if (i % 3 == 1) {
			assert_null(tables[i]);
			continue;
		}
		assert_int_equal(n_words(tables[i]), n_words(alone[i % 3 / 2]));
		unwind_table_free(tables[i]);
	}
	for (int i = 0; i < 2; i++)
		unwind_table_free(alone[i]);
	close(text);
}

/* What N files got from a worker that wrote these words and then ended, or hangs. */
static void answer(const int32_t *words, size_t n, bool hangs)
{
	struct unwind_worker w = { .n = N };
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], words, n * sizeof(*words)), n * sizeof(*words));
	w.task.out = pipes[0];
	w.task.until_ms = now_ms() + (hangs ? 50 : 5000);
	w.task.pid = fork();
	if (w.task.pid == 0) {
		close(pipes[1]);
		for (;;)
			pause();
	}
	if (!hangs)
		close(pipes[1]);
	unwind_worker_finish(&w, results, tables);
	if (hangs)
		close(pipes[1]);
	for (int i = 0; i < N; i++)
		assert_null(tables[i]);
}

static void check(int first, int second, int third, int fourth)
{
	const int want[N] = { first, second, third, fourth };

	assert_memory_equal(results, want, sizeof(want));
}

/* The file at which it ended has an error, those behind it can be tried again. */
static void test_died(void **state)
{
	const int32_t words[] = { -ENOEXEC, 0, -EFBIG, 0, 0 };

	(void)state;
	answer(words, 5, false);
	check(-ENOEXEC, -EFBIG, -EIO, -EAGAIN);
	answer(words, 3, true);
	check(-ENOEXEC, -ETIMEDOUT, -EAGAIN, -EAGAIN);
	answer(words, 0, false);
	check(-EIO, -EAGAIN, -EAGAIN, -EAGAIN);
}

/* It cannot have itself asked again without end, nor read behind its answer. */
static void test_hostile(void **state)
{
	const int32_t again[] = { -EAGAIN, 0, -ENODATA, 0, -EAGAIN, 0, 0, 0 };
	const int32_t longer[] = { 0, 4, 23, -EFBIG, 0, 0, -1, 0 };

	(void)state;
	answer(again, 8, false);
	check(-EIO, -EIO, -EIO, -EIO);
	answer(longer, 8, false); /* no table is as short; then one that goes on for ever */
	check(-EIO, -EFBIG, -EIO, -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_died),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
