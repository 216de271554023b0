/* test_lines.c: lines of several files: asked once, not waited for too long, with few workers. */
#include "built_lines.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "target/lines.h"

#define FILES 11

static uint64_t outer, outer_size;

static int setup(void **state)
{
	if (built_setup(state) || built_lines(""))
		return -1;
	built_range("lines", "outer", &outer, &outer_size);
	return outer && outer_size > 1 ? 0 : -1;
}

/* The table of a file that lies open for its lines. */
static struct symbols *open_symbols(const char *name)
{
	struct symbols *s = NULL;
	int fd = built_open(name);

	assert_true(fd >= 0);
	assert_int_equal(symbols_build_safely(fd, &s), 0);
	assert_true(symbols_has_lines(s));
	symbols_keep_files(s, fd, -1);
	return s;
}

static void fetch(struct lines *l, const struct symbols *s, size_t count)
{
	uint64_t addresses[64];
	size_t i;

	for (i = 0; i < count; i++)
		addresses[i] = outer + i;
	lines_fetch(l, s, addresses, count);
}

/* Of the first `count` bytes of `outer`, how many have a line. */
static size_t count_known(const struct lines *l, const struct symbols *s, size_t count)
{
	const struct line_place *places;
	size_t i, n_places, n = 0;

	for (i = 0; i < count; i++)
		n += lines_find(l, s, outer + i, &places, &n_places) == LINES_KNOWN;
	return n;
}

/* What is known of that byte of `outer`. */
static enum lines_state state_of(const struct lines *l, const struct symbols *s, size_t byte)
{
	const struct line_place *places;
	size_t n;

	return lines_find(l, s, outer + byte, &places, &n);
}

/* Sends each child a signal; returns how many there are. */
static int signal_children(int signal)
{
	char path[64];
	int pid, n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/children", syscall(SYS_gettid));
	f = fopen(path, "r");
	assert_non_null(f);
	for (; fscanf(f, "%d", &pid) == 1; n++)
		kill(pid, signal);
	fclose(f);
	return n;
}

/* What was answered is known until the cache is emptied, without the file; what was not asked is
 * not. */
static void test_cache(void **state)
{
	struct symbols *s = open_symbols("lines");
	const struct line_place *places = NULL;
	struct lines *l;
	size_t n;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	lines_begin(l, 20000);
	assert_int_equal(state_of(l, s, 0), LINES_LOST);
	fetch(l, s, outer_size - 1);
	assert_int_equal(count_known(l, s, outer_size), outer_size - 1);
	symbols_drop_files(s);
	assert_int_equal(state_of(l, s, outer_size - 1), LINES_NONE);
	lines_trim(l); /* it is small */
	lines_begin(l, 20000);
	fetch(l, s, outer_size);
	assert_int_equal(count_known(l, s, outer_size), outer_size - 1);
	assert_int_equal(lines_find(l, s, outer, &places, &n), LINES_KNOWN);
	assert_true(n >= 1);
	assert_string_equal(places[n - 1].fn, "outer");
	assert_true(str_ends(places[n - 1].file, "/lines.c"));
	assert_true(places[n - 1].line >= 10 && places[n - 1].line <= 13);
	lines_free(l);
	lines_free(NULL);
	symbols_free(s);
	assert_int_equal(signal_children(0), 0);
}

/* Many files: each has its lines, and few workers are left. */
static void test_files(void **state)
{
	struct symbols *s[FILES];
	struct lines *l;
	int i, round;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	for (i = 0; i < FILES; i++)
		s[i] = open_symbols("lines");
	for (round = 1; round <= 2; round++)
		for (i = 0; i < FILES; i++) {
			lines_begin(l, 20000);
			fetch(l, s[i], (size_t)round);
			assert_int_equal(count_known(l, s[i], 2), round);
			assert_true(signal_children(0) <= 6);
		}
	lines_free(l);
	for (i = 0; i < FILES; i++)
		symbols_free(s[i]);
}

/* A worker that does not answer holds a stack up for its time and no longer; its answer is there
 * for a later one. */
