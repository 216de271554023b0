/* test_maps.c: the parser of /proc/PID/maps, on good and on broken text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "target/maps.h"

static const char sample[] =
	"00400000-00421000 r--p 00000000 fe:01 1311 /usr/bin/python3.11\n"
	"00421000-006ff000 r-xp 00021000 fe:01 1311 /usr/bin/python3.11\n"
	"7f2a00000000-7f2a00021000 rw-p 00000000 00:00 0 \n"
	"7f2a10000000-7f2a10001000 r-xp 00003000 103:02 77 /tmp/a b (1)/lib x.so (deleted)\n"
	"7ffc1d3c9000-7ffc1d3ea000 rw-p 00000000 00:00 0                          [stack]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static void parse(struct maps *m, const char *text)
{
	memset(m, 0, sizeof(*m));
	assert_int_equal(maps_parse(m, text, strlen(text)), 0);
}

/* Every column of a line lands in its member, whatever blanks the path holds. */
static void test_columns(void **state)
{
	const struct mapping *one;
	struct maps m;

	(void)state;
	parse(&m, sample);
	assert_int_equal(m.list.count, 6);
	one = &m.list.items[3];
	assert_int_equal(one->start, 0x7f2a10000000);
	assert_int_equal(one->end, 0x7f2a10001000);
	assert_int_equal(one->offset, 0x3000);
	assert_int_equal(one->dev, 0x103u << 20 | 2);
	assert_int_equal(one->ino, 77);
	assert_true(one->read && !one->write && one->exec && one->deleted);
	assert_string_equal(one->path, "/tmp/a b (1)/lib x.so");
	assert_string_equal(mapping_basename(one), "lib x.so");
	assert_string_equal(m.list.items[2].path, "");
	assert_string_equal(mapping_basename(&m.list.items[4]), "[stack]");
	assert_true(maps_has(&m, "lib x."));
	assert_false(maps_has(&m, "x.so"));
	assert_false(m.list.items[1].deleted);
	assert_true(m.list.items[5].exec && !m.list.items[5].read);
	maps_release(&m);
}

/* A look-up includes the first address of a mapping and excludes the one after its last. */
static void test_find(void **state)
{
	struct maps m, none = { 0 };

	(void)state;
	parse(&m, sample);
	assert_null(maps_find(&m, 0x3fffff));
	assert_ptr_equal(maps_find(&m, 0x400000), &m.list.items[0]);
	assert_ptr_equal(maps_find(&m, 0x420fff), &m.list.items[0]);
	assert_ptr_equal(maps_find(&m, 0x421000), &m.list.items[1]);
	assert_null(maps_find(&m, 0x6ff000));
	assert_ptr_equal(maps_find(&m, 0xffffffffff600fff), &m.list.items[5]);
	assert_null(maps_find(&m, UINT64_MAX));
	assert_null(maps_find(&none, 0x400000));
	maps_release(&m);
}

/* A file's first mapping is found by identity; anonymous memory is no file. */
static void test_first_of_file(void **state)
{
	struct maps m;

	(void)state;
	parse(&m, sample);
	assert_ptr_equal(maps_first_of_file(&m, 0xfeu << 20 | 1, 1311), &m.list.items[0]);
	assert_null(maps_first_of_file(&m, 0xfeu << 20 | 2, 1311));
	assert_null(maps_first_of_file(&m, 0, 0));
	maps_release(&m);
}

/* Lines that are cut, out of order or not the kernel's are left out; the others stay. */
static void test_broken(void **state)
{
	static const char text[] = "nonsense\n"
				   "\n"
				   "2000-1000 r-xp 0 00:00 0\n"
				   "1000-1000 r-xp 0 00:00 0\n"
				   "1000-2000 r-x\n"
				   "1000-2000 r-xp 00000000 00:00\n"
				   "1000-2000 r-xp 00000000 00:00 0\n"
				   "1800-3000 r-xp 00000000 00:00 0 /overlaps\n"
				   "11111111111111111-2 r-xp 0 00:00 0\n"
				   "4000-5000 r-xp 00000000 1ffffffff:00 0\n"
				   "3000-4000 rw-p 00000000 00:00 0 (deleted)";
	struct maps m;

	(void)state;
	parse(&m, text);
	assert_int_equal(m.list.count, 2);
	assert_int_equal(m.list.items[0].start, 0x1000);
	assert_string_equal(m.list.items[1].path, "(deleted)");
	assert_false(m.list.items[1].deleted);
	maps_release(&m);
}

/* A second parse replaces the first; releasing twice is harmless. */
static void test_replace(void **state)
{
	struct maps m;

	(void)state;
	parse(&m, sample);
	assert_int_equal(maps_parse(&m, "", 0), 0);
	assert_int_equal(m.list.count, 0);
	maps_release(&m);
	maps_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),	      cmocka_unit_test(test_find),
		cmocka_unit_test(test_first_of_file), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_replace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
