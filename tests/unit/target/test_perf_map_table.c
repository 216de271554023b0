/* test_perf_map_table.c: lines of a perf map, good and bad, and what a table makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/perf_map_table.h"

struct map {
	int fd;
	struct perf_map_mark mark;
	struct perf_map_table table;
};

static void start(struct map *m)
{
	*m = (struct map){ .fd = memfd_create("map", MFD_CLOEXEC) };
	assert_true(m->fd >= 0);
}

static void stop(struct map *m)
{
	perf_map_table_release(&m->table);
	close(m->fd);
}

static void append_bytes(struct map *m, const char *text, size_t len)
{
	lseek(m->fd, 0, SEEK_END);
	assert_int_equal(write(m->fd, text, len), len);
}

static void append(struct map *m, const char *text)
{
	append_bytes(m, text, strlen(text));
}

/* Whether the file was read from its beginning. */
static bool look(struct map *m)
{
	struct str block = { 0 };
	bool again;

	assert_int_equal(perf_map_block(m->fd, &m->mark, &block), 0);
	again = ((const struct perf_map_head *)block.text)->again;
	assert_int_equal(perf_map_table_add(&m->table, &block, &m->mark), 0);
	str_release(&block);
	return again;
}

static const char *at(const struct map *m, uint64_t addr)
{
	const char *name = perf_map_table_find(&m->table, addr);

	return name ? name : "";
}

/* Addresses from the first to before the last of a function have its name, whatever it holds. */
static void test_lines(void **state)
{
	struct map m;

	(void)state;
	start(&m);
	assert_string_equal(at(&m, 0x1000), "");
	append(&m, "1000 11 first one\n2000 7 a:b;c\x1b[31m\xff\n"
		   "0x7fFF0000 0X1f py::f:/x.py\n1011 1 last\n");
	assert_true(look(&m));
	assert_int_equal(m.table.count, 4);
	assert_string_equal(at(&m, 0xfff), "");
	assert_string_equal(at(&m, 0x1000), "first one");
	assert_string_equal(at(&m, 0x1010), "first one");
	assert_string_equal(at(&m, 0x1011), "last");
	assert_string_equal(at(&m, 0x1012), "");
	assert_string_equal(at(&m, 0x2006), "a:b;c\x1b[31m\xff");
	assert_string_equal(at(&m, 0x2007), "");
	assert_string_equal(at(&m, 0x7fff001e), "py::f:/x.py");
	assert_string_equal(at(&m, UINT64_MAX), "");
	stop(&m);
}

/* What is no line is skipped, and costs nothing but itself. */
static void test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"\n",
		"1000\n",
		"1000 \n",
		"1000 10\n",
		"1000 10 \n",
		" 1000 10 f\n",
		"1000  10 f\n",
		"1000\t10\tf\n",
		"x 10 f\n",
		"0x 10 f\n",
		"1000 g f\n",
		"1000 0 f\n",
		"-1000 10 f\n",
		"1000 40000001 f\n",
		"11111111111111111 10 f\n",
		"ffffffffffffffff 10 f\n",
		"root:$y$j9T$secret:19000:0:99999:7:::\n",
	};
	struct map m;

	(void)state;
	start(&m);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		append(&m, bad[i]);
		append(&m, "3000 5 good\n");
	}
	append_bytes(&m, "1000 10 with\0nul\n", 17);
	look(&m);
	assert_int_equal(m.table.count, 1);
	assert_string_equal(at(&m, 0x3004), "good");
	stop(&m);
}

/* The last line counts.  Of an older function that it touches nothing is left: its code is gone. */
static void test_overlap(void **state)
{
	struct map m;

	(void)state;
	start(&m);
	append(&m, "1000 100 same\n1000 100 again\n"
		   "2000 100 long\n2010 10 inside\n"
		   "3000 10 a\n300f 11 across\n301f 10 b\n"
		   "4010 10 within\n4000 100 around\n"
		   "5000 100 old\n5000 10 x\n5080 10 y\n5000 100 new\n"
		   "6000 10 left\n6010 10 right\n");
	look(&m);
	assert_string_equal(at(&m, 0x1080), "again");
	assert_string_equal(at(&m, 0x2000), "");
	assert_string_equal(at(&m, 0x2010), "inside");
	assert_string_equal(at(&m, 0x2020), "");
	/* b took a's conqueror: that does not bring a back */
	assert_string_equal(at(&m, 0x3000), "");
	assert_string_equal(at(&m, 0x3010), "");
	assert_string_equal(at(&m, 0x301f), "b");
	assert_string_equal(at(&m, 0x4010), "around");
	assert_string_equal(at(&m, 0x5085), "new");
	assert_string_equal(at(&m, 0x600f), "left");
	assert_string_equal(at(&m, 0x6010), "right");
	stop(&m);
}

