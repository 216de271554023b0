/* test_late_lines.c: stacks whose lines come after their names, on the debug information of this
 * program itself: told once, when all of a stack is known, or at the end as they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/late_lines.h"

#define SOON (now_ns() + 60000000000ULL)

enum { HERE_LINE = __LINE__ + 7 };

/* The address of the last byte of one of its own instructions. */
static inline __attribute__((always_inline)) uint64_t here(void)
{
	uint64_t next;

	asm volatile("lea 0(%%rip), %0" : "=r"(next));
	return next - 1;
}

__attribute__((noinline)) static uint64_t calls_here(void)
{
	return here();
}

struct bench {
	struct native_names *names;
	struct native_lines *lines;
	struct late_lines *late;
	struct process *p;
	uint64_t inside;
	struct native_place place;
	struct str told; /* the last payload */
	int n_told;
};

static void bench_open(struct bench *b)
{
	*b = (struct bench){ .inside = calls_here() };
	assert_int_equal(native_names_new(&b->names), 0);
	assert_int_equal(native_lines_new(b->names, &b->lines), 0);
	assert_int_equal(late_lines_new(b->lines, &b->late), 0);
	assert_int_equal(process_open("/proc", getpid(), &b->p), 0);
	b->place = native_lines_place(b->lines, b->p, process_map(b->p, b->inside), b->inside);
	assert_non_null(b->place.symbols);
}

static void bench_close(struct bench *b)
{
	str_release(&b->told);
	process_close(b->p);
	late_lines_free(b->late);
	late_lines_free(NULL);
	native_lines_free(b->lines);
	native_names_free(b->names);
}

static int tell(void *ctx, const struct str *payload)
{
	struct bench *b = ctx;

	str_clear(&b->told);
	b->n_told++;
	return str_add_mem(&b->told, payload->text, payload->len);
}

static void ask(struct bench *b)
{
	native_lines_begin(b->lines, b->p, &b->inside, 1, true);
}

/* A stack of one frame whose lines come later. */
static void add_stack(struct bench *b, uint64_t hash, size_t inlined_max, enum lines_state state)
{
	struct late_frame f = {
		.place = b->place, .frame = 5, .flags = FRAME_GUESSED, .nameless = true
	};

	late_lines_begin(b->late);
	late_lines_add(b->late, &f, state);
	late_lines_end(b->late, hash, 0, inlined_max);
}

static void assert_head(struct chunk_cursor *c, const struct bench *b, uint64_t hash,
			uint32_t flags, uint32_t n)
{
	struct chunk chunk = { .payload = b->told.text, .len = (uint32_t)b->told.len };

	chunk_cursor_init(c, &chunk);
	assert_int_equal(chunk_get_u64(c), hash);
	assert_int_equal(chunk_get_u32(c), flags);
	assert_int_equal(chunk_get_u32(c), n);
}

static void assert_place(struct chunk_cursor *c, uint32_t flags, uint32_t line, const char *fn)
{
	uint32_t len;
	const char *text;

	assert_int_equal(chunk_get_u32(c), flags);
	if (line)
		assert_int_equal(chunk_get_u32(c), line);
	else
		assert_true(chunk_get_u32(c) > HERE_LINE);
	text = chunk_get_str(c, &len);
	assert_int_equal(len, strlen(fn));
	assert_memory_equal(text, fn, len);
	chunk_get_str(c, &len);
	assert_true(len > strlen("/test_late_lines.c"));
}

/* Told when the answer came and not before, once, with what was inlined there. */
static void test_told_once(void **state)
{
	struct bench b;
	struct chunk_cursor c;

	(void)state;
	bench_open(&b);
	ask(&b);
	add_stack(&b, 7, 16, LINES_LATER);
	lines_wait(native_lines_source(b.lines), SOON);
	assert_int_equal(late_lines_put(b.late, false, tell, &b), 0);
	assert_int_equal(b.n_told, 1);
	assert_head(&c, &b, 7, 0, 1);
	assert_int_equal(chunk_get_u32(&c), 5);
	assert_int_equal(chunk_get_u32(&c), 2);
	assert_place(&c, FRAME_INLINED | FRAME_GUESSED, HERE_LINE, "here");
	assert_place(&c, 0, 0, "calls_here");
	assert_false(c.bad);
	assert_ptr_equal(c.at, c.end);
	assert_int_equal(late_lines_put(b.late, true, tell, &b), 0);
	assert_int_equal(b.n_told, 1);
	bench_close(&b);
}

