/* test_lines_worker.c: the life of a worker that reads debug information, of good files and of
 * files that it dies of.
 */
#include "built_lines.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "target/lines_worker.h"

#define LONG (now_ns() + 20000000000ULL)

static uint64_t outer, outer_size;
static size_t taken, known;
static struct line_place last[LINES_DEPTH_MAX];
static char texts[LINES_DEPTH_MAX][64];

static int take(void *arg, uint64_t address, const struct line_chain *chain)
{
	size_t i;

	assert_true(address != 0);
	taken++;
	known += chain->count != 0;
	for (i = 0; i < chain->count; i++) {
		last[i] = chain->places[i];
		snprintf(texts[i], sizeof(texts[i]), "%s", chain->places[i].fn);
	}
	return arg ? *(int *)arg : 0;
}

/* All addresses of `outer`, in one question. */
static int ask(struct lines_worker *w, int file, int alt)
{
	uint64_t addresses[LINES_BATCH_MAX];
	size_t i;

	for (i = 0; i < outer_size; i++)
		addresses[i] = outer + i;
	taken = known = 0;
	return lines_worker_ask(w, file, alt, addresses, outer_size);
}

static int setup(void **state)
{
	if (built_setup(state) || built_lines(""))
		return -1;
	built_range("lines", "outer", &outer, &outer_size);
	return outer && outer_size > 1 && outer_size <= LINES_BATCH_MAX ? 0 : -1;
}

/* One worker answers question after question; asked twice it is busy, and an answer that was not
 * waited for is there later. */
static void test_life(void **state)
{
	int fd = built_open("lines"), i, error = -EPIPE;
	struct lines_worker w = { 0 };
	pid_t pid = 0;

	(void)state;
	assert_int_equal(lines_worker_wait(&w, 0, take, NULL), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(ask(&w, fd, -1), 0);
		assert_int_equal(lines_worker_ask(&w, fd, -1, &outer, 1), -EBUSY);
		assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), 0);
		assert_int_equal(taken, outer_size);
		assert_true(known > 0);
		assert_true(!pid || pid == w.pid);
		pid = w.pid;
	}
	assert_string_equal(texts[0], "outer"); /* of its last instruction */
	assert_int_equal(ask(&w, fd, -1), 0);
	while (lines_worker_wait(&w, 0, take, NULL) == -EBUSY)
		;
	assert_int_equal(taken, outer_size);
	assert_int_equal(ask(&w, fd, -1), 0);
	assert_int_equal(lines_worker_wait(&w, LONG, take, &error), -EPIPE);
	assert_int_equal(taken, 1);
	assert_int_equal(w.deaths, 0);
	lines_worker_stop(&w);
	lines_worker_stop(&w);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(fd);
}

/* A file without lines is asked once. */
static void test_barren(void **state)
{
	int fd = built_open("bare");
	struct lines_worker w = { 0 };

	(void)state;
	assert_int_equal(ask(&w, fd, -1), 0);
	assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), -ENODATA);
	assert_int_equal(w.pid, 0);
	assert_int_equal(ask(&w, fd, -1), -ENODATA);
	lines_worker_stop(&w);
	close(fd);
}

/* One that left while it had nothing to do is no death; one that dies of a question is, and is
 * started a few times only; what hangs is killed at its deadline. */
static void test_deaths(void **state)
{
	int fd = built_open("lines"), i;
	struct lines_worker w = { 0 };

	(void)state;
	assert_int_equal(ask(&w, fd, -1), 0);
	assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), 0);
	kill(w.pid, SIGKILL);
	waitid(P_PID, (id_t)w.pid, NULL, WEXITED | WNOWAIT);
	assert_int_equal(ask(&w, fd, -1), 0);
	assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), 0);
	assert_int_equal(w.deaths, 0);
	kill(w.pid, SIGSTOP);
	assert_int_equal(ask(&w, fd, -1), 0);
	assert_int_equal(lines_worker_wait(&w, now_ns(), take, NULL), -EBUSY);
	w.deadline = now_ns(); /* as if it had passed */
	assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), -ETIMEDOUT);
	assert_int_equal(w.deaths, 1);
	for (i = 1; i < LINES_DEATHS_MAX; i++) {
		assert_int_equal(ask(&w, fd, -1), 0);
		kill(w.pid, SIGKILL);
		/* it may have answered before */
		if (lines_worker_wait(&w, LONG, take, NULL) == 0) {
			w.deaths++;
			lines_worker_stop(&w);
		}
	}
	assert_int_equal(w.deaths, LINES_DEATHS_MAX);
	assert_int_equal(ask(&w, fd, -1), -EAGAIN);
	lines_worker_stop(&w);
	close(fd);
}

