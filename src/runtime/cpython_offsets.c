/* cpython_offsets.c: see cpython_offsets.h. */
#include "runtime/cpython_offsets.h"

#include <errno.h>
#include <string.h>

#include "base/word.h"
#include "runtime/cpython_lines.h"

#define OFFSET_MAX (1u << 20) /* PyInterpreterState has some hundred kilobytes */

/* What several versions have in common; a row is made of one of each kind.  An interpreter's
 * frames were objects up to 3.10 and are blocks on a stack of their own since; from 3.12 on a shim
 * stands where native code called. */
#define STATE_WITH_FRAME \
	.state_next = 8, .state_interp = 16, .state_thread_id = 176, .state_head = 24
#define FRAME_OBJECT \
	.frame_code = 32, .frame_prev = 24, .frame_ip_mode = WALK_IP_INDEX, \
	.frame_shim_kind = SHIM_NONE
#define FRAME_BLOCK \
	.frame_size = 80, .frame_code = 0, .frame_prev = 8, .frame_ip = 56, \
	.frame_ip_mode = WALK_IP_POINTER, .frame_shim_kind = SHIM_OWNER_GE, .frame_shim_value = 3

#define CODE_8 \
	.code_flags = 36, .code_firstlineno = 40, .code_filename = 104, .code_name = 112, \
	.code_lines = 120
#define CODE_11 \
	.code_filename = 112, .code_name = 120, .code_qualname = 128, .code_lines = 136, \
	.code_flags = 48, .lines = CPYTHON_LOCATIONS
#define CODE_12 CODE_11, .code_firstlineno = 68, .code_version = 92

#define TEXT_8	.text_ascii = 48, .text_compact = 72
#define TEXT_12 .text_ascii = 40, .text_compact = 56

