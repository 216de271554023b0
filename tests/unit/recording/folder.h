/* folder.h: an empty folder for each test of the recording, and short ways to put and read. */
#ifndef STALLPROF_TESTS_UNIT_RECORDING_FOLDER_H
#define STALLPROF_TESTS_UNIT_RECORDING_FOLDER_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "recording/recording.h"

static inline int folder_enter(void **state)
{
	char path[] = "/tmp/stallprof-test-XXXXXX";

	if (!mkdtemp(path) || chdir(path) < 0)
		return -1;
	*state = strdup(path);
	return *state ? 0 : -1;
}

static inline int folder_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline int folder_leave(void **state)
{
	int r = chdir("/");

	r = r < 0 ? r : nftw(*state, folder_remove, 7, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return r;
}

static inline struct recording_writer *create(const char *path)
{
	struct recording_writer *w = NULL;

	assert_int_equal(recording_create(path, &w), 0);
	assert_non_null(w);
	return w;
}

static inline void put(struct recording_writer *w, uint32_t kind, const char *bytes, uint32_t len)
{
	struct chunk chunk = { .kind = kind, .len = len, .payload = bytes };

	assert_int_equal(recording_sink(w)->put(recording_sink(w), &chunk), 0);
}

/* The bytes of a finished recording: chunks of 0, 1, 2 ... bytes with rising kinds, each flushed
 * and too short to be deflated. */
static inline struct str recorded(uint32_t chunks)
{
	static const char bytes[] = "a prime number of bytes";
	struct recording_writer *w = create("made.stall");
	struct str content = { 0 };

	for (uint32_t i = 0; i < chunks; i++) {
		put(w, i + 1, bytes, i % sizeof(bytes));
		assert_int_equal(recording_flush(w), 0);
	}
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(file_read("made.stall", 1 << 20, &content), 0);
	return content;
}

#define CHUNKS_PER_BLOCK 3

/* The same with chunks that are worth deflating: so many blocks, of three chunks each. */
static inline struct str recorded_blocks(uint32_t blocks)
{
	struct recording_writer *w = create("made.stall");
	struct str content = { 0 };
	char bytes[211] = { 0 };

	for (uint32_t i = 0; i < blocks; i++) {
		bytes[97] = i;
		put(w, CHUNK_NOTE, bytes, 0);
		put(w, CHUNK_NOTE, bytes + 97, 1);
		put(w, CHUNK_EVENT, bytes, sizeof(bytes));
		assert_int_equal(recording_flush(w), 0);
	}
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(file_read("made.stall", 1 << 20, &content), 0);
	return content;
}

static inline void save(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Reads to the end; returns how many chunks there were. */
static inline size_t read_all(struct recording_reader *r)
{
	struct chunk chunk;
	size_t n = 0;

	while (recording_next(r, &chunk) == 1)
		n++;
	assert_int_equal(recording_next(r, &chunk), 0);
	return n;
}

#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

#endif
