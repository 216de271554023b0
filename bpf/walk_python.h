/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* walk_python.h: copies the frames of an interpreter thread, as a walk plan describes them.
 *
 * Knows shapes only (struct walk_plan of control.h), no language and no version.  Compiles twice:
 * in BPF, where memory is read by bpf_probe_read_user, and on the host, where the includer defines
 * walk_read(dst, size, addr) before including this (0, or not 0 on failure), so that user space can
 * check a plan and tests can feed a fake image.
 *
 * In BPF: include after vmlinux.h and bpf_helpers.h, in one file of an object.  Call
 *	walk_python(plan, thread_pointer, w, out, &n, &flags)
 * where plan, w (scratch, per CPU) and out (STACK_PYTHON_MAX frames) each lie in a map value and n
 * and flags anywhere.  A plan with enabled == 0 gives n = 0, flags = 0.
 *
 * The step is a global function, which the verifier checks once and by itself: inlined into a loop
 * its branches multiply past the limit of a million instructions by the 20th frame.  For that the
 * state holds no pointers.  No helper newer than 5.5 is used; memory arguments of global functions
 * need 5.12.
 */
#ifndef STALLPROF_WALK_PYTHON_H
#define STALLPROF_WALK_PYTHON_H

#include "bpf/control.h"
#include "bpf/walk.h"

#define WALK_BLOCK_MAX 128
#define WALK_SHIMS_MAX 64	 /* skipped, yet each takes a step */
#define WALK_OFF_MAX   (1 << 24) /* no code object is larger */

struct walk_state {
	__u64 frame; /* next one to read; 0: the list has ended */
	__u32 count;
	__u32 flags; /* enum stack_flag */
	__u64 block[WALK_BLOCK_MAX / 8];
};

struct walk_frames {
	struct interp_frame frame[STACK_PYTHON_MAX];
};

WALK_INLINE int walk_read_word(__u64 *dst, __u64 addr)
{
	if (!walk_addr_ok(addr))
		return -1;
	return walk_read(dst, sizeof(*dst), addr) ? -1 : 0;
}

/* Words of a block sit at multiples of 8, in every version known; masking makes that a bound. */
WALK_INLINE __u64 walk_word(const struct walk_state *w, __u32 at)
{
	at = at / 8 % (WALK_BLOCK_MAX / 8);
	walk_keep(at);
	return w->block[at % (WALK_BLOCK_MAX / 8)];
}

WALK_INLINE __u8 walk_byte(const struct walk_state *w, __u32 at)
{
	return walk_word(w, at) >> at % 8 * 8;
}

WALK_INLINE int walk_read_block(struct walk_state *w, __u32 size, __u64 addr)
{
	walk_keep(size);
	if (size > WALK_BLOCK_MAX)
		return -1;
	return walk_read(w->block, size, addr) ? -1 : 0;
}

/* 0 when it cannot be read (a page not resident): user space then reads it itself.  The mixed tag
 * takes one read from its first word to its last, which is not before it. */
WALK_INLINE __u32 walk_tag(struct walk_state *w, const struct walk_plan *plan, __u64 code)
{
	__u32 first = plan->tag_off[0], size = plan->tag_off[2] + 8u - first, tag = 0, deref, i;
	__u64 object;

	if (plan->tag_mode == TAG_WORD) {
		if (walk_read(&tag, sizeof(tag), code + first))
			return 0;
		return tag;
	}
	if (plan->tag_mode != TAG_MIX)
		return 0;
	if (walk_read_block(w, size, code + first))
		return 0;
	for (i = 0; i < WALK_BLOCK_MAX / 8 && i * 8 < size; i++)
		tag = walk_tag_mix(tag, w->block[i]);
	object = walk_word(w, plan->tag_off[1] - first);
	if (!walk_addr_ok(object) || walk_read(&deref, sizeof(deref), object + plan->tag_deref))
		return 0;
	return walk_tag_mix(tag, deref);
}

/* Byte offset of the instruction, -1 when it has none (a frame that has not started). */
WALK_INLINE __s32 walk_offset(const struct walk_plan *plan, __u64 code, __u64 ip)
{
	__s64 off;

	if (plan->ip_mode == WALK_IP_INDEX)
		off = (__s64)(__s32)ip * plan->ip_scale;
	else
		off = (__s64)(ip - code - plan->code_start);
	if (off < 0 || off > WALK_OFF_MAX)
		return -1;
	return (__s32)off;
}

