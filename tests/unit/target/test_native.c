/* test_native.c: what counts as the bytes of a call, and as a plausible return address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "target/native.h"

struct sample {
	const char *what;
	uint8_t bytes[7]; /* right-aligned, as they stand before the return address */
	bool call;
};

static const struct sample samples[] = {
	{ "call rel32", { 0x90, 0x90, 0xe8, 1, 2, 3, 4 }, true },
	{ "jmp rel32", { 0x90, 0x90, 0xe9, 1, 2, 3, 4 }, false },
	{ "call *%rax", { 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0 }, true },
	{ "call *%r11", { 0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd3 }, true },
	{ "jmp *%rax", { 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0 }, false },
	{ "call *(%rbx)", { 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0x13 }, true },
	{ "call *8(%rbx)", { 0x90, 0x90, 0x90, 0x90, 0xff, 0x53, 0x08 }, true },
	{ "call *8(%rsp)", { 0x90, 0x90, 0x90, 0xff, 0x54, 0x24, 0x08 }, true },
	{ "call *(%rdi,%rax,8)", { 0x90, 0x90, 0x90, 0x90, 0xff, 0x14, 0xc7 }, true },
	{ "call *0x100(%rbx)", { 0x90, 0xff, 0x93, 0, 1, 0, 0 }, true },
	{ "call *0x100(%rsp)", { 0xff, 0x94, 0x24, 0, 1, 0, 0 }, true },
	{ "call *0x100(%rip)", { 0x90, 0xff, 0x15, 0, 1, 0, 0 }, true },
	{ "call *0x100(,%rax,8)", { 0xff, 0x14, 0xc5, 0, 1, 0, 0 }, true },
	{ "push (%rax)", { 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0x30 }, false },
	{ "nops", { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 }, false },
	{ "zeros", { 0 }, false },
};

/* Each form of a near call is known, and jumps and pushes with the same opcode are not. */
static void test_forms(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (native_ends_in_call(samples[i].bytes, 7) != samples[i].call)
			fail_msg("%s", samples[i].what);
}

/* Fewer bytes than the shortest call hold none, and nothing beyond them is read. */
static void test_short(void **state)
{
	static const uint8_t call[] = { 0xe8, 1, 2, 3, 4 };

	(void)state;
	assert_false(native_ends_in_call(call, 0));
	assert_false(native_ends_in_call(call, 1));
	assert_false(native_ends_in_call(call + 1, 4));
	assert_true(native_ends_in_call(call, 5));
}

/* A live address counts only in an executable mapping behind a call. */
static void test_live(void **state)
{
	struct process *p;
	uint8_t *code, *data;

	(void)state;
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(code != MAP_FAILED && data != MAP_FAILED);
	code[0] = data[0] = 0xff; /* call *%rax */
	code[1] = data[1] = 0xd0;
	code[100] = 0xe8;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_true(native_plausible(p, (uintptr_t)code + 2));
	assert_true(native_plausible(p, (uintptr_t)code + 105));
	assert_false(native_plausible(p, (uintptr_t)code + 106));
	assert_false(native_plausible(p, (uintptr_t)data + 2));
	assert_false(native_plausible(p, (uintptr_t)code));
	assert_true(native_executable(p, (uintptr_t)code));
	assert_false(native_executable(p, (uintptr_t)data));
	assert_false(native_plausible(p, 3));
	assert_false(native_plausible(p, UINT64_MAX));
	process_close(p);
	munmap(code, 4096);
	munmap(data, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
