/* test_stack_lines.c: lines that come after the names of a stack, and what they change. */
#include "build.h"

/* A stack of native frames, the third of which has no name. */
static const struct chunk_frame native[] = {
	{ FRAME_KERNEL, 0, 0, 0, "schedule", "", "" },
	{ FRAME_NATIVE, FRAME_LIBRARY, 0, 0x10, "read", "/lib/libc.so.6", "libc.so.6" },
	{ FRAME_NATIVE, 0, 0, 0x20, "handle", "/srv/shop", "shop" },
	{ FRAME_NATIVE, 0, 0, 0x30, "", "/srv/shop", "shop" },
};

#define N_NATIVE (sizeof(native) / sizeof(native[0]))

static void put_place(struct bench *b, uint32_t flags, uint32_t line, const char *fn,
		      const char *file)
{
	put_u32(b, flags);
	put_u32(b, line);
	put_str(b, fn);
	put_str(b, file);
}

static void put_head(struct bench *b, uint64_t hash, uint32_t flags, uint32_t n)
{
	put_u64(b, hash);
	put_u32(b, flags);
	put_u32(b, n);
}

/* Of "handle" its line and one function that was inlined there. */
static void put_handle(struct bench *b)
{
	put_u32(b, 1);
	put_u32(b, 2);
	put_place(b, FRAME_INLINED | FRAME_LIBRARY, 41, "std::sort", "");
	put_place(b, 0, 12, "handle_as_dwarf_says", "shop.c");
}

static void give_lines(struct bench *b, uint64_t hash)
{
	put_head(b, hash, 0, 2);
	put_handle(b);
	put_u32(b, 2);
	put_u32(b, 1);
	put_place(b, FRAME_LIBRARY, 7, "main", "main.c");
	give(b, CHUNK_STACK_LINES);
}

static void assert_frame(const struct frame *f, const char *fn, const char *file, uint32_t line)
{
	assert_string_equal(f->fn, fn);
	assert_string_equal(f->file, file);
	assert_int_equal(f->line, line);
}

/* A frame that has a name keeps it, one that has none gets it, and inlined functions become frames
 * of the same module. */
TEST(test_lines)
{
	const struct frame *f;
	const struct profile *p;

	BENCH(b);
	give_stack(&b, 7, 0, native, N_NATIVE);
	give_lines(&b, 7);
	p = seal(&b);
	assert_int_equal(p->stacks[0].n_frames, 5);
	f = p->stacks[0].frames;
	assert_frame(&f[1], "read", "/lib/libc.so.6", 0);
	assert_frame(&f[2], "std::sort", "/srv/shop", 41);
	assert_true(f[2].inlined && f[2].library && f[2].kind == FRAME_NATIVE);
	assert_string_equal(f[2].module, "shop");
	assert_int_equal(f[2].offset, 0);
	assert_frame(&f[3], "handle", "shop.c", 12);
	assert_true(!f[3].inlined && !f[3].library);
	assert_int_equal(f[3].offset, 0x20);
	assert_frame(&f[4], "main", "main.c", 7);
	assert_true(f[4].library);
	assert_int_equal(p->n_lost, 0);
	bench_close(&b);
}

/* A stack that nobody named, or that got lines already, stays as it is; so do frames that have
 * lines from elsewhere, and what was inlined there is not shown twice. */