/* One frame.  0: go on with w->frame, 1: stop. */
WALK_GLOBAL int walk_step(struct walk_state *w, const struct walk_plan *plan,
			  struct walk_frames *out)
{
	struct interp_frame *frame;
	__u64 code, prev, ip;
	__u8 shim, entry;
	__u32 n;

	if (!w || !plan || !out || !w->frame)
		return 1;
	n = w->count;
	walk_keep(n);
	if (n >= STACK_PYTHON_MAX || !walk_addr_ok(w->frame) ||
	    walk_read_block(w, plan->frame_size, w->frame))
		goto cut;
	code = walk_word(w, plan->frame_code) & plan->code_mask;
	prev = walk_word(w, plan->frame_prev);
	ip = walk_word(w, plan->frame_ip);
	shim = walk_byte(w, plan->frame_shim);

	if (plan->shim == SHIM_OWNER_GE && shim >= plan->shim_value) {
		__u32 last = n - 1;

		walk_keep(last);
		if (last < STACK_PYTHON_MAX)
			out->frame[last].code |= 1;
		w->frame = prev;
		return 0;
	}
	if (!walk_addr_ok(code))
		goto cut;
	entry = plan->shim == SHIM_NONE || (plan->shim == SHIM_ENTRY_BYTE && shim == 1);
	/* The check above is forgotten where n is spilled as 32 bits: kernel 6.1 refuses then. */
	walk_keep(n);
	frame = &out->frame[n % STACK_PYTHON_MAX];
	frame->code = code | entry;
	frame->off = walk_offset(plan, code, ip);
	frame->tag = walk_tag(w, plan, code);
	w->count = n + 1;
	w->frame = prev;
	return 0;
cut:
	w->flags |= n ? STACK_PYTHON_CUT : STACK_PYTHON_LOST;
	return 1;
}

/* The newest frame of a thread state, 0: none. */
WALK_INLINE int walk_state_head(__u64 *ret, const struct walk_plan *plan, __u64 state)
{
	__u64 head = 0;

	if (walk_read_word(&head, state + plan->state_head))
		return -1;
	if (plan->head_indirect && walk_read_word(&head, head + plan->block_head))
		return -1;
	*ret = head;
	return 0;
}

/* Finds the newest frame.  0: w->frame is it, or 0 where no interpreter runs on this thread. */
WALK_INLINE int walk_head(struct walk_state *w, const struct walk_plan *plan, __u64 thread_pointer)
{
	__u64 state = 0;

	if (walk_read_word(&state, thread_pointer + plan->slot_off))
		return -1;
	if (!state)
		return 0;
	return walk_state_head(&w->frame, plan, state);
}

WALK_INLINE void walk_begin(struct walk_state *w)
{
	w->frame = 0;
	w->count = 0;
	w->flags = STACK_PYTHON;
}

/* Copies at most `limit` frames, a constant, from w->frame on. */
WALK_INLINE void walk_list(struct walk_state *w, const struct walk_plan *plan,
			   struct walk_frames *out, __u32 limit)
{
	__u32 i;

	for (i = 0; i < limit + WALK_SHIMS_MAX; i++) {
		if (limit < STACK_PYTHON_MAX && w->count >= limit)
			break;
		if (walk_step(w, plan, out))
			return;
	}
	if (w->frame)
		w->flags |= w->count ? STACK_PYTHON_CUT : STACK_PYTHON_LOST;
}

WALK_INLINE void walk_python(const struct walk_plan *plan, __u64 thread_pointer,
			     struct walk_state *w, struct interp_frame *out, __u16 *ret_n,
			     __u16 *ret_flags)
{
	*ret_n = 0;
	*ret_flags = 0;
	if (!plan->enabled)
		return;
	walk_begin(w);
	if (walk_head(w, plan, thread_pointer))
		w->flags |= STACK_PYTHON_LOST;
	walk_list(w, plan, (struct walk_frames *)out, STACK_PYTHON_MAX);
	*ret_n = (__u16)w->count;
	*ret_flags = (__u16)w->flags;
}

#endif
