/* test_unwind_table_block.c: answers of a worker that make no sense, and files of all shapes. */
#include "built.h"

#include <errno.h>

#include "target/unwind_table_block.h"

#define N_PAGES 3

/* Pages of 2, 0 and 2 rows; the last with an escape for both. */
struct block {
	struct unwind_table_head head;
	struct elf_load load;
	struct unwind_page pages[N_PAGES];
	uint64_t words[4];
	struct unwind_escape escape;
	uint64_t more; /* behind it */
};

static struct block sound(void)
{
	return (struct block){
		.head = { .loads = 1, .pages = N_PAGES, .words = 6, .first_page = 2 },
		.load = { .vaddr = 0x21000, .offset = 0x1000, .filesz = 0x2f000, .exec = true },
		.pages = { { 0, 2, 2 }, { 2, 0, 0 }, { 2, 2, 4 } },
		.words = { UNWIND_ROW(0, UNWIND_NONE, 0, 0, 0),
			   UNWIND_ROW(0x1000, UNWIND_RSP, 0, 1, 0), UNWIND_ROW_ESCAPE(0, 2),
			   UNWIND_ROW_ESCAPE(0x9000, 2) },
		.escape = { .off = 8, .cfa = UNWIND_REGISTER, .reg = 15, .ra = UNWIND_RA_AT_CFA },
	};
}

static int open_cut(const struct block *b, size_t len, struct unwind_table **ret_table)
{
	struct str text = { 0 };
	int r;

	assert_int_equal(str_add_mem(&text, b, len), 0);
	r = unwind_table_open_block(&text, ret_table);
	str_release(&text);
	return r;
}

#define SOUND_LEN (offsetof(struct block, more))

/* The table says what the block does: rows by address, offsets of the executable segment. */
static void test_look_up(void **state)
{
	cleanup(unwind_table_freep) struct unwind_table *t = NULL;
	struct unwind_escape e = { 0 };
	struct block b = sound();
	uint64_t vaddr;

	(void)state;
	assert_int_equal(open_cut(&b, SOUND_LEN, &t), 0);
	assert_int_equal(unwind_table_row(t, 0x1ffff, &e), 0);
	assert_int_equal(unwind_table_row(t, 0x20fff, &e), b.words[0]);
	assert_int_equal(unwind_table_row(t, 0x21000, &e), b.words[1]);
	assert_int_equal(unwind_table_row(t, 0x2ffff, &e), b.words[1]);
	assert_int_equal(unwind_table_row(t, 0x30000, &e), 0);
	assert_int_equal(e.cfa, 0);
	assert_int_equal(unwind_table_row(t, 0x49000, &e), b.words[3]);
	assert_int_equal(e.reg, 15);
	assert_int_equal(unwind_table_row(t, 0x50000, &e), 0);
	assert_int_equal(unwind_table_row(t, 0x100020000, &e), 0);
	assert_true(unwind_table_vaddr(t, 0x1000, &vaddr));
	assert_int_equal(vaddr, 0x21000);
	assert_true(unwind_table_vaddr(t, 0x2ffff, &vaddr));
	assert_int_equal(vaddr, 0x4ffff);
	assert_false(unwind_table_vaddr(t, 0xfff, &vaddr));
	assert_false(unwind_table_vaddr(t, 0x30000, &vaddr));
	assert_string_equal(unwind_table_build_id(t), "");
}

static void check_unsound(const struct block *b)
{
	struct unwind_table *t = NULL;

	assert_int_equal(open_cut(b, SOUND_LEN, &t), -EIO);
	assert_null(t);
}

#define UNSOUND(change) \
	do { \
		struct block b = sound(); \
		b.change; \
		check_unsound(&b); \
	} while (0)

/* Counts that do not fit, pages that lie elsewhere. */
static void test_unsound_head(void **state)
{
	struct unwind_table *t = NULL;
	struct block b = sound();
	size_t len;

	(void)state;
	for (len = 0; len < SOUND_LEN; len++)
		assert_int_equal(open_cut(&b, len, &t), -EIO);
	assert_int_equal(open_cut(&b, SOUND_LEN + 8, &t), -EIO);
	assert_null(t);
	b.head.words = 7; /* one that is no page's */
	assert_int_equal(open_cut(&b, SOUND_LEN + 8, &t), -EIO);
	UNSOUND(head.loads = 0);
	UNSOUND(head.loads = ELF_LOADS_MAX + 1);
	UNSOUND(head.pages = 0xffffffff);
	UNSOUND(head.words = 0xffffffff);
	UNSOUND(head.words = 5);
	UNSOUND(head.first_page = 0xffffffff);
	UNSOUND(head.build_id_len = UNWIND_BUILD_ID_BYTES + 1);
	UNSOUND(load.vaddr = 0; memset(&b.load.exec, 2, 1));
	UNSOUND(pages[0].first = 1);
	UNSOUND(pages[2].first = 0);
	UNSOUND(pages[1].words = 1);
	UNSOUND(pages[2].words = 5);
	UNSOUND(pages[2].words = 3);
	UNSOUND(pages[2].rows = 5);
}

