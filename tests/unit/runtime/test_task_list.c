/* test_task_list.c: the bytes of a task list are those that its header promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recording/chunk.h"
#include "runtime/task_list.h"

static void expect_text(struct chunk_cursor *c, const char *text)
{
	uint32_t len;
	const char *bytes = chunk_get_str(c, &len);

	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
}

static void expect_head(struct chunk_cursor *c)
{
	assert_int_equal(chunk_get_u64(c), 1);
	assert_int_equal(chunk_get_u32(c), 2);
	assert_int_equal(chunk_get_u64(c), 3);
	assert_int_equal(chunk_get_u32(c), 4);
	expect_text(c, "asyncio");
	for (uint64_t i = 5; i <= 8; i++)
		assert_int_equal(chunk_get_u64(c), i);
}

static void expect_task(struct chunk_cursor *c)
{
	expect_text(c, "Task-1");
	expect_text(c, "main");
	assert_int_equal(chunk_get_u32(c), TASK_STATE_READY);
	assert_int_equal(chunk_get_u32(c), 1);
	assert_int_equal(chunk_get_u64(c), 0xa0);
	assert_int_equal(chunk_get_u32(c), 1);
	assert_int_equal(chunk_get_u32(c), AWAIT_DATA_FRAME);
	assert_int_equal(chunk_get_u32(c), 1);
	expect_text(c, "f");
	expect_text(c, "app.py");
	assert_int_equal(chunk_get_u32(c), 41);
	assert_int_equal(chunk_get_u64(c), 0xb0);
	assert_int_equal(chunk_get_u32(c), 2);
	assert_int_equal(chunk_get_u64(c), 0xc0);
	assert_int_equal(chunk_get_u64(c), 0xc1);
}

static void payload_is_as_promised(void **state)
{
	struct task_list_data list = { 1, 2, 4, 3, "asyncio", 5, 6, 7, 8, { 0 }, { 0 } };
	struct task_data task = { .name = "Task-1",
				  .coro = "main",
				  .state = TASK_STATE_READY,
				  .truncated = true,
				  .address = 0xa0 };
	struct lock_data lock = { .type = "Lock", .address = 0xd0, .owner = 0xa0 };
	struct str payload = { 0 };
	struct chunk_cursor c;
	struct chunk chunk;

	(void)state;
	assert_int_equal(vec_add(&task.awaits, { AWAIT_DATA_FRAME, true, "f", "app.py", 41, 0xb0 }),
			 0);
	assert_int_equal(vec_add(&task.awaited_by, 0xc0), 0);
	assert_int_equal(vec_add(&task.awaited_by, 0xc1), 0);
	assert_int_equal(vec_add(&lock.waiters, 0xe0), 0);
	assert_int_equal(vec_add(&list.tasks, task), 0);
	assert_int_equal(vec_add(&list.locks, lock), 0);
	assert_int_equal(task_list_write(&list, &payload), 0);
	chunk = (struct chunk){ CHUNK_TASKS, (uint32_t)payload.len, payload.text };
	chunk_cursor_init(&c, &chunk);
	expect_head(&c);
	assert_int_equal(chunk_get_u32(&c), 1);
	expect_task(&c);
	assert_int_equal(chunk_get_u32(&c), 1);
	expect_text(&c, "Lock");
	assert_int_equal(chunk_get_u64(&c), 0xd0);
	assert_int_equal(chunk_get_u64(&c), 0xa0);
	assert_int_equal(chunk_get_u32(&c), 1);
	assert_int_equal(chunk_get_u64(&c), 0xe0);
	assert_false(c.bad);
	assert_ptr_equal(c.at, c.end);
	str_release(&payload);
	task_list_release(&list);
	assert_int_equal(list.tasks.count + list.locks.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_is_as_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
