/* test_children.c: Node's waits for a child, which the kernel sees as waits on an epoll file. */
#include "build.h"

static const struct chunk_frame spawn[] = {
	{ .kind = FRAME_NATIVE, .fn = "uv__io_poll", .file = "", .module = "node" },
	{ .kind = FRAME_JS,
	  .flags = FRAME_LIBRARY,
	  .fn = "spawnSync",
	  .file = "node:internal/child_process",
	  .module = "" },
	{ .kind = FRAME_JS, .fn = "convert", .file = "app.js", .module = "" },
};

/* The stall's one part, a wait on an epoll file in that stack, ended by that waker. */
static struct target target_of(struct bench *b, const struct chunk_frame *frames, size_t n,
			       uint32_t waker)
{
	struct event_stall e = a_stall(1, 3, 230 * MS);
	struct stall_part *p = add_part(&e, CLASS_SYSCALL, 230 * MS, 7);

	p->target.kind = TARGET_EPOLL;
	p->target.fd = 19;
	p->owner = (struct wait_owner){ .role = OWNER_WAKER, .tid = waker, .tgid = waker };
	strcpy(p->owner.comm, "convert");
	give_stack(b, 7, 0, frames, n);
	give_stall(b, &e);
	return b->last->parts[0].target;
}

/* Whoever woke the thread is the child. */
TEST(test_child)
{
	struct target t;

	BENCH(b);
	t = target_of(&b, spawn, 3, 4711);
	assert_int_equal(t.kind, TARGET_CHILD);
	assert_int_equal(t.pid, 4711);
	assert_string_equal(t.comm, "convert");
	assert_string_equal(t.group, "child convert");
	bench_close(&b);
}

/* Without a waker it is a child all the same, whose name is not known. */
TEST(test_unknown_child)
{
	struct target t;

	BENCH(b);
	t = target_of(&b, spawn, 3, 0);
	assert_int_equal(t.kind, TARGET_CHILD);
	assert_string_equal(t.comm, "");
	bench_close(&b);
}

/* Other waits, and functions of the user's own of that name, stay what they are. */
TEST(test_others)
{
	struct chunk_frame own = spawn[1];

	BENCH(b);
	own.file = "lib/child_process.js";
	assert_int_equal(target_of(&b, &own, 1, 4711).kind, TARGET_EPOLL);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_unknown_child),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
