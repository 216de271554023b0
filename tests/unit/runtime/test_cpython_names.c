/* test_cpython_names.c: code objects built in this test's own memory, read as a target's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "runtime/cpython_names.h"

#define CODE_TYPE  0x1111000
#define TEXT_TYPE  0x2222000
#define BYTES_TYPE 0x3333000

static struct process *self;
static const struct cpython_offsets *offsets;
static struct cpython_names *names;

struct fake_text {
	uint64_t count, type, length, hash;
	uint32_t state, pad;
	uint64_t pad2;
	char data[2048];
};

struct fake_bytes {
	uint64_t count, type, size, hash;
	uint8_t data[64];
};

static struct fake_text name, qualname, filename;
static struct fake_bytes lines;
static uint64_t code[64];

static void set_text(struct fake_text *t, const char *text)
{
	memset(t, 0, sizeof(*t));
	t->type = TEXT_TYPE;
	t->length = strlen(text);
	t->state = 0xe4;
	memcpy(t->data, text, strlen(text));
}

/* A function of 3.11 at line 31: 4 bytes of line 31, then 2 bytes of line 37. */
static void build(void)
{
	static const uint8_t table[] = { 0x80 | 10 << 3 | 1, 0, 0, 0x80 | 13 << 3, 12 };

	set_text(&name, "inner");
	name.hash = 0x4242;
	set_text(&qualname, "Outer.inner");
	set_text(&filename, "/elsewhere/lib/python3.11/thing.py");
	memset(&lines, 0, sizeof(lines));
	lines.type = BYTES_TYPE;
	lines.size = sizeof(table);
	memcpy(lines.data, table, sizeof(table));
	memset(code, 0, sizeof(code));
	code[0] = 1;
	code[1] = CODE_TYPE;
	code[offsets->code_firstlineno / 8] = 31;
	code[offsets->code_filename / 8] = (uintptr_t)&filename;
	code[offsets->code_name / 8] =
		(uintptr_t)&name; /* for its hash: there is a qualified one */
	code[offsets->code_qualname / 8] = (uintptr_t)&qualname;
	code[offsets->code_lines / 8] = (uintptr_t)&lines;
}

static const struct cpython_code *get(uint32_t tag)
{
	const struct cpython_code *c = NULL;

	assert_int_equal(cpython_names_get(names, (uintptr_t)code, tag, &c), 0);
	return c;
}

/* Name, path and lines of a whole code object; the same tag finds the same answer without reading.
 */
static void test_whole(void **state)
{
	const struct cpython_code *c;

	(void)state;
	build();
	c = get(0);
	assert_false(c->stale || c->unread);
	assert_string_equal(c->fn, "Outer.inner");
	assert_string_equal(c->file, "/elsewhere/lib/python3.11/thing.py");
	assert_true(c->library);
	assert_int_equal(cpython_names_line(names, c, -1), 31);
	assert_int_equal(cpython_names_line(names, c, 2), 31);
	assert_int_equal(cpython_names_line(names, c, 4), 37);
	assert_int_equal(cpython_names_line(names, c, 6), 0);
	code[1] = 0;
	assert_string_equal(get(c->tag)->fn, "Outer.inner");
	assert_true(get(0)->stale);
}

/* A wrong type anywhere, a string that is not compact and a changed tag make it stale, not wrong.
 */
static void test_not_code(void **state)
{
	(void)state;
	build();
	assert_true(get(0x5eed)->stale);
	code[1] = TEXT_TYPE;
	assert_true(get(0)->stale);
	build();
	qualname.type = BYTES_TYPE;
	assert_true(get(0)->stale);
	build();
	filename.state = 0;
	assert_true(get(0)->stale);
	build();
	lines.type = TEXT_TYPE;
	assert_true(get(0)->stale);
}

