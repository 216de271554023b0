/* test_unwind_tables.c: one table for each file, shared, in order, and gone when nobody needs it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/unwind_tables.h"
#include "tests/unit/capture/unwind_memory.h"

struct fixture {
	struct unwind_memory *memory;
	struct unwind_tables *tables;
	struct process *p;
};

static int setup_with(void **state, uint32_t chunks)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->memory = unwind_memory_new(chunks);
	if (!f->memory || unwind_tables_new(f->memory->space, &f->tables) < 0)
		return -1;
	return process_open("/proc", getpid(), &f->p);
}

static int setup(void **state)
{
	return setup_with(state, 8);
}

static int setup_without_room(void **state)
{
	return setup_with(state, 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	process_close(f->p);
	unwind_tables_free(f->tables);
	unwind_memory_free(f->memory);
	free(f);
	return 0;
}

static const struct mapping *code_at(struct fixture *f, uintptr_t addr)
{
	return process_map(f->p, addr);
}

/* Copies a file and maps it as code; the mapping. */
static const struct mapping *map_copy(struct fixture *f, const char *from, char *ret_path)
{
	char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	ssize_t n;
	void *at;

	strcpy(ret_path, "/tmp/stallprof-test-XXXXXX");
	out = mkstemp(ret_path);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, n), n);
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, out, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	close(in);
	close(out);
	assert_int_equal(process_refresh_maps(f->p), 0);
	return code_at(f, (uintptr_t)at);
}

/* Files are built by rank, and once; all mappings of a file have the same one. */
static void test_build(void **state)
{
	struct fixture *f = *state;
	const struct mapping *libc = code_at(f, (uintptr_t)getppid);
	const struct mapping *mine = code_at(f, (uintptr_t)test_build);
	struct unwind_file *late, *soon, *again;
	struct unwind_mapping place;
	assert_int_equal(unwind_tables_get(f->tables, f->p, libc, 2, &late), 0);
	assert_int_equal(unwind_tables_get(f->tables, f->p, mine, 0, &soon), 0);
	assert_int_equal(unwind_tables_get(f->tables, f->p, libc, 2, &again), 0);
	assert_ptr_equal(late, again);
	assert_int_equal(unwind_file_state(late), UNWIND_FILE_WAITS);
	assert_false(unwind_file_place(late, libc, &place));
	assert_true(unwind_tables_build_next(f->tables, 1));
	assert_int_equal(unwind_file_state(soon), UNWIND_FILE_READY);
	assert_int_equal(unwind_file_state(late), UNWIND_FILE_WAITS);
	assert_false(unwind_tables_build_next(f->tables, 1));
	assert_true(unwind_tables_build_next(f->tables, 2));
	assert_false(unwind_tables_build_next(f->tables, 9));
	assert_true(unwind_file_place(late, libc, &place));
	assert_int_equal(place.kind, UNWIND_BY_TABLE);
	assert_int_equal(place.end, libc->end);
	assert_in_range(((uintptr_t)getppid - place.bias) >> UNWIND_PAGE_SHIFT, place.first_page,
			place.first_page + place.n_pages - 1);
	assert_int_equal(unwind_tables_counts(f->tables).built, 2);
}

/* A copy of a library is another file with the same rows: they are there once. */
static void test_shared_rows(void **state)
{
	struct fixture *f = *state;
	struct unwind_file *one, *other, *third;
	struct unwind_mapping a, b, c;
	const struct mapping *m, *n, *o;
	char path[2][64];
	m = map_copy(f, "/bin/sh", path[0]);
	assert_int_equal(unwind_tables_get(f->tables, f->p, m, 0, &one), 0);
	n = map_copy(f, "/bin/sh", path[1]);
	assert_int_equal(unwind_tables_get(f->tables, f->p, n, 0, &other), 0);
	o = code_at(f, (uintptr_t)getppid);
	assert_int_equal(unwind_tables_get(f->tables, f->p, o, 0, &third), 0);
	assert_ptr_not_equal(one, other);
	while (unwind_tables_build_next(f->tables, 9))
		;
	for (int i = 0; i < 2; i++)
		unlink(path[i]);
	/* What is mapped here is the head of the file; code lies further on. */
	assert_true(unwind_file_place(third, o, &c));
	assert_int_equal(unwind_file_state(one), UNWIND_FILE_READY);
	assert_int_equal(unwind_file_state(other), UNWIND_FILE_READY);
	for (uint64_t offset = 0; offset < 1 << 20; offset += 4096) {
		struct mapping at = { .start = 0x10000, .end = 0x11000, .offset = offset };

		if (!unwind_file_place(one, &at, &a))
			continue;
		assert_true(unwind_file_place(other, &at, &b));
		assert_memory_equal(&a, &b, sizeof(a));
		assert_int_not_equal(a.page, c.page);
		return;
	}
	fail();
}

