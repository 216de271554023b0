/* test_elf_split.c: the part of a function that the compiler moved away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/elf_query.h"
#include "target/elf_split.h"

static uint8_t code[8192];

/* A jump at code[at], which lies at vaddr, to `to`; cond: one with a condition. */
static void jump(size_t at, uint64_t vaddr, uint64_t to, int cond)
{
	size_t op = cond ? 2 : 1;
	int32_t distance = (int32_t)(to - (vaddr + at + op + 4));

	code[at] = cond ? 0x0f : 0xe9;
	if (cond)
		code[at + 1] = (uint8_t)(0x80 + at % 16);
	memcpy(code + at + op, &distance, sizeof(distance));
}

static void expect_part(size_t len, uint64_t vaddr, const uint64_t *starts, size_t n,
			uint64_t start, uint64_t end)
{
	struct elf_range part = elf_split_part(code, len, vaddr, starts, n);

	assert_int_equal(part.start, start);
	assert_int_equal(part.end, end);
}

/* Jumps into the middle of a function tell, most of them; those to beginnings, into the code itself
 * and out of all code do not. */
static void test_jumps(void **state)
{
	static const uint64_t starts[] = { 0x1000, 0x3000, 0x5000, 0x8000, 0xb000 };
	const uint64_t at = 0x5000;

	(void)state;
	memset(code, 0x90, sizeof(code));
	jump(0, at, 0x1234, 0);
	jump(16, at, 0x1234, 1); /* the same place twice is one */
	expect_part(8192, at, starts, 5, 0, 0);
	jump(32, at, 0x1238, 1);
	expect_part(8192, at, starts, 5, 0x1000, 0x3000);
	memset(code, 0x90, sizeof(code));
	jump(0, at, 0x3000, 0);	 /* a call at the end of the function */
	jump(16, at, 0x5100, 1); /* inside */
	jump(32, at, 0xb000, 0); /* behind all */
	jump(48, at, 0x0fff, 0); /* before all */
	jump(64, at, 0x9000, 1); /* a chance hit */
	expect_part(8192, at, starts, 5, 0, 0);
	jump(80, at, 0x1234, 1);
	jump(96, at, 0x1234, 0);
	expect_part(8192, at, starts, 5, 0, 0);
	jump(112, at, 0x1238, 0);
	jump(128, at, 0x2fff, 1);
	expect_part(8192, at, starts, 5, 0x1000, 0x3000);
	/* a second function jumped to as often makes both doubtful */
	jump(144, at, 0x9004, 1);
	expect_part(8192, at, starts, 5, 0, 0);
	expect_part(8192, at, starts, 1, 0, 0);
	expect_part(8192, at, starts, 0, 0, 0);
	expect_part(0, at, starts, 5, 0, 0);
}

/* A stub of a few bytes needs one jump only, also one that ends with it. */
static void test_stub(void **state)
{
	static const uint64_t starts[] = { 0x1000, 0x5000, 0x5100 };

	(void)state;
	memset(code, 0x90, sizeof(code));
	jump(251, 0x5000, 0x1001, 0);
	expect_part(256, 0x5000, starts, 3, 0, 0); /* no room for a longer one to follow */
	jump(250, 0x5000, 0x1001, 0);
	expect_part(256, 0x5000, starts, 3, 0x1000, 0x5000);
}

/* A header of another form, or out of order, gives nothing; one that is cut what it holds. */
static void test_header(void **state)
{
	static const int32_t rows[] = { 0x3b031b01, 0, 3, -0x1000, 8, 0x10, 8, 0x20, 8 };
	uint64_t starts[3];
	uint8_t header[sizeof(rows)];

	(void)state;
	memcpy(header, rows, sizeof(rows));
	assert_int_equal(elf_split_starts(header, sizeof(header), 0x2000, starts, 3), 3);
	assert_int_equal(starts[0], 0x1000);
	assert_int_equal(starts[2], 0x2020);
	assert_int_equal(elf_split_starts(header, sizeof(header) - 1, 0x2000, starts, 3), 2);
	assert_int_equal(elf_split_starts(header, sizeof(header), 0x2000, starts, 1), 1);
	assert_int_equal(elf_split_starts(header, 11, 0x2000, starts, 3), 0);
	header[20] = 0x20; /* the second is where the third is */
	assert_int_equal(elf_split_starts(header, sizeof(header), 0x2000, starts, 3), 0);
	header[20] = 0x10;
	header[3] = 0x1b;
	assert_int_equal(elf_split_starts(header, sizeof(header), 0x2000, starts, 3), 0);
}

__attribute__((cold, noipa)) static int unlikely(int n)
{
	return n + 4711;
}

__attribute__((noipa)) static int split_marker(int n)
{
	if (n > 1000)
		n = unlikely(n) * 5;
	if (n % 7 == 3)
		n = unlikely(n + 2) % 11;
	if (n < -10)
		n = unlikely(n - 3) + 17;
	return n * 3;
}

/* The compiler's own names for the two parts of a function of this program are the truth. */
static void test_live(void **state)
{
	static const char *const names[] = { "split_marker", "split_marker.cold", NULL };
	const struct mapping *m;
	struct elf_facts facts;
	struct elf_split split;
	struct process *p;

	(void)state;
	assert_int_equal(split_marker(2), 6);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = process_map(p, (uintptr_t)test_live);
	assert_non_null(m);
	assert_int_equal(elf_query_mapping(p, m, names, &facts), 0);
	assert_int_equal(elf_split_mapping(p, m, "split_marker", &split), 0);
	assert_int_equal(split.main.start, facts.symbols[0].value);
	assert_int_equal(split.main.end, facts.symbols[0].value + facts.symbols[0].size);
	assert_int_equal(split.part.start, facts.symbols[1].value);
	if (facts.symbols[1].size)
		assert_in_range(split.part.end, facts.symbols[1].value + facts.symbols[1].size,
				facts.symbols[1].value + facts.symbols[1].size + 15);
	else
		assert_int_equal(split.part.end, 0);
	assert_int_equal(elf_split_mapping(p, m, "no_such_thing", &split), -ENOENT);
	assert_int_equal(elf_split_mapping(p, &(struct mapping){ .path = "" }, "x", &split),
			 -ENOENT);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_stub),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
