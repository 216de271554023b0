/* test_unwound.c: the code of a live process, this one, as it changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/unwound.h"
#include "tests/unit/capture/unwind_memory.h"

#define BYTES 8192

struct fixture {
	struct unwind_memory *memory;
	struct unwind_tables *tables;
	struct process *p;
	struct unwound *u;
	struct unwind_proc entry;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->memory = unwind_memory_new(8);
	assert_int_equal(unwind_tables_new(f->memory->space, &f->tables), 0);
	assert_int_equal(process_open("/proc", getpid(), &f->p), 0);
	assert_int_equal(unwound_new(f->p, true, &f->u), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unwound_free(f->u);
	unwound_free(NULL);
	unwind_tables_free(f->tables);
	unwind_memory_free(f->memory);
	process_close(f->p);
	free(f);
	return 0;
}

static const struct unwind_mapping *entry_at(const struct fixture *f, uintptr_t addr)
{
	for (uint32_t i = 0; i < f->entry.n; i++)
		if (addr >= f->entry.start[i] && addr < f->entry.map[i].end)
			return &f->entry.map[i];
	return NULL;
}

static void publish(struct fixture *f)
{
	assert_int_equal(unwound_refresh(f->u, f->tables), 1);
	assert_int_equal(unwound_entry(f->u, &f->entry), 0);
	unwound_published(f->u, now_ns());
}

static void build(struct fixture *f)
{
	while (unwind_tables_build_next(f->tables, 9))
		;
	unwound_entry(f->u, &f->entry);
}

/* Maps code of a file at an address of our choice, as the kernel would tell of it. */
static void map(struct fixture *f, void *at, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct mmap_event e = { .ts = now_ns(), .file = true };

	assert_true(fd >= 0);
	assert_ptr_equal(mmap(at, BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0),
			 at);
	close(fd);
	e.start = (uintptr_t)at;
	e.end = e.start + BYTES;
	unwound_mapped(f->u, &e);
}