/* Rows out of order or of no kind, escapes elsewhere or of no kind. */
static void test_unsound_rows(void **state)
{
	(void)state;
	UNSOUND(words[0] |= 1);
	UNSOUND(words[1] &= ~0xffffull);
	UNSOUND(words[1] = UNWIND_ROW(0x1000, UNWIND_OTHER + 1, 0, 1, 0));
	UNSOUND(words[1] = UNWIND_ROW(0x1000, UNWIND_REGISTER, 0, 1, 0));
	UNSOUND(words[1] = UNWIND_ROW(0x1000, UNWIND_RSP, UNWIND_RBP_LOST + 1, 1, 0));
	UNSOUND(words[1] = UNWIND_ROW_ESCAPE(0x1000, 2));
	UNSOUND(words[3] = UNWIND_ROW_ESCAPE(0x9000, 1));
	UNSOUND(words[3] = UNWIND_ROW_ESCAPE(0x9000, 1); b.escape.add = UNWIND_REGISTER);
	UNSOUND(words[3] ^= (uint64_t)(UNWIND_ESCAPE ^ UNWIND_REGISTER) << 16);
	UNSOUND(words[3] = UNWIND_ROW_ESCAPE(0x9000, 3));
	UNSOUND(words[3] = UNWIND_ROW_ESCAPE(0x9000, 0xffffffff));
	UNSOUND(escape.cfa = UNWIND_NONE);
	UNSOUND(escape.cfa = UNWIND_ESCAPE);
	UNSOUND(escape.cfa = UNWIND_OTHER + 1);
	UNSOUND(escape.rbp = UNWIND_RBP_LOST + 1);
	UNSOUND(escape.reg = 16);
	UNSOUND(escape.ra = 16);
}

static struct unwind_table *table_of(const char *name)
{
	struct unwind_table *t = NULL;
	int fd = built_open(name);

	assert_true(fd >= 0);
	assert_int_equal(unwind_table_build(fd, &t), 0);
	close(fd);
	return t;
}

static void check_same(const char *name, const struct unwind_table *want)
{
	cleanup(unwind_table_freep) struct unwind_table *t = table_of(name);
	size_t n, n_want;
	const uint64_t *words = unwind_table_words(t, &n);
	const uint64_t *words_want = unwind_table_words(want, &n_want);

	assert_int_equal(n, n_want);
	assert_memory_equal(words, words_want, n * sizeof(*words));
}

static void check_empty(const char *name)
{
	cleanup(unwind_table_freep) struct unwind_table *t = table_of(name);
	uint32_t first;
	size_t n;

	unwind_table_pages(t, &first, &n);
	assert_int_equal(n, 0);
	unwind_table_words(t, &n);
	assert_int_equal(n, 0);
}

/* Without e_shoff, e_shnum and e_shstrndx. */
static void behead(const char *name)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "cp %s headless && for at in 40 41 42 43 44 45 46 47 60 61 62 63; do "
		 "printf '\\0' | dd of=headless bs=1 seek=$at conv=notrunc; done && "
		 "readelf -h headless | grep 'Number of section headers: *0$'",
		 name);
	assert_int_equal(built_run(line), 0);
}

/* Stripped, also of its section headers: the same rows.  Debug information, or a file that never
 * had any: none. */
static void test_files(void **state)
{
	cleanup(unwind_table_freep) struct unwind_table *whole = table_of("whole");
	struct unwind_escape e;
	size_t n;

	(void)state;
	unwind_table_words(whole, &n);
	assert_true(n > 3);
	assert_int_equal(unwind_table_row(whole, built_address("hidden"), &e) >> 16,
			 UNWIND_ROW(0, UNWIND_RSP, 0, 1, 0) >> 16);
	assert_int_equal(strlen(unwind_table_build_id(whole)), 40);
	check_same("bare", whole);
	behead("bare");
	check_same("headless", whole);
	check_empty("names.debug");
	assert_int_equal(built_run("objcopy -R .eh_frame -R .eh_frame_hdr whole without"), 0);
	check_empty("without");
}

/* Without section headers the terminator ends it, though what follows looks like more of it. */
static void test_tail(void **state)
{
	static const char source[] =
		".text\n.globl f\nf: .cfi_startproc\nnop\nret\n.cfi_endproc\n.skip 64\n"
		"g: nop\nret\n.skip 64\n"
		".section .gcc_except_table,\"a\",@progbits\n"
		"cie: .long 2f - 1f\n1: .long 0\n.byte 1, 0, 1, 0x78, 16, 12, 7, 8, 0x90, 1\n2:\n"
		".long 4f - 3f\n3: .long . - cie\n.quad g, 2\n4: .long 0\n";
	cleanup(unwind_table_freep) struct unwind_table *t = NULL;
	char path[512];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/tail.s", built);
	f = fopen(path, "w");
	fputs(source, f);
	fclose(f);
	assert_int_equal(
		built_run("echo '.section .eh_frame,\"a\",@unwind; .long 0' >end.s && "
			  "cc -static -nostdlib -Wl,--eh-frame-hdr,-e,f tail.s end.s -o tail"),
		0);
	t = table_of("tail");
	behead("tail");
	check_same("headless", t);
}

/* Cut anywhere, a file gives an error, or a table that passed the check. */
static void test_cut_files(void **state)
{
	char line[128];
	size_t len;

	(void)state;
	for (len = 0; len < 16384; len += 997) {
		struct unwind_table *t = NULL;
		int fd, r;

		snprintf(line, sizeof(line), "head -c %zu bare >cut", len);
		assert_int_equal(built_run(line), 0);
		fd = built_open("cut");
		r = unwind_table_build(fd, &t);
		close(fd);
		assert_true(r == 0 ? t != NULL : r == -ENOEXEC);
		unwind_table_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_up),	     cmocka_unit_test(test_unsound_head),
		cmocka_unit_test(test_unsound_rows), cmocka_unit_test(test_files),
		cmocka_unit_test(test_cut_files),    cmocka_unit_test(test_tail),
	};

	return cmocka_run_group_tests(tests, built_setup, built_teardown);
}
