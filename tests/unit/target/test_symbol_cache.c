/* test_symbol_cache.c: tables are built once per file, whoever maps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/symbols.h"

/* Every mapping of a file, and the same file in another process, share one table. */
static void test_shared(void **state)
{
	const struct symbols *mine, *other;
	struct process *p, *q;
	struct symbol_cache *c;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(symbol_cache_new(&c), 0);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_int_equal(process_open("/proc", pid, &q), 0);
	mine = symbol_cache_get(c, p, process_map(p, (uintptr_t)test_shared));
	assert_non_null(mine);
	assert_ptr_equal(symbol_cache_get(c, p, process_map(p, (uintptr_t)test_shared)), mine);
	other = symbol_cache_get(c, q, process_map(q, (uintptr_t)test_shared));
	assert_ptr_equal(other, mine);
	assert_ptr_not_equal(symbol_cache_get(c, p, process_map(p, (uintptr_t)getppid)), mine);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* the table outlives the process */
	assert_ptr_equal(symbol_cache_get(c, q, process_map(q, (uintptr_t)test_shared)), mine);
	process_close(q);
	process_close(p);
	symbol_cache_free(c);
	symbol_cache_free(NULL);
}

/* More processes than the list has rows: the last one has its names, too, and the first again. */
static void test_many_processes(void **state)
{
	const struct symbols *mine;
	const struct mapping *m;
	struct symbol_cache *c;
	struct process *p;
	int pid = getpid();

	(void)state;
	assert_int_equal(symbol_cache_new(&c), 0);
	assert_int_equal(process_open("/proc", pid, &p), 0);
	m = process_map(p, (uintptr_t)test_shared);
	mine = symbol_cache_get(c, p, m);
	assert_non_null(mine);
	for (p->pid = 1; p->pid <= 4201; p->pid++)
		assert_ptr_equal(symbol_cache_get(c, p, m), mine);
	p->pid = pid;
	assert_ptr_equal(symbol_cache_get(c, p, m), mine);
	process_close(p);
	symbol_cache_free(c);
}

/* Copies a file over another's content, whose inode stays. */
static void write_over(int to, const char *from)
{
	char buf[65536];
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(to, 0), 0);
	assert_int_equal(lseek(to, 0, SEEK_SET), 0);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, n), n);
	close(fd);
}

/* An inode that holds other content when the mappings are read anew names no code by the old. */
static void test_replaced(void **state)
{
	char path[] = "/tmp/stallprof-test-XXXXXX";
	const struct symbols *before;
	struct symbol_cache *c;
	struct process *p;
	int file = mkstemp(path);
	void *at;

	(void)state;
	write_over(file, "/proc/self/exe");
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(symbol_cache_new(&c), 0);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	before = symbol_cache_get(c, p, process_map(p, (uintptr_t)at));
	assert_non_null(before);
	write_over(file, "/bin/sh");
	assert_ptr_equal(symbol_cache_get(c, p, process_map(p, (uintptr_t)at)), before);
	assert_int_equal(process_refresh_maps(p), 0);
	assert_ptr_not_equal(symbol_cache_get(c, p, process_map(p, (uintptr_t)at)), before);
	process_close(p);
	symbol_cache_free(c);
	munmap(at, 4096);
	close(file);
	unlink(path);
}

/* Memory without a file has no table. */
static void test_anonymous(void **state)
{
	struct symbol_cache *c;
	struct process *p;
	int local = 0;

	(void)state;
	assert_int_equal(symbol_cache_new(&c), 0);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	assert_null(symbol_cache_get(c, p, process_map(p, (uintptr_t)&local)));
	process_close(p);
	symbol_cache_free(c);
}

/* The kernel's own library has names too, read from the process's memory. */
static void test_vdso(void **state)
{
	const struct symbols *s;
	struct symbol_cache *c;
	struct process *p;
	size_t i, seen = 0;

	(void)state;
	assert_int_equal(symbol_cache_new(&c), 0);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	for (i = 0; i < p->maps.list.count; i++) {
		const struct mapping *m = &p->maps.list.items[i];

		if (strcmp(m->path, "[vdso]") != 0)
			continue;
		s = symbol_cache_get(c, p, m);
		assert_non_null(s);
		assert_true(symbols_count(s) > 2);
		assert_ptr_equal(symbol_cache_get(c, p, m), s);
		seen++;
	}
	if (!seen)
		print_message("SKIP there is no vdso here\n");
	process_close(p);
	symbol_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared),	 cmocka_unit_test(test_many_processes),
		cmocka_unit_test(test_replaced), cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_vdso),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
