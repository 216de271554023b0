/* test_tee.c: one stream of chunks to two sinks, of which one may fail. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/tee.h"

struct counter {
	struct chunk_sink sink;
	int got;
	int fails_at; /* 0: never */
};

static int count(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct counter *c = (struct counter *)sink;

	(void)chunk;
	return ++c->got == c->fails_at ? -ENOSPC : 0;
}

/* A disk that is full at the third of seven chunks costs the recording; the report gets all seven.
 */
static void test_spare_fails(void **state)
{
	struct counter needed = { { count }, 0, 0 }, spare = { { count }, 0, 3 };
	struct chunk chunk = { 0 };
	struct tee t;

	(void)state;
	tee_init(&t, &needed.sink, &spare.sink);
	for (int i = 0; i < 7; i++)
		assert_int_equal(t.sink.put(&t.sink, &chunk), 0);
	assert_int_equal(needed.got, 7);
	assert_int_equal(spare.got, 3);
	assert_int_equal(tee_status(&t), -ENOSPC);
}

/* What the report cannot take ends the stream. */
static void test_needed_fails(void **state)
{
	struct counter needed = { { count }, 0, 2 };
	struct chunk chunk = { 0 };
	struct tee t;

	(void)state;
	tee_init(&t, &needed.sink, NULL);
	assert_int_equal(t.sink.put(&t.sink, &chunk), 0);
	assert_int_equal(t.sink.put(&t.sink, &chunk), -ENOSPC);
	assert_int_equal(tee_status(&t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spare_fails),
		cmocka_unit_test(test_needed_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
