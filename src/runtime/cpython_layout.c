/* cpython_layout.c: see cpython_layout.h. */
#include "runtime/cpython_layout.h"

#include <errno.h>
#include <string.h>

#define OFFSET_MAX (1u << 20) /* PyInterpreterState has some hundred kilobytes */

static const struct cpython_layout rows[] = {
	{
		.minor = 8,
		.attrs = ATTRS_DICT,
		.tuple_items = 24,
		.function_code = 16,
		.interp_modules = 56,
		.state_dict = 152,
		.state_id = 256,
		.state_size = 264,
		.running = RUNNING_STATE_DICT,
		.future_state = 72,
		.task_waiter = 104,
		.task_coro = 112,
		.task_name = 120,
		.gen_frame = 16,
		.gen_name = 48,
		.gen_qualname = 56,
		.awaited = AWAITED_STACKTOP,
		.frame_locals = 360,
		.frame_stack = 72,
		.frame_of_generator = 96,
		.code_bytes = 48,
		.code_flags = 36,
		.code_varnames = 72,
	},
	{
		.minor = 9,
		.attrs = ATTRS_DICT,
		.tuple_items = 24,
		.function_code = 16,
		.interp_modules = 856,
		.state_dict = 152,
		.state_id = 256,
		.state_size = 264,
		.running = RUNNING_STATE_DICT,
		.future_state = 80,
		.task_waiter = 144,
		.task_coro = 152,
		.task_name = 160,
		.gen_frame = 16,
		.gen_name = 48,
		.gen_qualname = 56,
		.awaited = AWAITED_STACKTOP,
		.frame_locals = 360,
		.frame_stack = 72,
		.frame_of_generator = 96,
		.code_bytes = 48,
		.code_flags = 36,
		.code_varnames = 72,
	},
	{
		.minor = 10,
		.attrs = ATTRS_DICT,
		.tuple_items = 24,
		.function_code = 48,
		.interp_modules = 856,
		.state_dict = 152,
		.state_id = 256,
		.state_size = 280,
		.running = RUNNING_STATE_DICT,
		.future_state = 88,
		.task_waiter = 152,
		.task_coro = 160,
		.task_name = 168,
		.gen_frame = 16,
		.gen_name = 40,
		.gen_qualname = 48,
		.awaited = AWAITED_DEPTH,
		.frame_locals = 352,
		.frame_stack = 64,
		.frame_stack_depth = 80,
		.frame_of_generator = 88,
		.code_bytes = 48,
		.code_flags = 36,
		.code_varnames = 72,
	},
	{
		.minor = 11,
		.attrs = ATTRS_VALUES,
		.type_cached_keys = 872,
		.keys_compact = 1,
		.tuple_items = 24,
		.function_code = 48,
		.interp_modules = 888,
		.state_dict = 128,
		.state_id = 240,
		.state_size = 360,
		.running = RUNNING_STATE_DICT,
		.future_state = 88,
		.task_waiter = 128,
		.task_coro = 136,
		.task_name = 144,
		.gen_iframe = 80,
		.gen_name = 32,
		.gen_qualname = 40,
		.gen_state = 75,
		.gen_suspended = -1,
		.gen_awaiting = -1,
		.gen_running = 0,
		.gen_cleared = 4,
		.awaited = AWAITED_RESUME,
		.frame_locals = 72,
		.frame_stack = 64,
		.code_flags = 48,
		.code_varnames = 96,
	},
	{
		.minor = 12,
		.attrs = ATTRS_TAGGED,
		.type_cached_keys = 880,
		.keys_compact = 1,
		.tuple_items = 24,
		.int_tagged = 1,
		.function_code = 48,
		.interp_modules = 944,
		.state_dict = 112,
		.state_id = 224,
		.state_size = 288,
		.running = RUNNING_STATE_DICT,
		.future_state = 88,
		.task_waiter = 128,
		.task_coro = 136,
		.task_name = 144,
		.gen_iframe = 72,
		.gen_name = 24,
		.gen_qualname = 32,
		.gen_state = 67,
		.gen_suspended = -1,
		.gen_awaiting = -1,
		.gen_running = 0,
		.gen_cleared = 4,
		.awaited = AWAITED_RESUME,
		.frame_locals = 72,
		.frame_stack = 64,
		.code_flags = 48,
		.code_varnames = 96,
	},
	{
		.minor = 13,
		.attrs = ATTRS_INLINE,
		.type_cached_keys = 880,
		.values_at = 8,
		.keys_compact = 1,
		.tuple_items = 24,
		.int_tagged = 1,
		.function_code = 48,
		.interp_modules = 7656,
		.state_dict = 128,
		.state_id = 224,
		.state_size = 304,
		.running = RUNNING_STATE_END,
		.future_state = 96,
		.task_waiter = 112,
		.task_coro = 120,
		.task_name = 128,
		.gen_iframe = 72,
		.gen_name = 24,
		.gen_qualname = 32,
		.gen_state = 67,
		.gen_suspended = -2,
		.gen_awaiting = -1,
		.gen_running = 0,
		.gen_cleared = 4,
		.awaited = AWAITED_LOCALS,
		.frame_locals = 72,
		.frame_stack = 64,
		.code_flags = 48,
		.code_varnames = 96,
		.queue_ring = 1,
	},
	{
		.minor = 14,
		.attrs = ATTRS_INLINE,
		.type_cached_keys = 880,
		.values_at = 8,
		.keys_compact = 1,
		.tuple_items = 32,
		.int_tagged = 1,
		.function_code = 48,
		.interp_modules = 7688,
		.state_dict = 128,
		.state_id = 224,
		.state_size = 832,
		.running = RUNNING_STATED,
		.future_state = 104,
		.task_waiter = 120,
		.task_coro = 128,
		.task_name = 136,
		.task_node = 152,
		.gen_iframe = 72,
		.gen_name = 24,
		.gen_qualname = 32,
		.gen_state = 67,
		.gen_suspended = -2,
		.gen_awaiting = -1,
		.gen_running = 0,
		.gen_cleared = 4,
		.awaited = AWAITED_POINTER_8,
		.frame_locals = 80,
		.frame_stack = 64,
		.code_flags = 48,
		.code_varnames = 96,
		.queue_ring = 1,
	},
	{
		.minor = 15,
		.attrs = ATTRS_INLINE,
		.type_cached_keys = 888,
		.values_at = 8,
		.keys_compact = 1,
		.tuple_items = 32,
		.int_tagged = 1,
		.function_code = 48,
		.interp_modules = 7592,
		.state_dict = 152,
		.state_id = 248,
		.state_size = 888,
		.running = RUNNING_STATED,
		.future_state = 104,
		.task_waiter = 120,
		.task_coro = 128,
		.task_name = 136,
		.task_node = 152,
		.gen_iframe = 72,
		.gen_name = 24,
		.gen_qualname = 32,
		.gen_state = 67,
		.gen_suspended = 1,
		.gen_awaiting = 2,
		.gen_running = 4,
		.gen_cleared = 5,
		.awaited = AWAITED_POINTER_16,
		.frame_locals = 80,
		.frame_stack = 64,
		.code_flags = 48,
		.code_varnames = 96,
		.queue_ring = 1,
	},
};

