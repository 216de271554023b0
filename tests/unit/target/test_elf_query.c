/* test_elf_query.c: symbols asked for through the sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "target/elf_query.h"

int elf_query_marker = 41;
uint64_t elf_query_words[5] __attribute__((section(".elf_query_test"))) = { 1, 2 };

/* What is there comes in the order asked, what is not stays zero, and the bias makes it an address.
 */
static void test_own_symbols(void **state)
{
	static const char *const names[] = { "no_such_thing", "elf_query_marker", ".elf_query_test",
					     ".no_such_section", NULL };
	const struct mapping *m;
	struct elf_facts facts;
	struct process *p;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = process_map(p, (uintptr_t)test_own_symbols);
	assert_non_null(m);
	assert_int_equal(elf_query_mapping(p, m, names, &facts), 0);
	assert_int_equal(facts.symbols[0].value, 0);
	assert_int_equal(facts.symbols[1].size, sizeof(int));
	assert_int_equal(elf_facts_bias(&facts, p, m) + facts.symbols[1].value,
			 (uintptr_t)&elf_query_marker);
	/* a name with a dot is a section's */
	assert_in_range(facts.symbols[2].size, sizeof(elf_query_words),
			4 * sizeof(elf_query_words)); /* a sanitizer pads it */
	assert_int_equal(elf_facts_bias(&facts, p, m) + facts.symbols[2].value,
			 (uintptr_t)elf_query_words);
	assert_int_equal(facts.symbols[3].size, 0);
	process_close(p);
}

/* A mapping without a file and a file that is no ELF file give errors and no facts. */
static void test_refused(void **state)
{
	static const char *const names[] = { "x", NULL };
	struct mapping none = { .path = "" };
	struct elf_facts facts;
	struct process *p;
	int local = 0, pipes[2];

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(elf_query_mapping(p, process_map(p, (uintptr_t)&local), names, &facts),
			 -ENOENT);
	assert_int_equal(elf_query_mapping(p, &none, names, &facts), -ENOENT);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(elf_query(pipes[0], names, &facts), -ENOEXEC);
	close(pipes[0]);
	close(pipes[1]);
	process_close(p);
}

/* A position-dependent executable is where its file says. */
static void test_exec_bias(void **state)
{
	struct elf_facts facts = { .position_dependent = 1, .n_loads = 1 };
	struct mapping m = { .start = 0x400000, .end = 0x401000, .path = "/x" };
	struct process p = { 0 };

	(void)state;
	assert_int_equal(elf_facts_bias(&facts, &p, &m), 0);
	facts.position_dependent = 0;
	assert_int_equal(elf_facts_bias(&facts, &p, &m), 0x400000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_symbols),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_exec_bias),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
