/* test_model.c: the life of a model, and a recording read back into one. */
#include "build.h"

#include "recording/recording.h"

/* Destroying nothing, or a model that was fed but never sealed, is fine. */
TEST(test_life)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);

	BENCH(b);
	model_free(NULL);
	e.flags = STALL_ONGOING;
	give_stall(&b, &e);
	bench_close(&b);
}

/* The live report and the report of the recording of the same chunks agree. */
TEST(test_through_a_file)
{
	char path[] = "/tmp/stallprof-model-XXXXXX";
	cleanup(recording_closep) struct recording_reader *r = NULL;
	struct recording_writer *w = NULL;
	struct event_stall e = a_stall(1, 3, 101 * MS);
	struct chunk chunk;
	struct bench again;
	int fd = mkstemp(path);

	BENCH(b);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(recording_create(path, &w), 0);
	e.head.size = stall_size(&e);
	chunk = (struct chunk){ CHUNK_EVENT, e.head.size, &e };
	assert_int_equal(recording_sink(w)->put(recording_sink(w), &chunk), 0);
	assert_int_equal(model_feed(b.m, &chunk), 0);
	assert_int_equal(recording_finish(w), 0);
	bench_open(&again);
	assert_int_equal(recording_open(path, &r), 0);
	while (recording_next(r, &chunk) > 0)
		assert_int_equal(model_feed(again.m, &chunk), 0);
	assert_int_equal(remove(path), 0);
	assert_int_equal(again.handed, 1);
	assert_string_equal(seal(&again)->stalls[0].id, seal(&b)->stalls[0].id);
	assert_int_equal(seal(&again)->stalled_us, 101000);
	bench_close(&again);
	bench_close(&b);
}

/* A model that was out of memory once gives no profile: its sums need not be true. */
TEST(test_out_of_memory)
{
	BENCH(b);
	b.m->failed = true;
	assert_null(model_seal(b.m, ""));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_through_a_file),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
