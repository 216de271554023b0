/* test_symbols.c: naming native code by table, in process and in the sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/elf_query.h"
#include "target/symbols.h"

__attribute__((noinline)) int symbols_marker(int n);

__attribute__((noinline)) int symbols_marker(int n)
{
	asm volatile("");
	return n * 3;
}

/* symbols_marker's place in this file, and its size. */
static struct elf_symbol marker(uint64_t *ret_bias)
{
	static const char *const names[] = { "symbols_marker", NULL };
	struct elf_facts facts;
	struct process *p;
	const struct mapping *m;

	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = process_map(p, (uintptr_t)symbols_marker);
	assert_non_null(m);
	assert_int_equal(elf_query_mapping(p, m, names, &facts), 0);
	*ret_bias = elf_facts_bias(&facts, p, m);
	process_close(p);
	return facts.symbols[0];
}

/* A function has its name from its first byte to its last, and not one further. */
static void check_marker(const struct symbols *s)
{
	uint64_t bias, vaddr;
	struct elf_symbol m = marker(&bias);

	assert_int_equal(bias + m.value, (uintptr_t)symbols_marker);
	assert_true(m.size > 0);
	assert_string_equal(symbols_find(s, m.value), "symbols_marker");
	assert_string_equal(symbols_find(s, m.value + m.size - 1), "symbols_marker");
	assert_true(!symbols_find(s, m.value + m.size) ||
		    strcmp(symbols_find(s, m.value + m.size), "symbols_marker") != 0);
	assert_null(symbols_find(s, 0));
	assert_null(symbols_find(s, UINT64_MAX));
	assert_false(symbols_vaddr(s, UINT64_MAX, &vaddr));
	assert_null(symbols_find_offset(s, UINT64_MAX));
}

/* Both ways of building give the same table. */
static void test_build(void **state)
{
	struct symbols *direct = NULL, *safe = NULL;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(symbols_build(fd, &direct), 0);
	assert_int_equal(symbols_build_safely(fd, &safe), 0);
	close(fd);
	assert_true(symbols_count(direct) > 20);
	assert_int_equal(symbols_count(direct), symbols_count(safe));
	check_marker(direct);
	check_marker(safe);
	symbols_free(direct);
	symbols_free(safe);
	symbols_free(NULL);
}

/* Code by offset in the file has the same name as by address. */
static void test_offset(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t bias, vaddr, offset = 0;
	struct symbols *s = NULL;
	struct elf_symbol m;
	struct process *p;
	const struct mapping *map;

	(void)state;
	assert_int_equal(symbols_build(fd, &s), 0);
	close(fd);
	m = marker(&bias);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	map = process_map(p, bias + m.value);
	offset = bias + m.value - map->start + map->offset;
	assert_true(symbols_vaddr(s, offset, &vaddr));
	assert_int_equal(vaddr, m.value);
	assert_string_equal(symbols_find_offset(s, offset), "symbols_marker");
	process_close(p);
	symbols_free(s);
}

/* A stripped executable's exports do not name the code between them. */
static void test_stripped(void **state)
{
	int fd = open("/usr/bin/python3", O_RDONLY | O_CLOEXEC);
	struct elf_image *e = NULL;
	struct symbols *s = NULL;
	struct elf_symbol f;
	uint64_t addr;
	int unnamed = 0;

	(void)state;
	if (fd < 0 || symbols_build(fd, &s) < 0 || elf_image_open(fd, &e) < 0)
		skip();
	close(fd);
	assert_int_equal(elf_image_symbol(e, "PyObject_Repr", &f), 0);
	assert_string_equal(symbols_find(s, f.value), "PyObject_Repr");
	for (addr = f.value; addr < f.value + (64 << 10); addr++)
		unnamed += symbols_find(s, addr) == NULL;
	elf_image_symbol(e, "_PyEval_EvalFrameDefault", &f);
	assert_true(unnamed > 0);
	elf_image_close(e);
	symbols_free(s);
}

/* What is no ELF file has no table. */
static void test_refused(void **state)
{
	int fd = memfd_create("text", MFD_CLOEXEC);
	struct symbols *s = NULL;

	(void)state;
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(symbols_build(fd, &s), -ENOEXEC);
	assert_int_equal(symbols_build_safely(fd, &s), -ENOEXEC);
	assert_null(s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