static const struct cpython_offsets rows[] = {
	{
		.minor = 8,
		.runtime_interp_head = 32,
		.runtime_key = 1392,
		.runtime_gil = 1152,
		.interp_threads = 8,
		STATE_WITH_FRAME,
		FRAME_OBJECT,
		.frame_size = 112,
		.frame_ip = 104,
		.frame_ip_scale = 1,
		CODE_8,
		.lines = CPYTHON_LNOTAB,
		TEXT_8,
	},
	{
		.minor = 9,
		.runtime_interp_head = 32,
		.runtime_key = 584,
		.runtime_gil = 352,
		.interp_threads = 8,
		STATE_WITH_FRAME,
		FRAME_OBJECT,
		.frame_size = 112,
		.frame_ip = 104,
		.frame_ip_scale = 1,
		CODE_8,
		.lines = CPYTHON_LNOTAB,
		TEXT_8,
	},
	{
		.minor = 10,
		.runtime_interp_head = 32,
		.runtime_key = 584,
		.runtime_gil = 352,
		.interp_threads = 8,
		STATE_WITH_FRAME,
		FRAME_OBJECT,
		.frame_size = 104,
		.frame_ip = 96,
		.frame_ip_scale = 2, /* it counts instructions of two bytes */
		CODE_8,
		.lines = CPYTHON_LINETABLE,
		TEXT_8,
	},
	{
		.minor = 11,
		.runtime_interp_head = 40,
		.runtime_key = 592,
		.runtime_gil = 360,
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
		CODE_11,
		.code_firstlineno = 72,
		.code_start = 184,
		TEXT_8,
	},
	{
		.minor = 12,
		.runtime_interp_head = 40,
		.runtime_key = 1544,
		.interp_threads = 72,
		.interp_gil = 384,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 136,
		.state_head = 56,
		.head_indirect = 1,
		.block_head = 0,
		FRAME_BLOCK,
		.frame_shim = 70,
		CODE_12,
		.code_start = 192,
		TEXT_12,
	},
	{
		.minor = 13,
		.runtime_interp_head = 632,
		.runtime_key = 2160,
		.interp_next = 7264,
		.interp_threads = 7344,
		.interp_gil = 16,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 152,
		.state_head = 72,
		FRAME_BLOCK,
		.frame_shim = 70,
		CODE_12,
		.code_start = 200,
		TEXT_12,
	},
	{
		.minor = 14,
		.runtime_interp_head = 808,
		.runtime_key = 2336,
		.interp_next = 7272,
		.interp_threads = 7344,
		.interp_gil = 16,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 152,
		.state_head = 72,
		FRAME_BLOCK,
		.frame_shim = 74,
		CODE_12,
		.code_start = 208,
		TEXT_12,
	},
	{
		.minor = 15, /* no key: the thread state is in thread-local storage */
		.runtime_interp_head = 936,
		.interp_next = 7264,
		.interp_threads = 7336,
		.interp_gil = 16,
		.state_next = 8,
		.state_interp = 16,
		.state_thread_id = 176,
		.state_head = 72,
		FRAME_BLOCK,
		.frame_shim = 74,
		CODE_12,
		.code_start = 208,
		TEXT_12,
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

void cpython_plan(const struct cpython_offsets *o, int64_t slot, struct walk_plan *ret_plan)
{
	*ret_plan = (struct walk_plan){
		.enabled = 1,
		.shim = (__u8)o->frame_shim_kind,
		.shim_value = (__u8)o->frame_shim_value,
		.ip_mode = (__u8)o->frame_ip_mode,
		.ip_scale = (__u8)o->frame_ip_scale,
		.tag_mode = o->code_version ? TAG_WORD : TAG_MIX,
		.head_indirect = (__u8)o->head_indirect,
		.slot_off = slot,
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
		.gil_switches = CPYTHON_GIL_SWITCHES,
	};
	if (!o->code_version) {
		ret_plan->tag_off[0] = (__u16)o->code_firstlineno;
		ret_plan->tag_off[1] = (__u16)o->code_name;
		ret_plan->tag_off[2] = (__u16)o->code_lines;
		ret_plan->tag_deref = CPYTHON_TEXT_HASH;
	}
}

#define LAYOUT_FIRST 13 /* the block's layout differs by minor version, 3.13 is the first */
#define LAYOUTS	     3

/* Positions in the block of 3.13, 3.14 and 3.15, a u64 each, and the member each replaces. */
static const struct {
	uint16_t at[LAYOUTS];
	uint16_t member;
} stated[] = {
#define STATED(at13, at14, at15, name) \
	{ \
		{ at13, at14, at15 }, offsetof(struct cpython_offsets, name) \
	}
	STATED(40, 40, 40, runtime_interp_head), STATED(64, 64, 64, interp_next),
	STATED(72, 72, 72, interp_threads),	 STATED(112, 120, 120, interp_gil),
	STATED(168, 192, 192, state_next),	 STATED(176, 200, 200, state_interp),
	STATED(184, 208, 208, state_head),	 STATED(192, 216, 240, state_thread_id),
	STATED(232, 256, 320, frame_prev),	 STATED(240, 264, 328, frame_code),
	STATED(248, 272, 336, frame_ip),	 STATED(264, 288, 352, frame_shim),
	STATED(280, 320, 384, code_filename),	 STATED(288, 328, 392, code_name),
	STATED(296, 336, 400, code_qualname),	 STATED(304, 344, 408, code_lines),
	STATED(312, 352, 416, code_firstlineno), STATED(344, 384, 448, code_start),
	STATED(560, 640, 736, text_ascii),
#undef STATED
};

/* Positions of what is the same in every build known, and that value. */
static const struct {
	uint16_t at[LAYOUTS];
	uint16_t value;
} fixed[] = {
	{ { 360, 408, 472 }, CPYTHON_OB_TYPE },	    { { 520, 600, 696 }, CPYTHON_BYTES_SIZE },
	{ { 528, 608, 704 }, CPYTHON_BYTES_DATA },  { { 544, 624, 720 }, CPYTHON_TEXT_STATE },
	{ { 552, 632, 728 }, CPYTHON_TEXT_LENGTH },
};

/* What the walker reads as one block of words must fit one, and what it keeps as a u16 that. */
static bool walkable(const struct cpython_offsets *o)
{
	return o->frame_size <= 128 && (o->frame_code | o->frame_prev | o->frame_ip) % 8 == 0 &&
	       o->frame_code + 8 <= o->frame_size && o->frame_prev + 8 <= o->frame_size &&
	       o->frame_ip + 8 <= o->frame_size && o->frame_shim < o->frame_size &&
	       o->state_head <= UINT16_MAX && o->state_thread_id <= UINT16_MAX &&
	       o->code_start <= UINT16_MAX;
}

/* The members of a code object that are read as one piece. */
static bool readable(const struct cpython_offsets *o)
{
	return o->code_filename + 8 <= CPYTHON_CODE_MAX && o->code_name + 8 <= CPYTHON_CODE_MAX &&
	       o->code_qualname + 8 <= CPYTHON_CODE_MAX && o->code_lines + 8 <= CPYTHON_CODE_MAX &&
	       o->code_firstlineno + 8 <= CPYTHON_CODE_MAX;
}

int cpython_debug_offsets(struct cpython_offsets *o, const uint8_t *block, size_t len)
{
	struct cpython_offsets next = *o;
	uint32_t layout = o->minor - LAYOUT_FIRST;
	size_t i;

	if (layout >= LAYOUTS || len < CPYTHON_DEBUG_SIZE || memcmp(block, "xdebugpy", 8) != 0 ||
	    word_at(block, 8) >> 16 != (0x0300u | o->minor))
		return -EPROTO;
	if (word_at(block, 16))
		return -ENOTSUP;
	for (i = 0; i < sizeof(stated) / sizeof(stated[0]); i++) {
		uint64_t v = word_at(block, stated[i].at[layout]);
		uint32_t narrow = (uint32_t)v;

		if (v >= OFFSET_MAX)
			return -EPROTO;
		memcpy((char *)&next + stated[i].member, &narrow, sizeof(narrow));
	}
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (word_at(block, fixed[i].at[layout]) != fixed[i].value)
			return -EPROTO;
	if (!walkable(&next) || !readable(&next))
		return -EPROTO;
	*o = next;
	return 0;
}
