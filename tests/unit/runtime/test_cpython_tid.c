/* test_cpython_tid.c: the number of a thread of which Python knows none, or a wrong one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/cpython_tid.h"

static uint64_t own_pointer(void)
{
	uint64_t pointer;

	__asm__("mov %%fs:0x10, %0" : "=r"(pointer));
	return pointer;
}

/* This program has no Python: only glibc can tell. */
static void glibc_tells_what_python_cannot(void **state)
{
	struct process *p;
	struct cpython_reader rd;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(cpython_reader_init(&rd, cpython_read_process, p, cpython_offsets_find(12),
					     cpython_layout_find(12)),
			 0);
	assert_int_equal(cpython_tid(&rd, p, 0, own_pointer()), getpid());
	assert_int_equal(cpython_tid(&rd, p, 0, own_pointer() + 8), 0);
	assert_int_equal(cpython_tid(&rd, p, 0, 8), 0);
	cpython_reader_release(&rd);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glibc_tells_what_python_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
