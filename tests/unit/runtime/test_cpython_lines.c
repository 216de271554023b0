/* test_cpython_lines.c: line tables, against what the interpreters themselves make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cpython_lines.h"
#include "tests/support/python_truth.h"

static enum cpython_line_format format_of(unsigned int minor)
{
	return minor < 10 ? CPYTHON_LNOTAB : minor == 10 ? CPYTHON_LINETABLE : CPYTHON_LOCATIONS;
}

struct table {
	unsigned int minor, first, length;
	uint8_t bytes[1 << 20];
	size_t len;
};

static bool read_table(FILE *f, struct table *t)
{
	static char hex[2 << 20];
	size_t i;

	if (fscanf(f, " code %u %u %2097151s %u", &t->minor, &t->first, hex, &t->length) != 4)
		return false;
	t->len = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
	for (i = 0; i < t->len; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		t->bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

/* Every byte of every range; returns how many were compared. */
static size_t compare_ranges(FILE *f, const struct table *t)
{
	unsigned int start, end, line, off;
	size_t compared = 0;

	while (fscanf(f, " %u %u %u", &start, &end, &line) == 3) {
		for (off = start; off < end; off++, compared++) {
			uint32_t got = cpython_line(format_of(t->minor), t->bytes, t->len, t->first,
						    off);

			if (got != line)
				fail_msg("3.%u first %u offset %u: line %u, not %u", t->minor,
					 t->first, off, got, line);
		}
	}
	assert_int_equal(fscanf(f, " end%n", &(int){ 0 }), 0);
	return compared;
}

static void check_python(const char *python)
{
	static struct table t;
	size_t codes = 0, compared = 0;
	int in, out, status;
	pid_t pid;
	FILE *f;

	assert_int_equal(truth_spawn(python, "tests/support/python_lines.py", &pid, &in, &out), 0);
	f = fdopen(out, "r");
	for (; read_table(f, &t); codes++)
		compared += compare_ranges(f, &t);
	fclose(f);
	close(in);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_true(codes > 300 && compared > 20000);
	print_message("%s: %zu code objects, %zu offsets\n", python, codes, compared);
}

/* Each offset of five modules of the standard library, under each interpreter at hand. */
static void test_equal_interpreters(void **state)
{
	(void)state;
	assert_true(truth_each_python(check_python) >= 1);
}

/* Short tables whose answers were worked out by hand from the formats' description. */
static void test_by_hand(void **state)
{
	static const uint8_t lnotab[] = { 4, 1, 6, 0xff, 0, 7 };
	static const uint8_t linetable[] = { 4, 1, 2, 0x80, 6, 0xfe };
	static const uint8_t locations[] = { 0x80 | 10 << 3 | 1, 1,	   2, /* 4 bytes, +0 */
					     0x80 | 13 << 3 | 0, 3,	      /* 2 bytes, -1 */
					     0x80 | 15 << 3 | 0,	      /* 2 bytes, none */
					     0x80 | 14 << 3 | 0, 0x40 | 2, 1, 0, 1, 1, /* +33 */
					     0x80 | 3 << 3 | 2,	 5 }; /* 6 bytes, +0 */

	(void)state;
	assert_int_equal(cpython_line(CPYTHON_LNOTAB, lnotab, 6, 17, 3), 17);
	assert_int_equal(cpython_line(CPYTHON_LNOTAB, lnotab, 6, 17, 4), 18);
	assert_int_equal(cpython_line(CPYTHON_LNOTAB, lnotab, 6, 17, 10), 24);
	assert_int_equal(cpython_line(CPYTHON_LINETABLE, linetable, 6, 17, 3), 18);
	assert_int_equal(cpython_line(CPYTHON_LINETABLE, linetable, 6, 17, 5), 0);
	assert_int_equal(cpython_line(CPYTHON_LINETABLE, linetable, 6, 17, 6), 16);
	assert_int_equal(cpython_line(CPYTHON_LINETABLE, linetable, 6, 17, 12), 0);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, locations, sizeof(locations), 17, 3), 17);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, locations, sizeof(locations), 17, 4), 16);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, locations, sizeof(locations), 17, 6), 0);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, locations, sizeof(locations), 17, 8), 49);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, locations, sizeof(locations), 17, 15), 49);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, locations, sizeof(locations), 17, 16), 0);
}

/* Cut and senseless tables give no line, or one within what they say, and end. */
static void test_broken(void **state)
{
	static const uint8_t endless[] = {
		0x80 | 14 << 3, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f
	};
	static const uint8_t down[] = { 0x80 | 13 << 3, 0x7f, 0x7f, 1 };

	(void)state;
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, endless, sizeof(endless), 1, 0), 0);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, endless, 2, 1, 0), 0);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, down, sizeof(down), 1, 0), 0);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, (const uint8_t *)"\1\2", 2, 1, 0), 0);
	assert_int_equal(cpython_line(CPYTHON_LOCATIONS, NULL, 0, 1, 0), 0);
	assert_int_equal(cpython_line(CPYTHON_LINETABLE, (const uint8_t *)"\4", 1, 1, 0), 0);
	assert_int_equal(cpython_line(CPYTHON_LNOTAB, (const uint8_t *)"\0\x80", 2, 1, 0), 0);
	assert_int_equal(cpython_line(CPYTHON_LNOTAB, NULL, 0, 29, 0), 29);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_interpreters),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
