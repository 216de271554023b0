/* test_locks.c: what a thread waits in, by the frames of the standard library. */
#include "build.h"

#define LIBRARY "/usr/lib/python3.11/"
#define MOST	6

struct lock_case {
	const char *name;     /* expected */
	const char *at[MOST]; /* innermost first: "file fn", own code without a slash */
};

static const struct lock_case cases[] = {
	{ "threading.Condition.wait", { "/threading.py Condition.wait", "app.py take" } },
	{ "threading.Condition.wait_for",
	  { "/threading.py Condition.wait", "/threading.py Condition.wait_for", "app.py take" } },
	{ "threading.Event.wait",
	  { "/threading.py Condition.wait", "/threading.py Event.wait", "app.py take" } },
	{ "threading.Semaphore.acquire",
	  { "/threading.py Condition.wait", "/threading.py Semaphore.acquire", "app.py take" } },
	{ "threading.Barrier.wait",
	  { "/threading.py Condition.wait", "/threading.py Condition.wait_for",
	    "/threading.py Barrier._wait", "/threading.py Barrier.wait", "app.py take" } },
	{ "threading.Thread.join",
	  { "/threading.py Thread._wait_for_tstate_lock", "/threading.py Thread.join",
	    "app.py take" } },
	{ "threading.Thread.join", { "/threading.py Thread.join", "app.py take" } },
	{ "queue.Queue.get",
	  { "/threading.py Condition.wait", "/queue.py Queue.get", "app.py f" } },
	{ "concurrent.futures.Future.result",
	  { "/threading.py Condition.wait", "/concurrent/futures/_base.py Future.result",
	    "app.py f" } },
	{ "concurrent.futures.wait",
	  { "/threading.py Condition.wait", "/threading.py Event.wait",
	    "/concurrent/futures/_base.py wait", "app.py f" } },
	{ "queue.SimpleQueue.get",
	  { "/concurrent/futures/thread.py _worker", "/threading.py Thread.run" } },
	/* before 3.11: no qualified names */
	{ "threading.Condition.wait", { "/threading.py wait", "app.py wait" } },
	{ "threading.Event.wait", { "/threading.py wait", "/threading.py wait", "app.py f" } },
	{ "threading.Semaphore.acquire",
	  { "/threading.py wait", "/threading.py acquire", "a.py f" } },
	{ "threading.Barrier.wait",
	  { "/threading.py wait", "/threading.py wait_for", "/threading.py _wait",
	    "/threading.py wait", "a.py f" } },
	{ "queue.Queue.put", { "/threading.py wait", "/queue.py put", "a.py f" } },
	/* the user's own, or nothing that tells */
	{ "", { "app.py take" } },
	{ "", { "/threading.py Condition.__enter__", "/queue.py Queue.put", "app.py f" } },
	{ "", { "/threading.py Own.wait", "app.py f" } },
	{ "", { "/notthreading.py Condition.wait" } },
	{ "", { NULL } },
};

static struct stack stack_of(const struct lock_case *c, struct frame *frames, char texts[][100])
{
	struct stack stack = { .frames = frames };

	for (; stack.n_frames < MOST && c->at[stack.n_frames]; stack.n_frames++) {
		const char *at = c->at[stack.n_frames], *space = strchr(at, ' ');
		bool library = at[0] == '/';
		char *text = texts[stack.n_frames];

		snprintf(text, 100, "%s%.*s", library ? "/usr/lib/python3.11" : "/srv/",
			 (int)(space - at), at);
		frames[stack.n_frames] = (struct frame){
			.kind = FRAME_PYTHON, .library = library, .fn = space + 1, .file = text
		};
	}
	return stack;
}

/* Every row of the table and what only looks like one. */
TEST(test_names)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char texts[MOST][100];
		struct frame frames[MOST];
		struct stack stack = stack_of(&cases[i], frames, texts);

		assert_string_equal(lock_name(&stack), cases[i].name);
	}
}

/* Code of the user's own in a file of that name is no part of the library. */
TEST(test_own_queue)
{
	struct frame f = { .kind = FRAME_PYTHON,
			   .fn = "Condition.wait",
			   .file = "/srv/threading.py" };
	struct stack stack = { .n_frames = 1, .frames = &f };

	(void)state;
	assert_string_equal(lock_name(&stack), "");
	f.library = true;
	assert_string_equal(lock_name(&stack), "threading.Condition.wait");
}

/* In a native program libc's function tells, by any of its inner names; not the user's own. */
TEST(test_native)
{
	static const char *const names[][2] = {
		{ "pthread_mutex_lock", "pthread_mutex_lock" },
		{ "___pthread_cond_wait", "pthread_cond_wait" },
		{ "pthread_cond_wait@@GLIBC_2.3.2", "pthread_cond_wait" },
		{ "__pthread_rwlock_rdlock_full64", "pthread_rwlock_rdlock" },
		{ "__new_sem_wait_slow64.constprop.0", "sem_wait" },
		{ "__pthread_clockjoin_ex", "pthread_join" },
		{ "pthread_mutex_locked", "" },
		{ "my_pthread_mutex_lock", "" },
		{ "syscall", "" },
	};
	struct frame f[] = { { .kind = FRAME_KERNEL, .fn = "futex_wait" },
			     { .kind = FRAME_NATIVE, .library = true, .fn = "lll_lock_wait" },
			     { .kind = FRAME_NATIVE, .library = true },
			     { .kind = FRAME_NATIVE, .fn = "pthread_join" } };
	struct stack stack = { .n_frames = 4, .frames = f };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		f[2].fn = names[i][0];
		assert_string_equal(lock_name(&stack), names[i][1]);
	}
	f[1].fn = "__pthread_mutex_cond_lock";
	f[2].fn = "pthread_cond_wait";
	assert_string_equal(lock_name(&stack), "pthread_cond_wait");
	stack.flags = STACK_PYTHON_LOST;
	assert_string_equal(lock_name(&stack), "");
}

/* Only waits for a lock, and only futexes, get the name; the address stays. */
TEST(test_targets)
{
	static const struct chunk_frame wait = { .kind = FRAME_PYTHON,
						 .flags = FRAME_LIBRARY,
						 .fn = "Condition.wait",
						 .module = "",
						 .file = LIBRARY "threading.py" };
	struct event_stall e = a_stall(1, 3, 420 * MS);

	BENCH(b);
	give_stack(&b, 7, 0, &wait, 1);
	for (int i = 0; i < 3; i++) {
		struct stall_part *p = add_part(&e, i == 1 ? CLASS_GIL : CLASS_LOCK, (100 + i) * MS,
						7);

		p->target.kind = i == 2 ? TARGET_PIPE : TARGET_FUTEX;
		p->target.value = 0x7f10;
	}
	give_stall(&b, &e);
	assert_string_equal(b.last->parts[1].target.group, "threading.Condition.wait");
	assert_int_equal(b.last->parts[1].target.address, 0x7f10);
	assert_string_equal(b.last->parts[2].target.group, "futex");
	assert_string_equal(b.last->parts[3].target.group, "pipe");
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_own_queue),
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
