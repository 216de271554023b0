/* test_unwind_table.c: tables of real files, in process and in the sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/elf_query.h"
#include "target/unwind_table.h"

/* A frame by rbp and one by rsp, with places that are known to the byte. */
__asm__(".text\n"
	".type unwind_marker, @function\n"
	"unwind_marker:\n"
	".cfi_startproc\n"
	"push %rbp\n" /* 1 byte */
	".cfi_def_cfa_offset 16\n"
	".cfi_offset %rbp, -16\n"
	"mov %rsp, %rbp\n" /* 3 bytes */
	".cfi_def_cfa_register %rbp\n"
	"pop %rbp\n" /* 1 byte */
	".cfi_def_cfa %rsp, 8\n"
	"ret\n"
	".cfi_endproc\n"
	".size unwind_marker, .-unwind_marker\n");

/* unwind_marker's place in this file. */
static uint64_t marker(void)
{
	static const char *const names[] = { "unwind_marker", NULL };
	struct elf_facts facts;
	struct process *p;
	const struct mapping *m;

	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = process_map(p, (uintptr_t)marker);
	assert_non_null(m);
	assert_int_equal(elf_query_mapping(p, m, names, &facts), 0);
	process_close(p);
	return facts.symbols[0].value;
}

static void check_marker(const struct unwind_table *t)
{
	struct unwind_escape e;
	uint64_t at = marker(), row;

	row = unwind_table_row(t, at, &e);
	assert_int_equal(row >> 16, UNWIND_ROW(0, UNWIND_RSP, UNWIND_RBP_SAME, 1, 0) >> 16);
	row = unwind_table_row(t, at + 1, &e);
	assert_int_equal(row >> 16, UNWIND_ROW(0, UNWIND_RSP, UNWIND_RBP_AT_CFA, 2, -16) >> 16);
	assert_int_equal((uint16_t)row, (uint16_t)(at + 1));
	assert_int_equal(unwind_table_row(t, at + 3, &e), row);
	row = unwind_table_row(t, at + 4, &e);
	assert_int_equal(row >> 16, UNWIND_ROW(0, UNWIND_RBP, UNWIND_RBP_AT_CFA, 2, -16) >> 16);
	assert_int_equal(unwind_table_row(t, 0, &e), 0);
	assert_int_equal(unwind_table_row(t, UINT64_MAX, &e), 0);
}

/* Both ways of building give the same table, with the rows that the assembler was told. */
static void test_build(void **state)
{
	cleanup(unwind_table_freep) struct unwind_table *direct = NULL, *safe = NULL;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	size_t n_direct, n_safe;
	const uint64_t *a, *b;

	(void)state;
	assert_int_equal(unwind_table_build(fd, &direct), 0);
	assert_int_equal(unwind_table_build_safely(fd, &safe), 0);
	close(fd);
	check_marker(direct);
	check_marker(safe);
	a = unwind_table_words(direct, &n_direct);
	b = unwind_table_words(safe, &n_safe);
	assert_int_equal(n_direct, n_safe);
	assert_memory_equal(a, b, n_direct * sizeof(*a));
	assert_string_equal(unwind_table_build_id(direct), unwind_table_build_id(safe));
	assert_true(unwind_table_memory(safe) > n_safe * sizeof(*a));
	assert_null(unwind_table_free(NULL));
}

/* The code that the kernel puts into every process, from a copy of its image. */
static void test_vdso(void **state)
{
	cleanup(unwind_table_freep) struct unwind_table *t = NULL;
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	int fd = memfd_create("vdso", MFD_CLOEXEC);
	const struct mapping *m;
	struct process *p;
	uint32_t first;
	size_t n;

	(void)state;
	if (!image)
		skip();
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = process_map(p, (uintptr_t)image);
	assert_non_null(m);
	n = m->end - m->start;
	process_close(p);
	assert_int_equal(write(fd, image, n), n);
	assert_int_equal(unwind_table_build_safely(fd, &t), 0);
	close(fd);
	assert_non_null(unwind_table_pages(t, &first, &n));
	assert_int_equal(first, 0);
	assert_int_equal(n, 1);
	unwind_table_words(t, &n);
	assert_true(n > 3);
}

/* What is no ELF file has no table. */
static void test_refused(void **state)
{
	int fd = memfd_create("text", MFD_CLOEXEC);
	struct unwind_table *t = NULL;

	(void)state;
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(unwind_table_build(fd, &t), -ENOEXEC);
	assert_int_equal(unwind_table_build_safely(fd, &t), -ENOEXEC);
	assert_null(t);
	close(fd);
}

/* Without its words a table still says where code lies, and is known as one of the same shape. */
static void test_forget_words(void **state)
{
	cleanup(unwind_table_freep) struct unwind_table *t = NULL, *other = NULL;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), sh = open("/bin/sh", O_RDONLY);
	struct unwind_escape e;
	uint64_t before, after;
	uint32_t first_page;
	size_t memory, n, i;

	(void)state;
	assert_int_equal(unwind_table_build(fd, &t), 0);
	assert_int_equal(unwind_table_build(fd, &other), 0);
	for (i = 0; !unwind_table_vaddr(t, i, &before); i += 4096)
		assert_true(i < 1u << 30);
	memory = unwind_table_memory(t);
	unwind_table_forget_words(t);
	assert_true(unwind_table_memory(t) < memory);
	assert_true(unwind_table_vaddr(t, i, &after));
	assert_int_equal(before, after);
	assert_null(unwind_table_words(t, &n));
	assert_int_equal(n, 0);
	unwind_table_pages(t, &first_page, &n);
	assert_true(n > 0);
	assert_int_equal(unwind_table_row(t, marker(), &e), 0);
	assert_true(unwind_table_same_shape(t, other));
	other = unwind_table_free(other);
	assert_int_equal(unwind_table_build(sh, &other), 0);
	assert_false(unwind_table_same_shape(t, other));
	close(fd);
	close(sh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_forget_words),
	};

	return cmocka_run_group_tests_name("unwind_table", tests, NULL, NULL);
}
