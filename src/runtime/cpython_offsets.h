/* cpython_offsets.h: where CPython keeps what, one row per minor version.
 *
 * Owns numbers only.  Source: offsetof on each version's internal headers (default builds, x86-64),
 * and each row walked on a live process of that version before it was added.  From 3.13 on the
 * process itself states most of them (_Py_DebugOffsets, Include/internal/pycore_debug_offsets.h);
 * those replace the row's, because micro releases move them.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_OFFSETS_H
#define STALLPROF_RUNTIME_CPYTHON_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/control.h"

/* All in bytes from the start of the structure named first. */
struct cpython_offsets {
	uint32_t minor;
	uint32_t lines; /* enum cpython_line_format */

	uint32_t runtime_interp_head; /* _PyRuntime: newest interpreter; the main one follows it */
	uint32_t runtime_key;	      /* autoTSSkey: int is_initialized, u32 key; 0: none, see
					 cpython_slot.h */
	uint32_t runtime_gil;	      /* the structure itself; 0: per interpreter */
	uint32_t interp_next;	      /* next older interpreter */
	uint32_t interp_threads;      /* newest thread state */
	uint32_t interp_gil;	      /* pointer to it, where runtime_gil is 0 */

	uint32_t state_next;
	uint32_t state_interp;
	uint32_t state_thread_id; /* pthread_self(), the thread pointer */
	uint32_t state_head;	  /* frame, cframe or current_frame */
	uint32_t head_indirect;
	uint32_t block_head; /* cframe: current_frame */

	uint32_t frame_size;
	uint32_t frame_code;
	uint32_t frame_prev;
	uint32_t frame_ip;
	uint32_t frame_ip_mode;
	uint32_t frame_ip_scale;
	uint32_t frame_shim;
	uint32_t frame_shim_kind;
	uint32_t frame_shim_value;

	uint32_t code_flags;
	uint32_t code_firstlineno;
	uint32_t code_filename;
	uint32_t code_name;
	uint32_t code_qualname; /* 0: none, before 3.11 */
	uint32_t code_lines;	/* co_lnotab or co_linetable */
	uint32_t code_start;	/* co_code_adaptive; unused with WALK_IP_INDEX */
	uint32_t code_version;	/* 0: none */

	uint32_t text_ascii;   /* data of an ASCII string */
	uint32_t text_compact; /* data of another compact one */
};

#define CPYTHON_CODE_MAX     256 /* bytes of a code object that are looked at */
#define CPYTHON_OB_TYPE	     8
#define CPYTHON_CO_COROUTINE 0x280 /* co_flags: a coroutine, an asynchronous generator */
#define CPYTHON_BYTES_SIZE   16
#define CPYTHON_BYTES_DATA   32
#define CPYTHON_TEXT_LENGTH  16
#define CPYTHON_TEXT_HASH    24 /* of the content; known of every name, as they are interned */
#define CPYTHON_TEXT_STATE   32
#define CPYTHON_GIL_SIZE     208 /* sizeof(struct _gil_runtime_state) */
#define CPYTHON_GIL_INTERVAL 0	 /* microseconds */
#define CPYTHON_GIL_HOLDER   8
#define CPYTHON_GIL_LOCKED   16 /* s32 */
#define CPYTHON_GIL_SWITCHES 24 /* changes of the holder */

/* The row of 3.minor, or NULL. */
const struct cpython_offsets *cpython_offsets_find(uint32_t minor);

/* The walk plan that the row describes; gil addresses left 0.  slot: from a thread's pointer to the
 * word that holds its thread state. */
void cpython_plan(const struct cpython_offsets *o, int64_t slot, struct walk_plan *ret_plan);

/* _Py_DebugOffsets, from 3.13: a block at the start of _PyRuntime. */
#define CPYTHON_DEBUG_SIZE 768

/* Replaces what the block of the row's minor version states.  0; -EPROTO: cookie or version do not
 * fit or an offset is absurd; -ENOTSUP: a free-threaded build. */
int cpython_debug_offsets(struct cpython_offsets *o, const uint8_t *block, size_t len);

#endif