/* Only what was appended is read, whole lines of it; it overlaps what is known by the same rule. */
static void test_append(void **state)
{
	struct map m;

	(void)state;
	start(&m);
	assert_true(look(&m));
	append(&m, "1000 10 one\n2000 10 two\n3000 10 three\n4000 10 fo");
	assert_false(look(&m));
	assert_string_equal(at(&m, 0x4000), "");
	assert_false(look(&m));
	assert_int_equal(m.table.count, 3);
	append(&m, "ur\n2008 10 TWO\n300c 8 gone\n3010 8 here\n");
	assert_false(look(&m));
	assert_string_equal(at(&m, 0x1000), "one");
	assert_string_equal(at(&m, 0x2000), "");
	assert_string_equal(at(&m, 0x2008), "TWO");
	assert_string_equal(at(&m, 0x3000), "");
	assert_string_equal(at(&m, 0x300c), "");
	assert_string_equal(at(&m, 0x3010), "here");
	assert_string_equal(at(&m, 0x4000), "four");
	assert_int_equal(m.table.count, 4);
	stop(&m);
}

/* A file that was written anew is read anew, also when it is longer than before. */
static void test_rewritten(void **state)
{
	struct map m;

	(void)state;
	start(&m);
	append(&m, "1000 10 one\n2000 10 two\n");
	look(&m);
	assert_int_equal(ftruncate(m.fd, 0), 0);
	append(&m, "5000 10 five\n");
	assert_true(look(&m));
	assert_string_equal(at(&m, 0x1000), "");
	assert_string_equal(at(&m, 0x5000), "five");
	assert_int_equal(ftruncate(m.fd, 0), 0);
	append(&m, "6000 10 six\n1000 10 one\n2000 10 two\n");
	assert_true(look(&m));
	assert_string_equal(at(&m, 0x5000), "");
	assert_string_equal(at(&m, 0x6000), "six");
	stop(&m);
}

static void append_many(struct map *m, char c, size_t n)
{
	static char many[65536];

	memset(many, c, sizeof(many));
	for (; n; n -= n < sizeof(many) ? n : sizeof(many))
		append_bytes(m, many, n < sizeof(many) ? n : sizeof(many));
}

/* A line too long is none, not even when it ends in a later look like a good one; a long name is
 * cut. */
static void test_long_lines(void **state)
{
	struct map m;

	(void)state;
	start(&m);
	append(&m, "1000 10 one\n2000 10 ");
	append_many(&m, 'x', 3 * PERF_MAP_LINE_MAX);
	look(&m);
	append(&m, "\n3000 10 three\n4000 10 ");
	append_many(&m, 'y', 2 * PERF_MAP_LINE_MAX);
	look(&m);
	append(&m, "5000 10 five\n6000 10 ");
	append_many(&m, 'z', PERF_MAP_NAME_MAX + 1);
	append(&m, "\n");
	look(&m);
	assert_string_equal(at(&m, 0x1000), "one");
	assert_string_equal(at(&m, 0x2000), "");
	assert_string_equal(at(&m, 0x3000), "three");
	assert_string_equal(at(&m, 0x4000), "");
	assert_string_equal(at(&m, 0x5000), "");
	assert_int_equal(strlen(at(&m, 0x6000)), PERF_MAP_NAME_MAX);
	/* given up before it ended: its end is no line */
	append_many(&m, 'w', 2 * PERF_MAP_LINE_MAX);
	look(&m);
	append(&m, "7000 10 seven\n8000 10 eight\n");
	look(&m);
	assert_string_equal(at(&m, 0x7000), "");
	assert_string_equal(at(&m, 0x8000), "eight");
	stop(&m);
}

