/* test_writer.c: what is on disk while a recording is made, when it ends, and when it cannot. */
#include "folder.h"

#include <sys/resource.h>
#include <signal.h>

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Bytes that no deflate makes shorter, the same ones in each run. */
static void fill_with_noise(char *bytes, size_t len, uint64_t seed)
{
	uint64_t x = 88172645463325252ULL * (2 * seed + 1);

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = x >> 32;
	}
}

static enum recording_state state_of(const char *path, size_t *ret_chunks)
{
	cleanup(recording_closep) struct recording_reader *r = NULL;

	assert_int_equal(recording_open(path, &r), 0);
	*ret_chunks = read_all(r);
	return recording_state(r);
}

/* Until the end there is only the partial file; then only the target, whole and marked so. */
static void test_moves_into_place(void **state)
{
	struct recording_writer *w = create("app.stall");
	size_t n;

	(void)state;
	assert_true(exists("app.stall.partial"));
	assert_false(exists("app.stall"));
	for (int i = 0; i < 23; i++)
		put(w, CHUNK_NOTE, "note", 4);
	assert_int_equal(recording_finish(w), 0);
	assert_false(exists("app.stall.partial"));
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 23);
}

/* An older recording of the same name stays until the new one is whole. */
static void test_keeps_the_old_one(void **state)
{
	struct recording_writer *w = create("app.stall");
	size_t n;

	(void)state;
	put(w, CHUNK_NOTE, "", 0);
	assert_int_equal(recording_finish(w), 0);
	w = create("app.stall");
	put(w, CHUNK_NOTE, "", 0);
	put(w, CHUNK_NOTE, "", 0);
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 1);
	recording_abandon(w);
	assert_false(exists("app.stall.partial"));
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 1);
}

/* What was flushed opens while the writer lives, and says that it is not whole. */
static void test_flush(void **state)
{
	struct recording_writer *w = create("app.stall");
	size_t n;

	(void)state;
	for (int i = 0; i < 7; i++)
		put(w, CHUNK_NOTE, "seven", 5);
	assert_int_equal(recording_flush(w), 0);
	assert_int_equal(state_of("app.stall.partial", &n), RECORDING_INCOMPLETE);
	assert_int_equal(n, 7);
	recording_abandon(w);
}

/* Buffered chunks reach the file by themselves once there are enough of them. */
static void test_buffer_empties(void **state)
{
	struct recording_writer *w = create("app.stall");
	char bytes[1009] = { 0 };
	size_t n;

	(void)state;
	for (int i = 0; i < 131; i++)
		put(w, CHUNK_NOTE, bytes, sizeof(bytes));
	assert_int_equal(state_of("app.stall.partial", &n), RECORDING_INCOMPLETE);
	assert_true(n >= 61);
	recording_abandon(w);
}

/* What cannot be recorded to is refused at once, before anything is measured. */
static void test_refuses_early(void **state)
{
	struct recording_writer *w = NULL;

	(void)state;
	assert_int_equal(recording_create("", &w), -EINVAL);
	assert_int_equal(recording_create("gone/app.stall", &w), -ENOENT);
	assert_int_equal(recording_create("/dev/null", &w), -EINVAL);
	assert_int_equal(mkdir("folder", 0755), 0);
	assert_int_equal(recording_create("folder", &w), -EISDIR);
	assert_int_equal(symlink("elsewhere", "app.stall.partial"), 0);
	assert_int_equal(recording_create("app.stall", &w), -ELOOP);
	assert_false(exists("elsewhere"));
	assert_int_equal(mkfifo("pipe.stall.partial", 0644), 0);
	assert_true(recording_create("pipe.stall", &w) < 0);
	assert_null(w);
}

/* Two recordings to one name at a time: the second is refused and harms the first in nothing. */
static void test_busy(void **state)
{
	struct recording_writer *w = create("app.stall"), *second = NULL;
	size_t n;

	(void)state;
	put(w, CHUNK_NOTE, "x", 1);
	assert_int_equal(recording_create("app.stall", &second), -EBUSY);
	assert_null(second);
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 1);
}

/* What a killed recording left is taken over and does not shine through. */
static void test_stale_partial(void **state)
{
	struct recording_writer *w;
	char stale[509];
	size_t n;

	(void)state;
	memset(stale, 'x', sizeof(stale));
	save("app.stall.partial", stale, sizeof(stale));
	w = create("app.stall");
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 0);
}