static void test_late(void **state)
{
	struct symbols *s = open_symbols("lines");
	uint64_t start, took;
	struct lines *l;
	int i;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	lines_begin(l, 20000);
	fetch(l, s, 1);
	assert_int_equal(count_known(l, s, 1), 1);
	assert_int_equal(signal_children(SIGSTOP), 1);
	for (i = 0; i < 3; i++) {
		start = now_ns();
		lines_begin(l, LINES_STACK_MS);
		fetch(l, s, 2);
		took = now_ns() - start;
		assert_int_equal(count_known(l, s, 2), 1);
		assert_true(took >= LINES_STACK_MS * 1000000ULL);
		assert_true(took < 200 * LINES_STACK_MS * 1000000ULL);
	}
	assert_int_equal(signal_children(SIGCONT), 1);
	lines_begin(l, 20000);
	fetch(l, s, 3);
	assert_int_equal(count_known(l, s, 3), 3);
	lines_free(l);
	symbols_free(s);
}

/* Nobody waits: the answers are taken when they are there, of files that nobody asks about again
 * too, and more of them than one question and the workers hold at once. */
static void test_unattended(void **state)
{
	struct pollfd polled[LINES_WORKERS_MAX];
	uint64_t addresses[131], until;
	struct symbols *s[FILES];
	struct lines *l;
	size_t i, k;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	assert_int_equal(lines_polled(l, polled), 0);
	for (i = 0; i < FILES; i++) {
		s[i] = open_symbols("lines");
		lines_begin(l, 0);
		for (k = 0; k < 131; k++)
			addresses[k] = outer + k;
		lines_fetch(l, s[i], addresses, 131);
		lines_fetch(l, s[i], addresses, 131);
	}
	assert_true(state_of(l, s[FILES - 1], 0) == LINES_LATER);
	assert_int_equal(lines_waiting(l) + lines_settled(l), FILES * 131);
	assert_true(lines_polled(l, polled) > 0);
	until = now_ns() + 60000 * 1000000ULL;
	while (lines_waiting(l) && now_ns() < until) {
		poll(polled, lines_polled(l, polled), 50);
		assert_true(lines_polled(l, polled) <= LINES_WORKERS_MAX);
		lines_collect(l);
		assert_true(signal_children(0) <= LINES_WORKERS_MAX);
	}
	assert_int_equal(lines_waiting(l), 0);
	assert_int_equal(lines_settled(l), FILES * 131);
	assert_int_equal(lines_polled(l, polled), 0);
	for (i = 0; i < FILES; i++)
		assert_int_equal(count_known(l, s[i], outer_size), outer_size);
	lines_free(l);
	for (i = 0; i < FILES; i++)
		symbols_free(s[i]);
}

/* A worker that is at work is not ended for another file's: that one waits until there is room. */
static void test_all_busy(void **state)
{
	struct symbols *s[LINES_WORKERS_MAX + 1];
	struct lines *l;
	size_t i;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	for (i = 0; i <= LINES_WORKERS_MAX; i++)
		s[i] = open_symbols("lines");
	for (i = 0; i < LINES_WORKERS_MAX; i++) {
		lines_begin(l, 20000);
		fetch(l, s[i], 1);
	}
	assert_int_equal(signal_children(SIGSTOP), LINES_WORKERS_MAX);
	lines_begin(l, 0);
	for (i = 0; i <= LINES_WORKERS_MAX; i++)
		fetch(l, s[i], 2);
	lines_wait(l, now_ns() + 300 * 1000000ULL);
	assert_int_equal(lines_waiting(l), LINES_WORKERS_MAX + 2);
	assert_int_equal(signal_children(SIGCONT), LINES_WORKERS_MAX);
	lines_wait(l, now_ns() + 60000 * 1000000ULL);
	for (i = 0; i <= LINES_WORKERS_MAX; i++)
		assert_int_equal(count_known(l, s[i], 2), 2);
	lines_free(l);
	for (i = 0; i <= LINES_WORKERS_MAX; i++)
		symbols_free(s[i]);
}

/* Waiting for the rest ends at its time, or when there is nothing left; a worker that was lost is
 * replaced, and its question asked again. */