static void *place(void)
{
	void *at = mmap(NULL, BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

/* What is not built yet is left out, and there when it is. */
static void test_first(void **state)
{
	struct fixture *f = *state;

	assert_true(unwound_stale(f->u, 1));
	publish(f);
	assert_false(unwound_stale(f->u, now_ns()));
	assert_true(unwound_waits(f->u));
	assert_null(entry_at(f, (uintptr_t)test_first));
	assert_int_equal(f->entry.start_time, f->p->start_ticks);
	build(f);
	assert_true(unwound_waits(f->u)); /* who looks at an entry has not published it */
	unwound_published(f->u, now_ns());
	assert_false(unwound_waits(f->u));
	assert_non_null(entry_at(f, (uintptr_t)test_first));
	assert_int_equal(entry_at(f, (uintptr_t)test_first)->kind, UNWIND_BY_TABLE);
	assert_non_null(unwound_file(f->u, (uintptr_t)getppid));
	assert_int_equal(unwound_refresh(f->u, f->tables), 0);
	unwound_entry_empty(f->u, &f->entry);
	assert_int_equal(f->entry.n, 0);
}

/* A file that is mapped later is followed; another one at its place is another code. */
static void test_follow(void **state)
{
	struct event_stack s = { .n_user = 3 };
	struct fixture *f = *state;
	void *at = place();
	uint64_t before;

	publish(f);
	build(f);
	assert_int_equal(f->entry.flags >> UNWIND_PROC_GENERATION, 0);
	before = now_ns();
	map(f, at, "/bin/sh");
	assert_false(unwound_stale(f->u, before)); /* for a stack of before it is right */
	assert_true(unwound_stale(f->u, now_ns()));
	assert_true(unwound_due(f->u) < UINT64_MAX);
	publish(f);
	assert_int_equal(f->entry.flags >> UNWIND_PROC_GENERATION, 0);
	assert_non_null(unwound_file(f->u, (uintptr_t)at));

	s.head.ts = now_ns();
	s.user[1] = (uintptr_t)at + 17;
	assert_true(unwound_sift(f->u, &s));
	map(f, at, "/bin/cat");
	publish(f);
	assert_int_equal(f->entry.flags >> UNWIND_PROC_GENERATION, 1);
	assert_false(unwound_sift(f->u, &s));
	assert_int_equal(s.user[1], 0);
	s.head.ts = now_ns();
	s.user[1] = (uintptr_t)at + 17;
	assert_true(unwound_sift(f->u, &s));
	unwound_exec(f->u);
	publish(f);
	assert_int_equal(f->entry.flags >> UNWIND_PROC_GENERATION, 2);
	munmap(at, BYTES);
}

/* Code without a file is looked at when there is time, unless it takes the place of a file's. */
static void test_anonymous(void **state)
{
	struct mmap_event e = { .ts = now_ns() };
	struct fixture *f = *state;
	void *at = place();

	publish(f);
	build(f);
	assert_ptr_equal(mmap(at, BYTES, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 at);
	e.start = (uintptr_t)at;
	e.end = e.start + BYTES;
	unwound_mapped(f->u, &e);
	assert_false(unwound_stale(f->u, now_ns()));
	assert_int_not_equal(unwound_due(f->u), UINT64_MAX);
	publish(f);
	assert_int_equal(entry_at(f, (uintptr_t)at)->kind, UNWIND_BY_POINTER);
	assert_true(f->entry.flags & UNWIND_PROC_JIT);
	map(f, at, "/bin/sh");
	publish(f);
	e.ts = now_ns();
	unwound_mapped(f->u, &e);
	assert_true(unwound_stale(f->u, now_ns()));
	munmap(at, BYTES);
}

/* After a loss everything is looked at anew, and what is the same stays the same. */
static void test_lost(void **state)
{
	struct event_stack s = { .n_user = 2 };
	struct fixture *f = *state;

	publish(f);
	build(f);
	s.user[0] = (uintptr_t)test_lost;
	s.user[1] = (uintptr_t)getppid;
	s.head.ts = now_ns();
	unwound_lost(f->u);
	assert_true(unwound_stale(f->u, s.head.ts));
	assert_true(unwound_refresh(f->u, f->tables) >= 0);
	assert_false(unwound_stale(f->u, now_ns()));
	unwound_entry(f->u, &f->entry);
	assert_non_null(entry_at(f, (uintptr_t)test_lost));
	assert_int_equal(f->entry.flags >> UNWIND_PROC_GENERATION, 0);
	assert_true(unwound_sift(f->u, &s));
}

/* Stored once more while it executed the next, the entry of a program is not that one's. */
static void test_exec(void **state)
{
	struct event_stack s = { .n_user = 3, .user_stop = UNWIND_STOP_ROOT, .generation = 0 };
	struct fixture *f = *state;

	publish(f);
	s.head.ts = now_ns();
	s.user[0] = (uintptr_t)getppid;
	unwound_exec(f->u);
	publish(f);
	assert_false(unwound_sift(f->u, &s));
	assert_int_equal(s.n_user, 1);
	assert_int_equal(s.user[0], (uintptr_t)getppid);
	assert_int_equal(s.user_stop, UNWIND_STOP_MAPPING);
	s.n_user = 3;
	s.user_stop = UNWIND_STOP_KERNEL; /* that needed no entry */
	assert_true(unwound_sift(f->u, &s));
	s.user_stop = UNWIND_STOP_ROOT;
	s.generation = f->entry.flags >> UNWIND_PROC_GENERATION;
	assert_true(unwound_sift(f->u, &s));
	assert_int_equal(s.n_user, 3);
}

/* An entry that found no room is tried again. */
static void test_unpublished(void **state)
{
	struct fixture *f = *state;

	publish(f);
	assert_int_equal(unwound_due(f->u), UINT64_MAX);
	assert_int_equal(unwound_refresh(f->u, f->tables), 0);
	unwound_unpublished(f->u);
	assert_int_not_equal(unwound_due(f->u), UINT64_MAX);
	publish(f);
}

/* Mappings are not read without end, and what was not looked at is not believed. */
static void test_storm(void **state)
{
	struct event_stack s = { .n_user = 3, .user_stop = UNWIND_STOP_ROOT };
	struct fixture *f = *state;
	uint64_t until = now_ns() + 30 * 1000000000ULL;
	void *at = place();
	int r = 1;

	publish(f);
	while (r > 0 && now_ns() < until) {
		map(f, at, "/bin/sh");
		r = unwound_refresh(f->u, f->tables);
	}
	assert_int_equal(r, 0);
	assert_true(unwound_due(f->u) > until - 30 * 1000000000ULL);
	assert_true(unwound_due(f->u) < UINT64_MAX);
	s.head.ts = now_ns();
	s.user[0] = s.user[1] = (uintptr_t)at + 17;
	assert_false(unwound_sift(f->u, &s));
	assert_int_equal(s.n_user, 1);
	assert_int_equal(s.user[0], 0);
	s.head.ts = 1; /* of before */
	s.n_user = 3;
	assert_true(unwound_sift(f->u, &s) || s.n_user == 3);
	munmap(at, BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anonymous, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exec, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unpublished, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storm, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