/* A full disk (here: a file size limit) is told by put and again by finish; what fitted opens. */
static void test_disk_full(void **state)
{
	struct recording_writer *w = create("app.stall");
	struct rlimit limit = { 20011, RLIM_INFINITY }, before;
	char bytes[4099];
	struct chunk chunk = { .kind = CHUNK_NOTE, .len = sizeof(bytes), .payload = bytes };
	size_t n;
	int r = 0;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	limit.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	/* Other noise each time, or deflating would make it fit. */
	for (int i = 0; i < 17 && r == 0; i++) {
		fill_with_noise(bytes, sizeof(bytes), i);
		r = recording_sink(w)->put(recording_sink(w), &chunk);
	}
	assert_int_equal(r, -EFBIG);
	assert_int_equal(recording_sink(w)->put(recording_sink(w), &chunk), -EFBIG);
	assert_int_equal(recording_finish(w), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_false(exists("app.stall"));
	assert_int_equal(state_of("app.stall.partial", &n), RECORDING_INCOMPLETE);
	assert_int_equal(n, 4);
}

/* A chunk that no reader would take is not written; the recording goes on. */
static void test_chunk_too_long(void **state)
{
	struct recording_writer *w = create("app.stall");
	_cleanup_free_ char *bytes = calloc(1, RECORDING_CHUNK_MAX + 1);
	struct chunk chunk = { .kind = 1, .len = RECORDING_CHUNK_MAX + 1, .payload = bytes };
	size_t n;

	(void)state;
	assert_int_equal(recording_sink(w)->put(recording_sink(w), &chunk), -EMSGSIZE);
	chunk.len--;
	assert_int_equal(recording_sink(w)->put(recording_sink(w), &chunk), 0);
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 1);
}

static uint64_t recorded_size(const char *bytes, uint32_t len, int times)
{
	struct recording_writer *w = create("sized.stall");
	struct stat st;
	size_t n;

	for (int i = 0; i < times; i++)
		put(w, CHUNK_NOTE, bytes, len);
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(stat("sized.stall", &st), 0);
	assert_int_equal(state_of("sized.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, times);
	return st.st_size;
}

/* Repeated names shrink; noise takes what its chunks take, up to the longest one there may be. */
static void test_sizes(void **state)
{
	_cleanup_free_ char *bytes = calloc(1, RECORDING_CHUNK_MAX);

	(void)state;
	assert_true(recorded_size(bytes, 499, 499) < 64 + 499 * 499 / 50);
	assert_true(recorded_size(bytes, RECORDING_CHUNK_MAX, 1) < RECORDING_CHUNK_MAX / 100);
	fill_with_noise(bytes, RECORDING_CHUNK_MAX, 0);
	assert_int_equal(recorded_size(bytes, RECORDING_CHUNK_MAX, 3),
			 64 + 3 * (RECORDING_CHUNK_MAX + 16));
	assert_int_equal(recorded_size(bytes, 65521, 7), 64 + 7 * (65521 + 15));
	assert_int_equal(recorded_size(bytes, 4, 1), 64 + 16);
}

/* A long chunk behind short ones is no part of their block, which no reader would take. */
static void test_long_after_short(void **state)
{
	struct recording_writer *w = create("app.stall");
	_cleanup_free_ char *bytes = calloc(1, RECORDING_CHUNK_MAX);
	size_t n;

	(void)state;
	put(w, CHUNK_NOTE, bytes, 60013);
	fill_with_noise(bytes, RECORDING_CHUNK_MAX, 0);
	put(w, CHUNK_NOTE, bytes, RECORDING_CHUNK_MAX);
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 2);
}

/* The kind that the file uses for itself cannot be put; the recording goes on. */
static void test_block_kind(void **state)
{
	struct recording_writer *w = create("app.stall");
	struct chunk chunk = { .kind = 0x5a, .len = 4, .payload = "deep" };
	size_t n;

	(void)state;
	assert_int_equal(recording_sink(w)->put(recording_sink(w), &chunk), -EINVAL);
	put(w, CHUNK_NOTE, "x", 1);
	assert_int_equal(recording_finish(w), 0);
	assert_int_equal(state_of("app.stall", &n), RECORDING_COMPLETE);
	assert_int_equal(n, 1);
}

/* Without any flush asked for, what was put a second ago is on the disk with the next chunk. */
static void test_flushes_itself(void **state)
{
	struct recording_writer *w = create("app.stall");
	size_t n;

	(void)state;
	put(w, CHUNK_NOTE, "early", 5);
	assert_int_equal(state_of("app.stall.partial", &n), RECORDING_INCOMPLETE);
	assert_int_equal(n, 0);
	usleep(1013000);
	put(w, CHUNK_NOTE, "late", 4);
	assert_int_equal(state_of("app.stall.partial", &n), RECORDING_INCOMPLETE);
	assert_int_equal(n, 2);
	recording_abandon(w);
}

/* A target that became a folder while measuring: the error is told and the partial file stays. */
static void test_rename_fails(void **state)
{
	struct recording_writer *w = create("app.stall");

	(void)state;
	assert_int_equal(mkdir("app.stall", 0755), 0);
	assert_int_equal(recording_finish(w), -EISDIR);
	assert_true(exists("app.stall.partial"));
	recording_abandon(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(test_moves_into_place),
		FOLDER_TEST(test_keeps_the_old_one),
		FOLDER_TEST(test_flush),
		FOLDER_TEST(test_buffer_empties),
		FOLDER_TEST(test_refuses_early),
		FOLDER_TEST(test_busy),
		FOLDER_TEST(test_stale_partial),
		FOLDER_TEST(test_disk_full),
		FOLDER_TEST(test_chunk_too_long),
		FOLDER_TEST(test_sizes),
		FOLDER_TEST(test_long_after_short),
		FOLDER_TEST(test_block_kind),
		FOLDER_TEST(test_flushes_itself),
		FOLDER_TEST(test_rename_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
