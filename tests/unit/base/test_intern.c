/* test_intern.c: texts stored once, and memory that is freed at once. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "base/intern.h"
#include "base/map.h"

/* Equal texts get one address however they came, different ones never do. */
static void test_one_address(void **state)
{
	struct intern in = { 0 };
	const char *a = intern_text(&in, "recvfrom");

	(void)state;
	assert_string_equal(a, "recvfrom");
	assert_ptr_equal(intern_printable(&in, "recvfromXY", 8), a);
	assert_ptr_equal(intern_printf(&in, "recv%s", "from"), a);
	assert_ptr_not_equal(intern_text(&in, "recvfro"), a);
	assert_ptr_equal(intern_text(&in, ""), intern_printable(&in, "\0x", 2));
	intern_release(&in);
}

/* Thousands of texts, some longer than a block, keep their addresses and bytes. */
static void test_many(void **state)
{
	static char longest[70001];
	struct intern in = { 0 };
	const char *all[3001];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	for (int i = 0; i < 3001; i++)
		all[i] = intern_printf(&in, "%d%s", i, i % 1009 ? "" : longest);
	for (int i = 0; i < 3001; i++) {
		assert_int_equal(atoi(all[i]), i);
		if (i % 1009)
			assert_ptr_equal(intern_printf(&in, "%d", i), all[i]);
	}
	intern_release(&in);
}

/* What comes from outside is shown with its control bytes escaped. */
static void test_printable(void **state)
{
	struct intern in = { 0 };

	(void)state;
	assert_string_equal(intern_printable(&in, "a\x1b[1m\xff", 6), "a\\x1b[1m\\xff");
	intern_release(&in);
}

/* Memory from an arena is zero and aligned for any type; too much of it is refused. */
static void test_arena(void **state)
{
	struct arena a = { 0 };

	(void)state;
	for (size_t size = 0; size < 1000; size += 7) {
		unsigned char *p = arena_alloc(&a, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	assert_null(arena_alloc(&a, SIZE_MAX - 3));
	arena_release(&a);
	assert_null(a.last);
	arena_release(&a);
}

struct node {
	uint64_t key;
	UT_hash_handle hh;
};

/* A map finds what was added and nothing else, and is empty again after clearing. */
static void test_map(void **state)
{
	struct node nodes[101] = { 0 }, *head = NULL, *found;

	(void)state;
	for (uint64_t i = 0; i < 101; i++) {
		nodes[i].key = i * 7;
		assert_int_equal(map_add(head, key, &nodes[i]), 0);
	}
	for (uint64_t key = 0; key < 707; key++) {
		map_find(head, &key, found);
		assert_ptr_equal(found, key % 7 ? NULL : &nodes[key / 7]);
	}
	map_clear(head);
	assert_null(head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_address), cmocka_unit_test(test_many),
		cmocka_unit_test(test_printable),   cmocka_unit_test(test_arena),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