/* All of the functions that were inlined in a frame find room, or none. */
static void test_no_room(void **state)
{
	struct bench b;
	struct chunk_cursor c;

	(void)state;
	bench_open(&b);
	ask(&b);
	add_stack(&b, 7, 0, LINES_LATER);
	lines_wait(native_lines_source(b.lines), SOON);
	assert_int_equal(late_lines_put(b.late, false, tell, &b), 0);
	assert_head(&c, &b, 7, 0, 1);
	assert_int_equal(chunk_get_u32(&c), 5);
	assert_int_equal(chunk_get_u32(&c), 1);
	assert_place(&c, 0, 0, "calls_here");
	assert_ptr_equal(c.at, c.end);
	bench_close(&b);
}

static void signal_children(int signal)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/children", syscall(SYS_gettid));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fscanf(f, "%d", &pid) == 1)
		kill(pid, signal);
	fclose(f);
}

/* What is not answered is kept, and at the end told to be missing; so is what was lost before. */
static void test_lost(void **state)
{
	uint64_t other = (uintptr_t)bench_open;
	struct bench b;
	struct chunk_cursor c;

	(void)state;
	bench_open(&b);
	native_lines_begin(b.lines, b.p, &other, 1, true); /* this one is answered */
	lines_wait(native_lines_source(b.lines), SOON);
	signal_children(SIGSTOP);
	ask(&b);
	add_stack(&b, 7, 16, LINES_LATER);
	assert_int_equal(late_lines_put(b.late, false, tell, &b), 0);
	assert_int_equal(b.n_told, 0);
	assert_int_equal(late_lines_put(b.late, true, tell, &b), 0);
	assert_int_equal(b.n_told, 1);
	assert_head(&c, &b, 7, STACK_LINES_LOST, 0);
	assert_ptr_equal(c.at, c.end);
	add_stack(&b, 9, 16, LINES_LOST);
	assert_int_equal(late_lines_put(b.late, true, tell, &b), 0);
	assert_int_equal(b.n_told, 2);
	assert_head(&c, &b, 9, STACK_LINES_LOST, 0);
	bench_close(&b);
}

/* A stack that lacks nothing is not told, nor one about which nothing is known in the end. */
static void test_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	late_lines_begin(b.late);
	late_lines_end(b.late, 7, 0, 16);
	b.place.address = 1;
	lines_fetch(native_lines_source(b.lines), b.place.symbols, &b.place.address, 1);
	lines_wait(native_lines_source(b.lines), SOON);
	add_stack(&b, 9, 16, LINES_LATER);
	assert_int_equal(late_lines_put(b.late, true, tell, &b), 0);
	assert_int_equal(b.n_told, 0);
	bench_close(&b);
}

static int refuse(void *ctx, const struct str *payload)
{
	int *left = ctx;

	(void)payload;
	return (*left)-- ? 0 : -28;
}

/* Where there is no room for one of them the others stay, and frames are bounded over all. */
static void test_refused(void **state)
{
	struct late_frame f = { .frame = 0 };
	struct bench b;
	int left = 1;
	size_t i;

	(void)state;
	bench_open(&b);
	f.place = b.place;
	for (i = 1; i <= 3; i++)
		add_stack(&b, i, 16, LINES_LOST);
	assert_int_equal(late_lines_put(b.late, true, refuse, &left), -28);
	assert_int_equal(late_lines_put(b.late, true, tell, &b), 0);
	assert_int_equal(b.n_told, 1);
	late_lines_begin(b.late);
	for (i = 0; i < 100003; i++)
		late_lines_add(b.late, &f, LINES_LATER);
	late_lines_end(b.late, 7, 0, 16);
	assert_int_equal(late_lines_put(b.late, true, tell, &b), 0);
	assert_int_equal(b.n_told, 2);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_once), cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_lost),	  cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
