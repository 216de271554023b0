/* cpython_offsets.c: see cpython_offsets.h. */
#include "runtime/cpython_offsets.h"

#include <errno.h>
#include <string.h>

#include "runtime/cpython_lines.h"

#define OFFSET_MAX (1u << 20) /* PyInterpreterState has some hundred kilobytes */

static const struct cpython_offsets rows[] = {
	{
		.minor = 8,
		.lines = CPYTHON_LNOTAB,
		.runtime_interp_head = 32,
		.runtime_interp_main = 40,
		.runtime_key = 1392,
		.runtime_gil = 1152,
		.interp_next = 0,
		.interp_threads = 8,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 176,
		.state_head = 24,
		.frame_size = 112,
		.frame_code = 32,
		.frame_prev = 24,
		.frame_ip = 104,
		.frame_ip_mode = WALK_IP_INDEX,
		.frame_ip_scale = 1,
		.frame_shim_kind = SHIM_NONE,
		.code_flags = 36,
		.code_firstlineno = 40,
		.code_filename = 104,
		.code_name = 112,
		.code_lines = 120,
		.text_ascii = 48,
		.text_compact = 72,
	},
	{
		.minor = 9,
		.lines = CPYTHON_LNOTAB,
		.runtime_interp_head = 32,
		.runtime_interp_main = 40,
		.runtime_key = 584,
		.runtime_gil = 352,
		.interp_next = 0,
		.interp_threads = 8,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 176,
		.state_head = 24,
		.frame_size = 112,
		.frame_code = 32,
		.frame_prev = 24,
		.frame_ip = 104,
		.frame_ip_mode = WALK_IP_INDEX,
		.frame_ip_scale = 1,
		.frame_shim_kind = SHIM_NONE,
		.code_flags = 36,
		.code_firstlineno = 40,
		.code_filename = 104,
		.code_name = 112,
		.code_lines = 120,
		.text_ascii = 48,
		.text_compact = 72,
	},
	{
		.minor = 10,
		.lines = CPYTHON_LINETABLE,
		.runtime_interp_head = 32,
		.runtime_interp_main = 40,
		.runtime_key = 584,
		.runtime_gil = 352,
		.interp_next = 0,
		.interp_threads = 8,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 176,
		.state_head = 24,
		.frame_size = 104,
		.frame_code = 32,
		.frame_prev = 24,
		.frame_ip = 96,
		.frame_ip_mode = WALK_IP_INDEX,
		.frame_ip_scale = 2,
		.frame_shim_kind = SHIM_NONE,
		.code_flags = 36,
		.code_firstlineno = 40,
		.code_filename = 104,
		.code_name = 112,
		.code_lines = 120,
		.text_ascii = 48,
		.text_compact = 72,
	},
	{
		.minor = 11,
		.lines = CPYTHON_LOCATIONS,
		.runtime_interp_head = 40,
		.runtime_interp_main = 48,
		.runtime_key = 592,
		.runtime_gil = 360,
		.interp_next = 0,
		.interp_threads = 16,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 152,
		.state_head = 56,
		.head_indirect = 1,
		.block_head = 8,
		.frame_size = 80,
		.frame_code = 32,
		.frame_prev = 48,
		.frame_ip = 56,
		.frame_ip_mode = WALK_IP_POINTER,
		.frame_shim = 68,
		.frame_shim_kind = SHIM_ENTRY_BYTE,
		.frame_shim_value = 1,
		.code_flags = 48,
		.code_firstlineno = 72,
		.code_filename = 112,
		.code_name = 120,
		.code_qualname = 128,
		.code_lines = 136,
		.code_start = 184,
		.text_ascii = 48,
		.text_compact = 72,
	},
	{
		.minor = 12,
		.lines = CPYTHON_LOCATIONS,
		.runtime_interp_head = 40,
		.runtime_interp_main = 48,
		.runtime_key = 1544,
		.interp_next = 0,
		.interp_threads = 72,
		.interp_gil = 384,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 136,
		.state_head = 56,
		.head_indirect = 1,
		.block_head = 0,
		.frame_size = 80,
		.frame_code = 0,
		.frame_prev = 8,
		.frame_ip = 56,
		.frame_ip_mode = WALK_IP_POINTER,
		.frame_shim = 70,
		.frame_shim_kind = SHIM_OWNER_GE,
		.frame_shim_value = 3,
		.code_flags = 48,
		.code_firstlineno = 68,
		.code_filename = 112,
		.code_name = 120,
		.code_qualname = 128,
		.code_lines = 136,
		.code_start = 192,
		.code_version = 92,
		.text_ascii = 40,
		.text_compact = 56,
	},
	{
		.minor = 13,
		.lines = CPYTHON_LOCATIONS,
		.runtime_interp_head = 632,
		.runtime_interp_main = 640,
		.runtime_key = 2160,
		.interp_next = 7264,
		.interp_threads = 7344,
		.interp_gil = 16,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 152,
		.state_head = 72,
		.frame_size = 80,
		.frame_code = 0,
		.frame_prev = 8,
		.frame_ip = 56,
		.frame_ip_mode = WALK_IP_POINTER,
		.frame_shim = 70,
		.frame_shim_kind = SHIM_OWNER_GE,
		.frame_shim_value = 3,
		.code_flags = 48,
		.code_firstlineno = 68,
		.code_filename = 112,
		.code_name = 120,
		.code_qualname = 128,
		.code_lines = 136,
		.code_start = 200,
		.code_version = 92,
		.text_ascii = 40,
		.text_compact = 56,
	},
};