TEST(test_first_stay)
{
	static const struct chunk_frame lined[] = {
		{ FRAME_NATIVE, 0, 3, 0x10, "read", "read.c", "shop" },
		{ FRAME_NATIVE, FRAME_INLINED, 5, 0, "inner", "shop.c", "shop" },
		{ FRAME_NATIVE, 0, 0, 0x20, "handle", "/srv/shop", "shop" },
		{ FRAME_PYTHON, FRAME_COROUTINE, 9, 0, "view", "app.py", "" },
		{ FRAME_NATIVE, 0, 0, 0x30, "", "/srv/shop", "shop" },
	};
	const struct profile *p;

	BENCH(b);
	give_lines(&b, 7);
	give_stack(&b, 7, 0, lined, 5);
	give_lines(&b, 7);
	put_head(&b, 7, 0, 1);
	put_handle(&b);
	give(&b, CHUNK_STACK_LINES);
	give_lines(&b, 8);
	give_stack(&b, 9, 0, native, N_NATIVE);
	for (uint32_t frame = 2; frame; frame--) {
		put_head(&b, 9, 0, 1);
		put_u32(&b, frame);
		put_u32(&b, 1);
		put_place(&b, 0, 7, "main", "main.c");
		give(&b, CHUNK_STACK_LINES);
	}
	p = seal(&b);
	assert_int_equal(p->n_stacks, 2);
	assert_int_equal(p->stacks[0].n_frames, 5);
	assert_frame(&p->stacks[0].frames[1], "inner", "shop.c", 5);
	assert_frame(&p->stacks[0].frames[2], "handle", "/srv/shop", 0);
	assert_frame(&p->stacks[0].frames[4], "main", "main.c", 7);
	assert_frame(&p->stacks[1].frames[2], "handle", "/srv/shop", 0);
	assert_frame(&p->stacks[1].frames[3], "main", "main.c", 7);
	assert_int_equal(p->n_lost, 0);
	bench_close(&b);
}

static void give_stall_at(struct bench *b, uint64_t iteration, uint64_t stack)
{
	struct event_stall e = a_stall(1, iteration, 200 * MS);

	add_part(&e, CLASS_SYSCALL, 200 * MS, stack)->syscall = NR_READ;
	give_stall(b, &e);
}

/* Stalls that were told before say at the end what is known then, where the row and the key follow,
 * as if it had been known from the start. */
TEST(test_stalls_before)
{
	const struct profile *p;
	char key[20];

	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	give_kind(&b, 1, "unknown", 1);
	give_stack(&b, 7, 0, native, N_NATIVE);
	give_stall_at(&b, 1, 7);
	assert_int_equal(b.handed, 1);
	assert_int_equal(b.last->at->line, 0);
	strcpy(key, b.last->key);
	give_lines(&b, 7);
	give_stall_at(&b, 3, 7);
	assert_int_equal(b.handed, 2);
	assert_int_equal(b.last->at->line, 12);
	assert_string_not_equal(b.last->key, key);
	p = seal(&b);
	assert_int_equal(p->n_stalls, 2);
	for (int i = 0; i < 2; i++) {
		assert_frame(p->stalls[i].at, "handle", "shop.c", 12);
		assert_string_equal(p->stalls[i].key, p->stalls[0].key);
	}
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].count, 2);
	assert_frame(p->rows[0].at, "handle", "shop.c", 12);
	assert_string_equal(p->rows[0].key, p->stalls[0].key);
	bench_close(&b);
}

/* A stall of a loop that is confirmed later is handed out with what is known by then. */
TEST(test_withheld)
{
	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	give_kind(&b, 1, "", 0);
	give_stack(&b, 7, 0, native, N_NATIVE);
	give_stall_at(&b, 1, 7);
	assert_int_equal(b.handed, 0);
	give_lines(&b, 7);
	give_kind(&b, 1, "unknown", 1);
	assert_int_equal(b.handed, 1);
	assert_frame(b.last->at, "handle", "shop.c", 12);
	bench_close(&b);
}

/* The frame of a coroutine is still the one after others came before it. */
TEST(test_coroutine)
{
	static const struct chunk_frame frames[] = {
		{ FRAME_NATIVE, 0, 0, 0x10, "read", "/srv/shop", "shop" },
		{ FRAME_NATIVE, 0, 0, 0x20, "handle", "/srv/shop", "shop" },
		{ FRAME_PYTHON, FRAME_COROUTINE, 9, 0, "view", "app.py", "" },
	};
	const struct profile *p;

	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	give_kind(&b, 1, "asyncio", 1);
	give_stack(&b, 7, STACK_PYTHON, frames, 3);
	put_head(&b, 7, 0, 1);
	put_handle(&b);
	give(&b, CHUNK_STACK_LINES);
	give_stall_at(&b, 1, 7);
	p = seal(&b);
	assert_int_equal(p->n_stalls, 1);
	assert_int_equal(p->stacks[0].n_frames, 4);
	assert_string_equal(p->stalls[0].coro, "view");
	bench_close(&b);
}