const struct cpython_layout *cpython_layout_find(uint32_t minor)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].minor == minor)
			return &rows[i];
	return NULL;
}

/* Position in the block of 3.13, of 3.14 and of 3.15, 0: not in it; and the member it replaces. */
static const struct {
	uint16_t at[3];
	uint32_t member;
} stated[] = {
#define STATED(a, b, c, member) \
	{ \
		{ a, b, c }, offsetof(struct cpython_layout, member) \
	}
	STATED(88, 96, 96, interp_modules),  STATED(152, 176, 176, state_size),
	STATED(256, 280, 344, frame_locals), STATED(408, 456, 552, tuple_items),
	STATED(0, 672, 800, gen_name),	     STATED(0, 680, 808, gen_iframe),
	STATED(0, 688, 816, gen_state),	     STATED(0, 296, 360, frame_stack),
	STATED(0, 0, 536, type_cached_keys),
#undef STATED
};

/* Word of .AsyncioDebug and the member it fills. */
static const struct {
	uint32_t word;
	uint32_t member;
} asyncio_stated[] = {
#define STATED(word, member) \
	{ \
		word, offsetof(struct cpython_layout, member) \
	}
	STATED(1, task_name),	  STATED(2, task_awaited_by), STATED(4, task_awaited_by_is_set),
	STATED(5, task_coro),	  STATED(6, task_node),	      STATED(8, interp_tasks_head),
	STATED(10, running_loop), STATED(11, running_task),   STATED(12, tasks_head),
#undef STATED
};

static int put(struct cpython_layout *l, uint32_t member, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (!value || value >= OFFSET_MAX)
		return -EPROTO;
	memcpy((char *)l + member, &narrow, sizeof(narrow));
	return 0;
}

int cpython_layout_stated(struct cpython_layout *l, const uint8_t *block, size_t len,
			  const uint64_t *asyncio)
{
	struct cpython_layout next = *l;
	size_t i;

	for (i = 0; block && l->minor >= 13 && i < sizeof(stated) / sizeof(stated[0]); i++) {
		uint32_t at = stated[i].at[l->minor - 13];
		uint64_t value;

		if (!at)
			continue;
		if (at + sizeof(value) > len)
			return -EPROTO;
		memcpy(&value, block + at, sizeof(value));
		if (put(&next, stated[i].member, value) < 0)
			return -EPROTO;
	}
	for (i = 0; asyncio && i < sizeof(asyncio_stated) / sizeof(asyncio_stated[0]); i++)
		if (put(&next, asyncio_stated[i].member, asyncio[asyncio_stated[i].word]) < 0)
			return -EPROTO;
	*l = next;
	return 0;
}