const struct cpython_offsets *cpython_offsets_find(uint32_t minor)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].minor == minor)
			return &rows[i];
	return NULL;
}

/* struct pthread holds the first 32 slots itself, {sequence number, value} each. */
int64_t cpython_slot_offset(uint32_t key)
{
	return 0x310 + (int64_t)key * 16 + 8;
}

void cpython_plan(const struct cpython_offsets *o, uint32_t key, struct walk_plan *ret_plan)
{
	*ret_plan = (struct walk_plan){
		.enabled = 1,
		.shim = (__u8)o->frame_shim_kind,
		.shim_value = (__u8)o->frame_shim_value,
		.ip_mode = (__u8)o->frame_ip_mode,
		.ip_scale = (__u8)o->frame_ip_scale,
		.tag_mode = o->code_version ? TAG_WORD : TAG_MIX,
		.head_indirect = (__u8)o->head_indirect,
		.slot_off = cpython_slot_offset(key),
		.state_head = (__u16)o->state_head,
		.block_head = (__u16)o->block_head,
		.frame_size = (__u16)o->frame_size,
		.frame_code = (__u16)o->frame_code,
		.frame_prev = (__u16)o->frame_prev,
		.frame_ip = (__u16)o->frame_ip,
		.frame_shim = (__u16)o->frame_shim,
		.code_start = (__u16)o->code_start,
		.tag_off = { (__u16)o->code_version, 0, 0 },
		.code_mask =
			~7ull, /* objects are 8-byte aligned; newer versions tag the low bits */
		.state_thread = (__u16)o->state_thread_id,
		.gil_size = CPYTHON_GIL_SIZE,
		.gil_holder = CPYTHON_GIL_HOLDER,
		.gil_locked = CPYTHON_GIL_LOCKED,
	};
	if (!o->code_version) {
		ret_plan->tag_off[0] = (__u16)o->code_firstlineno;
		ret_plan->tag_off[1] = (__u16)o->code_name;
		ret_plan->tag_off[2] = (__u16)o->code_lines;
	}
}

/* Position in the block of 3.13, a u64 each, and the member it replaces. */
static const struct {
	uint32_t at;
	uint32_t member;
} stated[] = {
#define STATED(at, member) \
	{ \
		at, offsetof(struct cpython_offsets, member) \
	}
	STATED(40, runtime_interp_head), STATED(64, interp_next),	STATED(72, interp_threads),
	STATED(112, interp_gil),	 STATED(168, state_next),	STATED(176, state_interp),
	STATED(184, state_head),	 STATED(192, state_thread_id),	STATED(232, frame_prev),
	STATED(240, frame_code),	 STATED(248, frame_ip),		STATED(264, frame_shim),
	STATED(280, code_filename),	 STATED(288, code_name),	STATED(296, code_qualname),
	STATED(304, code_lines),	 STATED(312, code_firstlineno), STATED(344, code_start),
#undef STATED
};

static uint64_t word_at(const uint8_t *block, size_t at)
{
	uint64_t v;

	memcpy(&v, block + at, sizeof(v));
	return v;
}

int cpython_debug_offsets(struct cpython_offsets *o, const uint8_t *block, size_t len)
{
	struct cpython_offsets next = *o;
	size_t i;

	if (o->minor != 13 || len < CPYTHON_DEBUG_SIZE || memcmp(block, "xdebugpy", 8) != 0 ||
	    word_at(block, 8) >> 16 != (0x0300u | o->minor))
		return -EPROTO;
	if (word_at(block, 16))
		return -ENOTSUP;
	for (i = 0; i < sizeof(stated) / sizeof(stated[0]); i++) {
		uint64_t v = word_at(block, stated[i].at);
		uint32_t narrow = (uint32_t)v;

		if (v >= OFFSET_MAX)
			return -EPROTO;
		memcpy((char *)&next + stated[i].member, &narrow, sizeof(narrow));
	}
	/* what the walker reads as one block of words must still fit one */
	if (next.frame_size > 128 || next.frame_code % 8 || next.frame_prev % 8 ||
	    next.frame_ip % 8 || next.frame_code + 8 > next.frame_size ||
	    next.frame_prev + 8 > next.frame_size || next.frame_ip + 8 > next.frame_size ||
	    next.frame_shim >= next.frame_size || next.state_head > UINT16_MAX ||
	    next.code_start > UINT16_MAX)
		return -EPROTO;
	*o = next;
	return 0;
}