/* Small ones go several at a time. */
static void test_together(void **state)
{
	struct fixture *f = *state;
	struct unwind_file *files[6];
	char path[6][64];

	for (int i = 0; i < 6; i++)
		assert_int_equal(unwind_tables_get(f->tables, f->p, map_copy(f, "/bin/sh", path[i]),
						   0, &files[i]),
				 0);
	assert_true(unwind_tables_build_next(f->tables, 9));
	assert_false(unwind_tables_build_next(f->tables, 9));
	for (int i = 0; i < 6; i++) {
		assert_int_equal(unwind_file_state(files[i]), UNWIND_FILE_READY);
		unlink(path[i]);
	}
	assert_int_equal(unwind_tables_counts(f->tables).built, 6);
}

/* What nobody uses is kept for a while, then its room is free and it is built anew. */
static void test_reap(void **state)
{
	struct fixture *f = *state;
	const struct mapping *libc = code_at(f, (uintptr_t)getppid);
	struct unwind_file *file;
	uint64_t now = 1000;
	assert_int_equal(unwind_tables_get(f->tables, f->p, libc, 0, &file), 0);
	assert_true(unwind_tables_build_next(f->tables, 9));
	assert_int_equal(f->memory->open, 1);
	unwind_file_put(file, now);
	unwind_tables_reap(f->tables, now + UNWIND_UNUSED_KEPT - 1);
	assert_int_equal(unwind_tables_get(f->tables, f->p, libc, 0, &file), 0);
	assert_int_equal(unwind_file_state(file), UNWIND_FILE_READY);
	unwind_file_put(file, now);
	now += UNWIND_UNUSED_KEPT;
	unwind_tables_reap(f->tables, now);
	assert_int_equal(f->memory->open, 1);
	unwind_tables_reap(f->tables, now + UNWIND_GRACE);
	assert_int_equal(f->memory->open, 0);
	assert_int_equal(unwind_tables_get(f->tables, f->p, libc, 0, &file), 0);
	assert_int_equal(unwind_file_state(file), UNWIND_FILE_WAITS);
}

/* One that nobody needs before it is built is let go at once. */
static void test_reap_waiting(void **state)
{
	struct fixture *f = *state;
	const struct mapping *libc = code_at(f, (uintptr_t)getppid);
	struct unwind_file *file;
	int before = dup(0), after;

	close(before);
	assert_int_equal(unwind_tables_get(f->tables, f->p, libc, 0, &file), 0);
	unwind_file_put(file, 1000);
	unwind_tables_reap(f->tables, 1001);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	assert_false(unwind_tables_build_next(f->tables, UINT_MAX));
}

/* A file that is no ELF file, and one for which there is no room: by frame pointer, and counted. */
static void test_none(void **state)
{
	struct fixture *f = *state;
	struct unwind_file *file;
	const struct mapping *m;
	char path[64];
	m = map_copy(f, "/etc/passwd", path);
	unlink(path);
	assert_int_equal(unwind_tables_get(f->tables, f->p, m, 0, &file), 0);
	assert_true(unwind_tables_build_next(f->tables, 9));
	assert_int_equal(unwind_file_state(file), UNWIND_FILE_NONE);
	m = code_at(f, (uintptr_t)getppid);
	assert_int_equal(unwind_tables_get(f->tables, f->p, m, 0, &file), 0);
	assert_true(unwind_tables_build_next(f->tables, 9));
	assert_int_equal(unwind_file_state(file), UNWIND_FILE_NONE);
	assert_int_equal(unwind_tables_counts(f->tables).failed, 1);
	assert_int_equal(unwind_tables_counts(f->tables).without_room, 1);
	assert_false(unwind_tables_build_next(f->tables, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_build, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_together, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reap_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup_without_room, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