/* Stacks whose lines were not found in time are counted, those that nothing is told of are not. */
TEST(test_not_in_time)
{
	const struct profile *p;

	BENCH(b);
	give_loop(&b, 1, HOME_EPOLL);
	give_kind(&b, 1, "unknown", 1);
	for (uint64_t hash = 7; hash < 10; hash++) {
		give_stack(&b, hash, 0, native, N_NATIVE);
		put_head(&b, hash, STACK_LINES_LOST, 1);
		put_handle(&b);
		give(&b, CHUNK_STACK_LINES);
	}
	give_stall_at(&b, 1, 7);
	p = seal(&b);
	assert_int_equal(p->unlined_stacks, 1);
	assert_frame(p->stalls[0].at, "handle", "shop.c", 12);
	bench_close(&b);
}

/* Counts, order and lengths that cannot be: counted, and nothing is changed. */
TEST(test_hostile)
{
	const struct profile *p;
	uint64_t hash = 100;
	size_t whole;

	BENCH(b);
	give_stack(&b, 1, 0, native, N_NATIVE);
	put_head(&b, 1, 0, UINT32_MAX);
	give(&b, CHUNK_STACK_LINES); /* more frames than there are */
	for (uint32_t n = 0; n < 3; n++) {
		static const uint32_t counts[] = { 0, 65, UINT32_MAX };

		give_stack(&b, 2 + n, 0, native, N_NATIVE);
		put_head(&b, 2 + n, 0, 1);
		put_u32(&b, 1);
		put_u32(&b, counts[n]);
		for (int i = 0; i < 65; i++)
			put_place(&b, 0, 1, "f", "f.c");
		give(&b, CHUNK_STACK_LINES);
	}
	give_stack(&b, 5, 0, native, N_NATIVE);
	put_head(&b, 5, 0, 2);
	put_handle(&b);
	put_handle(&b); /* twice */
	give(&b, CHUNK_STACK_LINES);
	put_head(&b, 6, 0, 1);
	put_handle(&b);
	whole = b.payload.len;
	str_clear(&b.payload);
	for (size_t len = 8; len < whole; len++) { /* cut anywhere */
		give_stack(&b, ++hash, 0, native, N_NATIVE);
		put_head(&b, hash, 0, 1);
		put_handle(&b);
		b.payload.len = len;
		give(&b, CHUNK_STACK_LINES);
	}
	p = seal(&b);
	assert_int_equal(lost_count(p, "bad events"), 5 + whole - 8);
	for (size_t i = 0; i < p->n_stacks; i++) {
		assert_int_equal(p->stacks[i].n_frames, N_NATIVE);
		for (size_t k = 0; k < N_NATIVE; k++)
			assert_frame(&p->stacks[i].frames[k], native[k].fn, native[k].file, 0);
	}
	bench_close(&b);
}

/* Lines of a frame that is not there are left out, without harm to the others. */
TEST(test_no_such_frame)
{
	const struct profile *p;

	BENCH(b);
	give_stack(&b, 7, 0, native, N_NATIVE);
	put_head(&b, 7, 0, 2);
	put_handle(&b);
	put_u32(&b, UINT32_MAX);
	put_u32(&b, 1);
	put_place(&b, 0, 3, "nowhere", "n.c");
	give(&b, CHUNK_STACK_LINES);
	p = seal(&b);
	assert_int_equal(p->stacks[0].n_frames, 5);
	assert_frame(&p->stacks[0].frames[3], "handle", "shop.c", 12);
	assert_frame(&p->stacks[0].frames[4], "", "/srv/shop", 0);
	assert_int_equal(p->n_lost, 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	      cmocka_unit_test(test_first_stay),
		cmocka_unit_test(test_stalls_before), cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_coroutine),     cmocka_unit_test(test_not_in_time),
		cmocka_unit_test(test_hostile),	      cmocka_unit_test(test_no_such_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
