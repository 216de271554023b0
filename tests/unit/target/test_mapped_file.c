/* test_mapped_file.c: which mappings show the same file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/mapped_file.h"

static const struct mapping *vdso_of(const struct process *p)
{
	for (size_t i = 0; i < p->maps.list.count; i++)
		if (mapping_is_vdso(&p->maps.list.items[i]))
			return &p->maps.list.items[i];
	return NULL;
}

/* One file is itself again, another is not, and memory without a file has none. */
static void test_identity(void **state)
{
	struct file_identity mine, again, other;
	struct process *p;
	int local = 0, fd;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	fd = mapped_file_open(p, process_map(p, (uintptr_t)test_identity), &mine);
	assert_true(fd >= 0);
	close(fd);
	fd = mapped_file_open(p, process_map(p, (uintptr_t)test_identity), &again);
	assert_true(fd >= 0);
	close(fd);
	fd = mapped_file_open(p, process_map(p, (uintptr_t)getppid), &other);
	assert_true(fd >= 0);
	close(fd);
	assert_true(file_identity_same(&mine, &again));
	assert_false(file_identity_same(&mine, &other));
	assert_int_equal(mapped_file_open(p, process_map(p, (uintptr_t)&local), &other), -ENOENT);
	process_close(p);
}

/* A file that is written anew in its place is another one, though its inode is the same. */
static void test_rewritten(void **state)
{
	char path[] = "/tmp/stallprof-test-XXXXXX", page[4096] = { 1 };
	struct file_identity before, after;
	const struct mapping *m;
	struct process *p;
	int file = mkstemp(path), fd;
	void *at;

	(void)state;
	assert_int_equal(write(file, page, sizeof(page)), sizeof(page));
	at = mmap(NULL, sizeof(page), PROT_READ, MAP_PRIVATE, file, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = process_map(p, (uintptr_t)at);
	fd = mapped_file_open(p, m, &before);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(write(file, page, 7), 7);
	fd = mapped_file_open(p, m, &after);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(before.ino, after.ino);
	assert_false(file_identity_same(&before, &after));
	process_close(p);
	munmap(at, sizeof(page));
	close(file);
	unlink(path);
}

/* The vdso is handed out as an ELF file, and is the same in every process that left it alone. */
static void test_vdso(void **state)
{
	struct file_identity mine, parents;
	struct process *p, *q;
	char magic[4];
	int fd;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(process_open("/proc", getppid(), &q), 0);
	if (vdso_of(p) && vdso_of(q)) {
		fd = mapped_file_open(p, vdso_of(p), &mine);
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, magic, sizeof(magic), 0), sizeof(magic));
		assert_memory_equal(magic, "\177ELF", sizeof(magic));
		close(fd);
		assert_int_equal(mine.dev, 0);
		fd = mapped_file_open(q, vdso_of(q), &parents);
		if (fd == -EPERM)
			print_message("SKIP the parent's memory is not ours to read\n");
		else
			assert_true(file_identity_same(&mine, &parents));
		if (fd >= 0)
			close(fd);
	} else {
		print_message("SKIP there is no vdso here\n");
	}
	process_close(q);
	process_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_vdso),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
