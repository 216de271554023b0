/* tape.h: a capture that never happened, for the tests of the commands.
 *
 * One asyncio loop; seven stalls of 110, 220, ... 770 ms in recvfrom under main (app.py:41).  And a
 * sandbox: a folder of its own, standard output and error in files, a command line to run.
 */
#ifndef STALLPROF_TESTS_UNIT_CLI_TAPE_H
#define STALLPROF_TESTS_UNIT_CLI_TAPE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bpf/event.h"
#include "cli/command.h"
#include "output/writer.h"
#include "recording/chunk.h"
#include "recording/recording.h"

#define MS	    1000000ULL
#define TAPE_STALLS 7
#define TAPE_SUM    3080 /* ms */

static inline void tape_meta(struct chunk_sink *sink, const char *key, const char *value)
{
	cleanup(str_releasep) struct str s = { 0 };

	chunk_put_str(&s, key);
	chunk_put_str(&s, value);
	assert_int_equal(chunk_emit(sink, CHUNK_META, &s), 0);
}

static inline void tape_event(struct chunk_sink *sink, void *event, uint16_t kind, size_t size)
{
	cleanup(str_releasep) struct str s = { 0 };
	struct event_head head = { .kind = kind, .size = size, .ts = 1, .tgid = 42, .tid = 43 };

	memcpy(event, &head, sizeof(head));
	str_add_mem(&s, event, size);
	assert_int_equal(chunk_emit(sink, CHUNK_EVENT, &s), 0);
}

static inline void tape_head(struct chunk_sink *sink)
{
	cleanup(str_releasep) struct str s = { 0 };
	struct chunk_frame frame = { FRAME_PYTHON, 0, 41, 0, "main", "app.py", "" };
	struct event_loop loop = { .loop = 1, .home = HOME_EPOLL, .fd = 3, .syscall = 232 };

	tape_meta(sink, META_VERSION, "0.1.0");
	tape_meta(sink, META_MODE, "stalls");
	tape_meta(sink, META_START_MONO, "1");
	tape_meta(sink, META_START_REAL, "1700000000000000000");
	tape_meta(sink, META_THRESHOLD, "100000000");
	chunk_put_u32(&s, 42);
	chunk_put_u64(&s, 1);
	chunk_put_str(&s, "python3");
	chunk_put_str(&s, "/usr/bin/python3");
	chunk_put_str(&s, "python3 app.py");
	chunk_put_str(&s, "python");
	chunk_put_str(&s, "3.11.2");
	assert_int_equal(chunk_emit(sink, CHUNK_PROC, &s), 0);
	tape_event(sink, &loop, EVENT_LOOP, sizeof(loop));
	str_clear(&s);
	chunk_put_u32(&s, 1);
	chunk_put_str(&s, "asyncio");
	chunk_put_u32(&s, 1);
	assert_int_equal(chunk_emit(sink, CHUNK_LOOP_KIND, &s), 0);
	str_clear(&s);
	chunk_put_u64(&s, 23);
	chunk_put_u32(&s, STACK_PYTHON);
	chunk_put_u32(&s, 1);
	chunk_put_frame(&s, &frame);
	assert_int_equal(chunk_emit(sink, CHUNK_STACK_NAMES, &s), 0);
}

/* Stall number 1..TAPE_STALLS. */
static inline void tape_stall(struct chunk_sink *sink, unsigned number)
{
	struct event_stall e = {
		.loop = 1,
		.n_parts = 1,
		.start = number * 1000 * MS,
		.ns = number * 110 * MS,
		.threshold = 100 * MS,
		.iteration = number,
		.class_ns = { [CLASS_SYSCALL] = number * 110 * MS },
		.parts = { { .ns = number * 110 * MS,
			     .max = number * 110 * MS,
			     .stack = 23,
			     .count = 1,
			     .klass = CLASS_SYSCALL,
			     .syscall = 45,
			     .target = { .fd = -1 } } },
	};

	tape_event(sink, &e, EVENT_STALL, offsetof(struct event_stall, parts[1]));
}

static inline void tape_end(struct chunk_sink *sink)
{
	cleanup(str_releasep) struct str s = { 0 };
	struct event_loop_stats stats = {
		.loop = 1,
		.home = HOME_EPOLL,
		.fd = 3,
		.syscall = 232,
		.first = MS,
		.last = 10000 * MS,
		.iterations = 97,
		.poll_ns = 9999 * MS - 4000 * MS,
		.busy_ns = 4000 * MS,
		.stalls = TAPE_STALLS,
		.stalled_ns = TAPE_SUM * MS,
		.longest_ns = 770 * MS,
		.longest_at = 7000 * MS,
	};

	tape_event(sink, &stats, EVENT_LOOP_STATS, sizeof(stats));
	chunk_put_u64(&s, 10000 * MS);
	assert_int_equal(chunk_emit(sink, CHUNK_END, &s), 0);
}

/* Flushed after each stall, as if a second apart: a recording is cut and damaged by its parts. */
static inline void tape_record(const char *path)
{
	struct recording_writer *w = NULL;

	assert_int_equal(recording_create(path, &w), 0);
	tape_head(recording_sink(w));
	for (unsigned i = 1; i <= TAPE_STALLS; i++) {
		tape_stall(recording_sink(w), i);
		assert_int_equal(recording_flush(w), 0);
	}
	tape_end(recording_sink(w));
	assert_int_equal(recording_finish(w), 0);
}

struct sandbox {
	char folder[32];
	struct str out, err; /* of the last run */
};

/* The working directory is the sandbox until it is closed. */
static inline void sandbox_open(struct sandbox *s)
{
	*s = (struct sandbox){ .folder = "/tmp/stallprof-test-XXXXXX" };
	assert_non_null(mkdtemp(s->folder));
	assert_int_equal(chdir(s->folder), 0);
}

static inline void sandbox_close(struct sandbox *s)
{
	char line[64];

	assert_int_equal(chdir("/"), 0);
	snprintf(line, sizeof(line), "rm -r %s", s->folder);
	assert_int_equal(system(line), 0);
	str_release(&s->out);
	str_release(&s->err);
}

static inline bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline void read_file(const char *path, struct str *ret)
{
	struct str text = { 0 };

	assert_int_equal(file_read(path, 1 << 20, &text), 0);
	str_release(ret);
	*ret = text;
}

static inline int to_file(int fd, const char *path)
{
	int before = dup(fd), to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(before >= 0 && to >= 0);
	dup2(to, fd);
	close(to);
	return before;
}

/* Runs a command in this process: its exit status; what it wrote is in out and err. */
static inline int run_command(struct sandbox *s, const struct command *c, const char *const *argv)
{
	char *args[32] = { NULL };
	int n = 0, out, err, status;

	for (; argv[n]; n++)
		args[n] = (char *)argv[n];
	fflush(stdout);
	out = to_file(STDOUT_FILENO, ".out");
	err = to_file(STDERR_FILENO, ".err");
	status = c->run(c, n, args);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	read_file(".out", &s->out);
	read_file(".err", &s->err);
	return status;
}

#define RUN(sandbox, command, ...) \
	run_command(sandbox, command, (const char *const[]){ __VA_ARGS__, NULL })

static inline size_t count_of(const struct str *text, const char *what)
{
	size_t n = 0;

	for (const char *at = str_text(text); (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static inline void assert_has(const struct str *text, const char *what)
{
	if (!strstr(str_text(text), what))
		fail_msg("\"%s\" is not in:\n%s", what, str_text(text));
}

#endif
