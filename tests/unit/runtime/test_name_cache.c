/* test_name_cache.c: things by address and tag, and the bounds of their number and size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "runtime/name_cache.h"

static struct name_cache cache;
static size_t released;

static void release(void *thing)
{
	released++;
	free(thing);
}

static int setup(void **state)
{
	(void)state;
	released = 0;
	return name_cache_init(&cache, release);
}

static int teardown(void **state)
{
	(void)state;
	name_cache_release(&cache);
	return 0;
}

static void *add(uint64_t addr, uint32_t tag, bool findable, size_t bytes)
{
	struct name_cache_entry e = { addr, tag, findable, malloc(1) };

	assert_int_equal(name_cache_add(&cache, &e, bytes), 0);
	return e.thing;
}

/* By both, and the newest of several; what is only kept is not found. */
static void test_find(void **state)
{
	void *first = add(0x1000, 1, true, 1), *other = add(0x1000, 2, true, 1), *newer;

	(void)state;
	add(0x1000, 3, false, 1);
	assert_ptr_equal(name_cache_find(&cache, 0x1000, 1), first);
	assert_ptr_equal(name_cache_find(&cache, 0x1000, 2), other);
	assert_null(name_cache_find(&cache, 0x1000, 3));
	assert_null(name_cache_find(&cache, 0x1008, 1));
	newer = add(0x1000, 1, true, 1);
	assert_ptr_equal(name_cache_find(&cache, 0x1000, 1), newer);
	assert_ptr_equal(name_cache_find(&cache, 0x1000, 2), other);
}

/* Emptied, it has nothing and can be used again. */
static void test_empty(void **state)
{
	void *thing;

	(void)state;
	add(0x1000, 1, true, NAME_CACHE_BYTES_MAX);
	assert_false(name_cache_full(&cache));
	add(0x2000, 1, false, 1);
	assert_true(name_cache_full(&cache));
	name_cache_empty(&cache);
	assert_int_equal(released, 2);
	assert_false(name_cache_full(&cache));
	assert_null(name_cache_find(&cache, 0x1000, 1));
	thing = add(0x1000, 1, true, 1);
	assert_ptr_equal(name_cache_find(&cache, 0x1000, 1), thing);
	name_cache_release(&cache);
	assert_int_equal(released, 3);
	name_cache_release(&cache); /* nothing is left */
}

/* Past its bound it says so; what comes then is kept, and every search ends. */
static void test_full(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 2 * NAME_CACHE_SLOTS; i++) {
		add(i * 8, 7, true, 1);
		assert_int_equal(name_cache_full(&cache), i + 1 > NAME_CACHE_THINGS);
	}
	for (uint64_t i = 0; i < NAME_CACHE_THINGS; i++)
		assert_non_null(name_cache_find(&cache, i * 8, 7));
	assert_null(name_cache_find(&cache, 8, 8));
	name_cache_empty(&cache);
	assert_int_equal(released, 2 * NAME_CACHE_SLOTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