/* Of a file of 10 GB the end is read. */
static void test_huge(void **state)
{
	struct map m;

	(void)state;
	start(&m);
	append(&m, "1000 10 one\n");
	assert_int_equal(ftruncate(m.fd, 10ll << 30), 0);
	append(&m, "\n2000 10 two\n");
	assert_true(look(&m));
	assert_string_equal(at(&m, 0x1000), "");
	assert_string_equal(at(&m, 0x2000), "two");
	append(&m, "3000 10 three\n");
	assert_false(look(&m));
	/* more than is read at once: what is known may be old by now */
	append_many(&m, '\n', PERF_MAP_READ_MAX);
	append(&m, "4000 10 four\n");
	assert_true(look(&m));
	assert_string_equal(at(&m, 0x3000), "");
	assert_string_equal(at(&m, 0x4000), "four");
	stop(&m);
}

/* More functions than a table holds: the last ones count, and it is begun anew when it is full. */
static void test_full(void **state)
{
	const uint32_t half = PERF_MAP_ENTRIES_MAX / 2;
	struct str text = { 0 }, block = { 0 };
	struct map m;

	(void)state;
	start(&m);
	for (uint32_t i = 0; i < 2 * half + 23; i++)
		assert_int_equal(str_printf(&text, "%x 10 f%u\n", 0x1000 + i * 16, i), 0);
	append_bytes(&m, text.text, text.len);
	look(&m);
	assert_int_equal(m.table.count, half);
	assert_string_equal(at(&m, 0x1000 + (half + 22) * 16), "");
	assert_string_equal(at(&m, 0x1000 + (half + 23) * 16), "f262167");
	str_clear(&text);
	for (uint32_t i = 0; i < half; i++)
		str_printf(&text, "%x 10 g\n", 0x10000000 + i * 16);
	append_bytes(&m, text.text, text.len);
	assert_false(look(&m));
	assert_int_equal(m.table.count, 2 * half);
	append(&m, "20000000 10 last\n");
	assert_int_equal(perf_map_block(m.fd, &m.mark, &block), 0);
	assert_int_equal(perf_map_table_add(&m.table, &block, &m.mark), -EFBIG);
	assert_true(look(&m));
	assert_string_equal(at(&m, 0x20000000), "last");
	str_release(&block);
	str_release(&text);
	stop(&m);
}

struct sent {
	struct perf_map_head head;
	struct perf_map_entry entries[2];
	char names[4];
};

static int send(const struct sent *sent, size_t len)
{
	struct perf_map_table table = { 0 };
	struct perf_map_mark mark = { 0 };
	struct str block = { 0 };
	int r;

	assert_int_equal(str_add_mem(&block, sent, len), 0);
	r = perf_map_table_add(&table, &block, &mark);
	str_release(&block);
	perf_map_table_release(&table);
	return r;
}

/* What a worker that was taken over might send is refused. */
static void test_unsound(void **state)
{
	const struct sent good = { .head = { .entries = 2, .names = 4 },
				   .entries = { { 0x1000, 16, 0 }, { 0x1010, 1, 2 } },
				   .names = "a\0b" };
	const size_t len = offsetof(struct sent, names) + 4;
	struct sent s = good;

	(void)state;
	assert_int_equal(send(&good, len), 0);
	assert_int_equal(send(&good, len - 1), -EIO);
	assert_int_equal(send(&good, sizeof(struct perf_map_head) - 1), -EIO);
	s.names[3] = 'c';
	assert_int_equal(send(&s, len), -EIO);
	s = good;
	s.entries[1].name = 4;
	assert_int_equal(send(&s, len), -EIO);
	s = good;
	s.entries[1].addr = 0x100f;
	assert_int_equal(send(&s, len), -EIO);
	s = good;
	s.entries[1].addr = UINT64_MAX;
	assert_int_equal(send(&s, len), -EIO);
	s = good;
	s.entries[0].size = 0;
	assert_int_equal(send(&s, len), -EIO);
	s = good;
	s.head.entries = UINT32_MAX;
	assert_int_equal(send(&s, len), -EIO);
	s = good;
	s.head.names = UINT64_MAX - 3;
	assert_int_equal(send(&s, len), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	  cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_overlap),	  cmocka_unit_test(test_append),
		cmocka_unit_test(test_rewritten), cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_huge),	  cmocka_unit_test(test_full),
		cmocka_unit_test(test_unsound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