/* Without questions it ends by itself, before that it has given its memory back and answers all the
 * same; who takes leave of it leaves no zombie, and may ask again. */
static void test_idle(void **state)
{
	int fd = built_open("lines"), i;
	struct lines_worker w = { 0 };
	struct pollfd ended;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(ask(&w, fd, -1), 0);
		assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), 0);
		assert_int_equal(taken, outer_size);
		assert_true(known > 0);
		lines_worker_reap(&w);
		assert_true(w.pid > 0);
		ended = (struct pollfd){ .fd = w.from, .events = POLLIN };
		assert_int_equal(poll(&ended, 1, LINES_REST_S * 1500), 0);
	}
	assert_int_equal(poll(&ended, 1, LINES_IDLE_S * 4000), 1);
	lines_worker_reap(&w);
	assert_int_equal(w.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(ask(&w, fd, -1), 0);
	assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), 0);
	assert_int_equal(w.deaths, 0);
	lines_worker_stop(&w);
	close(fd);
}

/* However much is asked over time, no worker comes near the CPU time that it is killed for. */
static void test_replaced(void **state)
{
	int fd = built_open("lines");
	struct lines_worker w = { 0 };
	pid_t first;

	(void)state;
	assert_int_equal(ask(&w, fd, -1), 0);
	first = w.pid;
	assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), 0);
	while (w.pid == first) {
		assert_int_equal(ask(&w, fd, -1), 0);
		assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), 0);
	}
	assert_int_equal(taken, outer_size);
	assert_int_equal(w.deaths, 0);
	lines_worker_stop(&w);
	close(fd);
}

/* An answer that says it is larger than any, or whose bytes make no chain, ends the worker. */
static void test_nonsense(void **state)
{
	static const struct {
		struct lines_answer_head head;
		uint32_t bytes[2];
	} answers[] = { { { 0, LINES_ANSWER_MAX + 1 }, { 0 } }, { { 0, 8 }, { 77, 77 } } };
	struct lines_worker w = { 0 };
	int pipes[2], i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes), 0);
		w.pid = fork();
		if (w.pid == 0)
			_exit(0);
		w.to = dup(pipes[1]);
		w.from = pipes[0];
		w.busy = true;
		w.deadline = UINT64_MAX;
		w.question.count = 2;
		assert_int_equal(write(pipes[1], &answers[i], sizeof(answers[i])),
				 sizeof(answers[i]));
		close(pipes[1]);
		assert_int_equal(lines_worker_wait(&w, LONG, take, NULL), -EIO);
		assert_int_equal(w.deaths, i + 1);
		assert_int_equal(w.pid, 0);
	}
}

static uint32_t dice = 7;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 1664525 + 1013904223;
	return (dice >> 8) % sides;
}

/* A copy of `lines` with some bytes of its debug information changed, or its end cut off. */
static int mutant(int n)
{
	struct str whole = { 0 };
	char path[512];
	size_t from, i;
	int fd;

	snprintf(path, sizeof(path), "%s/lines", built);
	assert_int_equal(file_read(path, 1 << 20, &whole), 0);
	/* debug information lies behind everything that is loaded */
	from = whole.len / 2;
	for (i = 0; i < 1 + roll(40); i++)
		whole.text[from + roll((uint32_t)(whole.len - from))] = (char)roll(256);
	if (n % 5 == 0)
		whole.len = from + roll((uint32_t)(whole.len - from));
	snprintf(path, sizeof(path), "%s/mutant", built);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, whole.text, whole.len), whole.len);
	str_release(&whole);
	return fd;
}

/* Whatever a damaged file does to the library, only the worker dies of it, in bounded time. */
static void test_mutants(void **state)
{
	uint64_t longest = 0;
	int i, ok = 0;

	(void)state;
	for (i = 0; i < 211; i++) {
		struct lines_worker w = { 0 };
		uint64_t start = now_ns();
		int fd = mutant(i), r = ask(&w, fd, fd);

		assert_int_equal(r, 0);
		r = lines_worker_wait(&w, LONG, take, NULL);
		assert_true(r == 0 || r == -ENODATA || r == -EIO || r == -ETIMEDOUT);
		ok += r == 0;
		lines_worker_stop(&w);
		close(fd);
		if (now_ns() - start > longest)
			longest = now_ns() - start;
	}
	assert_true(ok > 0);
	assert_true(longest < 3 * LINES_DEADLINE_MS * 1000000ULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),	cmocka_unit_test(test_barren),
		cmocka_unit_test(test_deaths),	cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_idle),	cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_mutants),
	};

	return cmocka_run_group_tests(tests, setup, built_teardown);
}