static void test_wait(void **state)
{
	struct symbols *s = open_symbols("lines");
	uint64_t start = now_ns();
	struct lines *l;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	lines_wait(l, start + 20000 * 1000000ULL);
	lines_begin(l, 20000);
	fetch(l, s, 1);
	lines_wait(l, start + 20000 * 1000000ULL);
	assert_true(now_ns() - start < 10000 * 1000000ULL);
	assert_int_equal(signal_children(SIGSTOP), 1);
	lines_begin(l, 0);
	fetch(l, s, 2);
	start = now_ns();
	lines_wait(l, start + 70 * 1000000ULL);
	assert_true(now_ns() - start >= 70 * 1000000ULL);
	assert_int_equal(state_of(l, s, 1), LINES_LATER);
	assert_int_equal(signal_children(SIGKILL), 1);
	lines_wait(l, start + 20000 * 1000000ULL);
	assert_int_equal(state_of(l, s, 1), LINES_KNOWN);
	lines_free(l);
	symbols_free(s);
}

/* Questions without end are not asked: what is not answered is bounded. */
static void test_many(void **state)
{
	struct symbols *s = open_symbols("lines");
	const struct line_place *places;
	uint64_t address = 0;
	struct lines *l;
	size_t n;
	int i;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	lines_begin(l, 0);
	lines_fetch(l, s, &outer, 1);
	signal_children(SIGSTOP);
	for (i = 0; i < 10007; i++, address++)
		lines_fetch(l, s, &address, 1);
	assert_in_range(lines_waiting(l), 8000, 9000);
	address--;
	assert_int_equal(lines_find(l, s, address, &places, &n), LINES_LOST);
	lines_free(l);
	symbols_free(s);
}

/* A worker that ended by itself is no zombie after a look for such. */
static void test_reap(void **state)
{
	struct symbols *s = open_symbols("lines");
	cleanup(lines_freep) struct lines *l = NULL;
	siginfo_t ended = { 0 };

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	lines_begin(l, 20000);
	fetch(l, s, 1);
	lines_reap(l);
	assert_int_equal(count_known(l, s, 1), 1);
	assert_int_equal(signal_children(SIGKILL), 1);
	waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
	lines_reap(l);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	symbols_free(s);
}

/* What a stack may wait is for all of its files together. */
static void test_shared_wait(void **state)
{
	struct symbols *s[2] = { open_symbols("lines"), open_symbols("lines") };
	uint64_t start = 0;
	struct lines *l;
	int i;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	for (i = 0; i < 2; i++) {
		lines_begin(l, 20000);
		fetch(l, s[i], 1);
		assert_int_equal(count_known(l, s[i], 1), 1);
	}
	assert_int_equal(signal_children(SIGSTOP), 2);
	lines_begin(l, 2300);
	for (i = 0; i < 2; i++) {
		start = now_ns();
		fetch(l, s[i], 2);
	}
	assert_true(now_ns() - start < 1150000000ULL);
	lines_free(l);
	for (i = 0; i < 2; i++)
		symbols_free(s[i]);
}

/* Files that kill their workers are left alone after some of them, and what they were asked has
 * been lost. */
static void test_deaths(void **state)
{
	struct symbols *s[FILES];
	struct lines *l;
	int i, round, asked = 0;

	(void)state;
	assert_int_equal(lines_new(&l), 0);
	for (i = 0; i < FILES; i++)
		s[i] = open_symbols("lines");
	for (round = 0; round < 5; round++)
		for (i = 0; i < FILES; i++) {
			lines_begin(l, 0);
			fetch(l, s[i], 1);
			signal_children(SIGSTOP);
			fetch(l, s[i], 2 + (size_t)round);
			asked += signal_children(SIGKILL) > 0;
			/* sees that the worker is gone */
			lines_begin(l, 20000);
			fetch(l, s[i], 2 + (size_t)round);
		}
	assert_true(asked > 0);
	lines_begin(l, 20000);
	fetch(l, s[0], 23);
	assert_int_equal(lines_waiting(l), 0);
	assert_int_equal(state_of(l, s[0], 22), LINES_LOST);
	lines_free(l);
	assert_int_equal(signal_children(0), 0);
	for (i = 0; i < FILES; i++)
		symbols_free(s[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),  cmocka_unit_test(test_files),
		cmocka_unit_test(test_late),   cmocka_unit_test(test_shared_wait),
		cmocka_unit_test(test_deaths), cmocka_unit_test(test_unattended),
		cmocka_unit_test(test_wait),   cmocka_unit_test(test_many),
		cmocka_unit_test(test_reap),   cmocka_unit_test(test_all_busy),
	};

	return cmocka_run_group_tests(tests, setup, built_teardown);
}
