/* test_native_names.c: places in native code: named, or known by build id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/native_names.h"

__attribute__((noinline)) int names_marker(int n);

__attribute__((noinline)) int names_marker(int n)
{
	asm volatile("");
	return n * 3;
}

struct told {
	unsigned int count;
	uint32_t number, id_len;
	char path[512];
	int fail;
};

static int put(void *ctx, const struct str *payload)
{
	struct chunk chunk = { CHUNK_MODULE, (uint32_t)payload->len, payload->text };
	struct told *t = ctx;
	struct chunk_cursor c;
	const char *path;
	uint32_t len;

	if (t->fail)
		return t->fail;
	chunk_cursor_init(&c, &chunk);
	t->count++;
	t->number = chunk_get_u32(&c);
	chunk_get_str(&c, &t->id_len);
	path = chunk_get_str(&c, &len);
	snprintf(t->path, sizeof(t->path), "%.*s", (int)len, path);
	assert_false(c.bad);
	return 0;
}

static struct chunk_frame find(struct native_names *n, struct process *p, uint64_t inside,
			       uint64_t shown)
{
	struct chunk_frame f = { .kind = FRAME_NATIVE, .fn = "", .file = "", .module = "" };

	native_names_find(n, p, process_map(p, inside), inside, shown, &f);
	return f;
}

/* A function has its name; what lies before all functions has a build id, told once. */
static void test_frames(void **state)
{
	const uint64_t at = (uintptr_t)names_marker;
	struct told told = { .fail = -EPIPE };
	struct native_names *n;
	struct chunk_frame f;
	struct process *p;

	(void)state;
	assert_int_equal(native_names_new(&n), 0);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	f = find(n, p, at, at + 1);
	assert_string_equal(f.fn, "names_marker");
	assert_int_equal(f.module_number, 0);
	assert_int_equal(native_names_modules(n, put, &told), 0);
	f = find(n, p, process_map(p, at)->start, process_map(p, at)->start + 1);
	assert_string_equal(f.fn, "");
	assert_int_equal(f.module_number, 1);
	assert_int_equal(f.offset, f.address + 1);
	assert_int_equal(find(n, p, process_map(p, at)->start, 0).module_number, 1);
	/* what could not be told is told the next time */
	assert_int_equal(native_names_modules(n, put, &told), -EPIPE);
	told.fail = 0;
	assert_int_equal(native_names_modules(n, put, &told), 0);
	assert_int_equal(native_names_modules(n, put, &told), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.number, 1);
	assert_int_equal(told.id_len, 40);
	assert_string_equal(told.path, p->exe);
	process_close(p);
	native_names_free(n);
	native_names_free(NULL);
}

/* Memory that belongs to no file has neither name nor build id. */
static void test_anonymous(void **state)
{
	struct native_names *n;
	struct chunk_frame f;
	struct process *p;
	int local = 0;

	(void)state;
	assert_int_equal(native_names_new(&n), 0);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	f = find(n, p, (uintptr_t)&local, (uintptr_t)&local);
	assert_string_equal(f.fn, "");
	assert_int_equal(f.module_number, 0);
	assert_int_equal(f.offset, (uintptr_t)&local - process_map(p, (uintptr_t)&local)->start);
	process_close(p);
	native_names_free(n);
}

/* Code that no file holds is named by the process's own perf map, and only such code. */
static void test_made(void **state)
{
	const uint64_t local = (uintptr_t)names_marker;
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t at = (uintptr_t)code;
	struct native_names *n;
	struct chunk_frame f;
	struct process *p;
	char path[64];
	FILE *map;

	(void)state;
	assert_true(code != MAP_FAILED);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", p->ns_pid);
	map = fopen(path, "w");
	assert_non_null(map);
	fprintf(map, "%llx 10 JS:*made /x.js:7:3\n", (unsigned long long)at);
	fprintf(map, "%llx b py::f:/x.py\n", (unsigned long long)at + 64);
	fprintf(map, "%llx 10 not_this\n", (unsigned long long)local);
	fclose(map);
	assert_int_equal(native_names_new(&n), 0);
	f = find(n, p, at + 5, at + 5);
	assert_string_equal(f.fn, "made");
	assert_string_equal(f.file, "/x.js");
	assert_string_equal(f.module, "[jit]");
	assert_int_equal(f.line, 7);
	assert_int_equal(f.flags, FRAME_JIT);
	f = find(n, p, at + 16, at + 16);
	assert_string_equal(f.fn, "");
	assert_int_equal(f.offset, 16);
	assert_int_equal(f.flags, 0);
	assert_string_equal(find(n, p, local, local).fn, "names_marker");
	assert_true(native_names_made(n, p, process_map(p, at), at + 15));
	assert_false(native_names_made(n, p, process_map(p, at), at + 16));
	assert_false(native_names_made(n, p, process_map(p, local), local));
	assert_true(native_names_trampoline(n, p, process_map(p, at), at + 64));
	assert_false(native_names_trampoline(n, p, process_map(p, at), at));
	assert_false(native_names_trampoline(n, p, process_map(p, local), local));
	native_names_begin(n);
	assert_string_equal(find(n, p, at, at).fn, "made");
	unlink(path);
	munmap(code, 4096);
	process_close(p);
	native_names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
