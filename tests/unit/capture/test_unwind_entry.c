/* test_unwind_entry.c: which mappings the kernel side is told of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "capture/unwind_entry.h"

static struct maps parse(const char *text)
{
	struct maps maps = { 0 };

	assert_int_equal(maps_parse(&maps, text, strlen(text)), 0);
	return maps;
}

/* "late" is not known yet, "bare" has no table, others have one at a page that says their inode. */
static bool place(void *ctx, const struct mapping *m, struct unwind_mapping *ret)
{
	unsigned int *asked = ctx;

	++*asked;
	if (strstr(m->path, "late"))
		return false;
	if (strstr(m->path, "bare"))
		return true;
	*ret = (struct unwind_mapping){
		.end = m->end, .bias = m->start, .page = m->ino, .kind = UNWIND_BY_TABLE
	};
	return true;
}

static struct unwind_proc entry;

/* Code of files, ascending; data, stack and the kernel's page are left out, and so is what is not
 * known yet. */
static void test_files(void **state)
{
	struct maps maps = parse("00400000-00401000 r--p 00000000 fd:01 7 /bin/x\n"
				 "00401000-00480000 r-xp 00001000 fd:01 7 /bin/x\n"
				 "00500000-00501000 r-xp 00001000 fd:01 11 /lib/late.so\n"
				 "00600000-00601000 r-xp 00001000 fd:01 13 /lib/bare.so\n"
				 "00700000-00701000 rw-p 00000000 00:00 0 [stack]\n"
				 "7ffd0000-7ffd2000 r-xp 00000000 00:00 0 [vdso]\n"
				 "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 "
				 "[vsyscall]\n");
	unsigned int asked = 0;

	(void)state;
	assert_int_equal(unwind_entry_fill(&entry, &maps, place, &asked), 0);
	assert_int_equal(asked, 4);
	assert_int_equal(entry.n, 3);
	assert_int_equal(entry.flags, 0);
	assert_int_equal(entry.start[0], 0x401000);
	assert_int_equal(entry.map[0].end, 0x480000);
	assert_int_equal(entry.map[0].kind, UNWIND_BY_TABLE);
	assert_int_equal(entry.map[0].page, 7);
	assert_int_equal(entry.start[1], 0x600000);
	assert_int_equal(entry.map[1].kind, UNWIND_BY_POINTER);
	assert_int_equal(entry.map[1].end, 0x601000);
	assert_int_equal(entry.start[2], 0x7ffd0000);
	assert_int_equal(entry.map[2].kind, UNWIND_BY_TABLE);
	maps_release(&maps);
}

/* Code without a file: neighbours are one, a gap parts them, a table between them, too. */
static void test_anonymous(void **state)
{
	struct maps maps = parse("00400000-00401000 r-xp 00000000 00:00 0\n"
				 "00401000-00402000 rwxp 00000000 00:00 0\n"
				 "00402000-00403000 r-xp 00000000 fd:01 13 /lib/bare.so\n"
				 "00404000-00405000 r-xp 00000000 00:00 0\n"
				 "00405000-00406000 r-xp 00000000 fd:01 7 /bin/x\n"
				 "00406000-00407000 r-xp 00000000 00:00 0\n");
	unsigned int asked = 0;

	(void)state;
	assert_int_equal(unwind_entry_fill(&entry, &maps, place, &asked), 0);
	assert_int_equal(entry.flags, UNWIND_PROC_JIT);
	assert_int_equal(entry.n, 4);
	assert_int_equal(entry.start[0], 0x400000);
	assert_int_equal(entry.map[0].end, 0x403000);
	assert_int_equal(entry.start[1], 0x404000);
	assert_int_equal(entry.map[1].end, 0x405000);
	assert_int_equal(entry.map[2].kind, UNWIND_BY_TABLE);
	assert_int_equal(entry.start[3], 0x406000);
	maps_release(&maps);
}

static struct maps many(unsigned int files, unsigned int anonymous)
{
	cleanup(str_releasep) struct str text = { 0 };
	unsigned int n = files > anonymous ? files : anonymous;

	for (unsigned int i = 0; i < n; i++) {
		if (i < anonymous)
			str_printf(&text, "%08x-%08x r-xp 00000000 00:00 0\n", 0x10000 + i * 0x4000,
				   0x11000 + i * 0x4000);
		if (i < files)
			str_printf(&text, "%08x-%08x r-xp 00000000 fd:01 %u /f\n",
				   0x12000 + i * 0x4000, 0x13000 + i * 0x4000, i + 1);
	}
	return parse(str_text(&text));
}

/* More than there is room for: files come first, and what is left out is counted. */
static void test_full(void **state)
{
	struct maps maps = many(503, 211);
	unsigned int asked = 0, files = 0;

	(void)state;
	assert_int_equal(unwind_entry_fill(&entry, &maps, place, &asked), 503 + 211 - 512);
	assert_int_equal(entry.n, UNWIND_MAPPINGS_MAX);
	for (unsigned int i = 0; i < entry.n; i++) {
		files += entry.map[i].kind == UNWIND_BY_TABLE;
		assert_true(i == 0 || entry.start[i] > entry.start[i - 1]);
	}
	assert_int_equal(files, 503);
	maps_release(&maps);
	maps = many(601, 3);
	assert_int_equal(unwind_entry_fill(&entry, &maps, place, &asked), 601 + 3 - 512);
	assert_int_equal(entry.n, UNWIND_MAPPINGS_MAX);
	assert_int_equal(entry.flags, UNWIND_PROC_JIT);
	maps_release(&maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files),
					    cmocka_unit_test(test_anonymous),
					    cmocka_unit_test(test_full) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