/* Freed memory: where the count of references was is 0, or the address of the next free piece. */
static void test_freed(void **state)
{
	static const uint64_t alive[] = {
		1, 2, 70000, 999999990, 1000070000, UINT32_MAX, 3ull << 30, 1ull << 48 | 3ull << 30
	};
	static const uint64_t freed[] = { 0, 0x1b3c040, 0x7f0012345670, 1ull << 48 };
	size_t i;

	(void)state;
	build();
	for (i = 0; i < sizeof(alive) / sizeof(*alive); i++) {
		code[0] = alive[i];
		assert_false(get(0)->stale);
	}
	for (i = 0; i < sizeof(freed) / sizeof(*freed); i++) {
		code[0] = freed[i];
		assert_true(get(0)->stale);
	}
}

/* Two functions in the same memory, one after the other, that differ by their names only. */
static void test_same_place(void **state)
{
	uint32_t tag, other;

	(void)state;
	build();
	tag = get(0)->tag;
	set_text(&qualname, "Outer.other");
	assert_string_equal(get(tag)->fn, "Outer.inner");
	name.hash = 0x4243;
	other = get(0)->tag;
	assert_int_not_equal(other, tag);
	assert_string_equal(get(other)->fn, "Outer.other");
	assert_true(get(tag ^ 3)->stale);
}

/* The same name and lines from another file: the words between those of the name count, too. */
static void test_same_name(void **state)
{
	static struct fake_text elsewhere;
	uint32_t tag;

	(void)state;
	build();
	tag = get(0)->tag;
	set_text(&elsewhere, "/elsewhere/other.py");
	code[offsets->code_filename / 8] = (uintptr_t)&elsewhere;
	assert_int_not_equal(get(0)->tag, tag);
	assert_string_equal(get(get(0)->tag)->file, "/elsewhere/other.py");
	assert_string_equal(get(tag)->file, "/elsewhere/lib/python3.11/thing.py");
}

/* Pointers to nowhere are unreadable, and that is all that happens. */
static void test_unread(void **state)
{
	const struct cpython_code *c;

	(void)state;
	build();
	code[offsets->code_qualname / 8] = 8;
	assert_true(get(0)->unread);
	build();
	code[offsets->code_lines / 8] = UINT64_MAX - 3;
	assert_true(get(0)->unread);
	assert_int_equal(cpython_names_get(names, 0x1000, 7, &c), 0);
	assert_true(c->unread);
}

/* A name of gigabytes is cut, a line table of gigabytes gives the first line only. */
static void test_hostile_lengths(void **state)
{
	const struct cpython_code *c;

	(void)state;
	build();
	memset(qualname.data, 'q', sizeof(qualname.data));
	qualname.length = 1ull << 60;
	lines.size = 1ull << 60;
	c = get(0);
	assert_false(c->stale || c->unread);
	assert_int_equal(strlen(c->fn), CPYTHON_NAME_MAX);
	assert_int_equal(cpython_names_line(names, c, 4), 31);
}

/* The cache forgets when it has grown over its bound, and only when told that it may. */
static void test_trim(void **state)
{
	const struct cpython_code *c, *first;
	uint32_t tag;
	int i;

	(void)state;
	build();
	first = get(0);
	for (i = 1; i < 8500; i++) {
		code[offsets->code_firstlineno / 8] = i;
		c = get(0);
		assert_int_equal(c->first_line, i);
	}
	assert_string_equal(first->fn, "Outer.inner");
	assert_string_equal(get(c->tag)->fn, "Outer.inner");
	tag = c->tag;
	cpython_names_trim(names);
	assert_int_equal(get(tag)->first_line, 8499);
}

static int start(void **state)
{
	(void)state;
	offsets = cpython_offsets_find(11);
	if (process_open("/proc", getpid(), &self) < 0)
		return -1;
	return cpython_names_new(self, offsets, CODE_TYPE, TEXT_TYPE, BYTES_TYPE, &names);
}

static int stop(void **state)
{
	(void)state;
	cpython_names_free(names);
	cpython_names_free(NULL);
	process_close(self);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),		cmocka_unit_test(test_not_code),
		cmocka_unit_test(test_freed),		cmocka_unit_test(test_same_place),
		cmocka_unit_test(test_same_name),	cmocka_unit_test(test_unread),
		cmocka_unit_test(test_hostile_lengths), cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
