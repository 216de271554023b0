/* test_cpython_slot.c: thread states found by key, by code and by looking, in this test's memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/cpython_slot.h"

#define PAGE 4096

static struct process *self;

/* The key's slot in glibc's struct pthread. */
static void test_key(void **state)
{
	(void)state;
	assert_int_equal(cpython_slot_of_key(0), 0x318);
	assert_int_equal(cpython_slot_of_key(1), 0x328);
}

/* Only a load from a fixed place counts, and only inside the function. */
static void test_code(void **state)
{
	static const uint8_t fixed[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x64, 0x48, 0x8b,
					 0x04, 0x25, 0xd8, 0xff, 0xff, 0xff, 0xc3 };
	static const uint8_t after[] = {
		0xc3, 0x64, 0x48, 0x8b, 0x04, 0x25, 0xd8, 0xff, 0xff, 0xff
	};
	static const uint8_t above[] = { 0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0 };
	int64_t slot = 0;

	(void)state;
	assert_false(cpython_slot_of_code(after, sizeof(after), &slot));
	assert_false(cpython_slot_of_code(above, sizeof(above), &slot));
	assert_false(cpython_slot_of_code(fixed, sizeof(fixed) - 2, &slot));
	assert_false(cpython_slot_of_code(fixed, 0, &slot));
	assert_int_equal(slot, 0);
	assert_true(cpython_slot_of_code(fixed, sizeof(fixed), &slot));
	assert_int_equal(slot, -0x28);
}

/* Two threads, each with a page below its thread pointer; nothing is mapped below that. */
struct fake {
	uint64_t *top[2]; /* thread pointers */
	struct cpython_thread items[3];
	struct cpython_threads threads;
	uint8_t *maps[2];
};

static void set_up(struct fake *f)
{
	size_t i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < 2; i++) {
		uint8_t *m = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(m != MAP_FAILED);
		assert_int_equal(mprotect(m, PAGE, PROT_NONE), 0);
		f->maps[i] = m;
		f->top[i] = (uint64_t *)(m + 2 * PAGE - 64);
		f->items[i] = (struct cpython_thread){ 0x1000 + i, (uintptr_t)f->top[i] };
		f->top[i][-5] = 0x1000 + i;
	}
	f->items[2] = (struct cpython_thread){ 0x1002, 0 };
	f->threads = (struct cpython_threads){ f->items, 3 };
}

static void tear_down(struct fake *f)
{
	munmap(f->maps[0], 2 * PAGE);
	munmap(f->maps[1], 2 * PAGE);
}

/* The word that is every thread's own state; threads that are not confirmed have no say. */
static void test_look(void **state)
{
	struct cpython_slots s = { 0 };
	struct fake f;

	(void)state;
	set_up(&f);
	f.top[1][-100] = 0x1001; /* an old copy on one thread's stack */
	f.top[0][-7] = 0x1001;	 /* another thread's state */
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 1);
	assert_int_equal(s.at[0], -40);
	tear_down(&f);
}

/* A second word is equal while its thread holds the lock: a later look tells them apart. */
static void test_ambiguous(void **state)
{
	struct cpython_slots s = { 0 };
	struct fake f;

	(void)state;
	set_up(&f);
	f.top[0][-4] = 0x1000;
	f.top[1][-4] = 0x1001;
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 2);
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 2);
	f.top[0][-4] = 0;
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 1);
	assert_int_equal(s.at[0], -40);
	f.top[0][-4] = 0x1000; /* once told apart, that is remembered */
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 1);
	f.top[0][-5] = 0;
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 0);
	tear_down(&f);
}

/* A thread may run another interpreter's code: its word then is the state that it has there. */
static void test_other_interpreter(void **state)
{
	struct cpython_slots s = { 0 };
	struct fake f;

	(void)state;
	set_up(&f);
	f.items[2].pointer = f.items[0].pointer;
	f.top[0][-5] = 0x1002;
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 1);
	assert_int_equal(s.at[0], -40);
	tear_down(&f);
}

/* The lowest key that fits is the interpreter's; a later one may hold the same. */
static void test_look_keys(void **state)
{
	static struct {
		uint64_t word[2][256];
	} block;
	struct cpython_thread items[2];
	struct cpython_threads threads = { items, 2 };
	struct cpython_slots s = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		items[i] = (struct cpython_thread){ 0x1000 + i, (uintptr_t)block.word[i] };
		block.word[i][0x318 / 8] = 0x1000; /* an extension's; not of the second thread */
		block.word[i][0x338 / 8] = 0x1000 + i;
		block.word[i][0x368 / 8] = 0x1000 + i;
		block.word[i][0x310 / 8] = 0x1000 + i; /* a sequence number is no slot */
	}
	assert_int_equal(cpython_slots_look(&s, self, &threads, CPYTHON_IN_KEYS), 2);
	assert_int_equal(s.at[0], 0x338);
	assert_int_equal(s.at[1], 0x368);
}

/* Pointers to nowhere, at the ends of the address space and unaligned are no harm. */
static void test_hostile(void **state)
{
	static const uint64_t pointers[] = {
		1, 7, 4096, UINT64_MAX, UINT64_MAX - 4096, 1ull << 47
	};
	struct cpython_slots s = { 0 };
	struct fake f;
	size_t i;

	(void)state;
	set_up(&f);
	for (i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		struct cpython_thread t = { 0x1000, pointers[i] };
		struct cpython_threads one = { &t, 1 };

		assert_int_equal(cpython_slots_look(&s, self, &one, CPYTHON_IN_TLS), 0);
	}
	memset(f.maps[0] + PAGE, 0, PAGE);
	for (i = 0; i < 200; i++)
		f.top[0][-1 - (int)i] = 0x1000;
	f.threads.count = 1;
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS),
			 CPYTHON_SLOTS_MAX);
	f.items[0].pointer += 3;
	s.count = 0;
	assert_int_equal(cpython_slots_look(&s, self, &f.threads, CPYTHON_IN_TLS), 0);
	tear_down(&f);
}

static int start(void **state)
{
	(void)state;
	return process_open("/proc", getpid(), &self);
}

static int stop(void **state)
{
	(void)state;
	process_close(self);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_other_interpreter),
		cmocka_unit_test(test_look_keys),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
