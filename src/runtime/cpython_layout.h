/* cpython_layout.h: where CPython's objects keep what, one row per minor version.
 *
 * Owns numbers only, for objects that are read from outside: values, containers, instances,
 * coroutines, tasks, queues.  Frames, threads and strings are in cpython_offsets.h.  Source:
 * offsetof on each version's headers and the debug information of its extension modules (default
 * builds, x86-64), read on live processes of each version; what was only computed says so in its
 * row.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_LAYOUT_H
#define STALLPROF_RUNTIME_CPYTHON_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* How an instance holds its attributes. */
enum cpython_attrs {
	ATTRS_DICT,   /* to 3.10: a dict at tp_dictoffset */
	ATTRS_VALUES, /* 3.11: pointers to the values, or to a dict, before the object */
	ATTRS_TAGGED, /* 3.12: one word before the object, odd: values at word + 1 */
	ATTRS_INLINE, /* 3.13 on: values behind the object, or a dict before it */
};

/* Where a thread's running loop is. */
enum cpython_running {
	RUNNING_STATE_DICT, /* to 3.12: in the dict of the thread state, by name */
	RUNNING_STATE_END,  /* 3.13: the word behind the public thread state */
	RUNNING_STATED,	    /* 3.14 on: where .AsyncioDebug says */
};

/* Where a suspended coroutine keeps the object that it awaits. */
enum cpython_awaited {
	AWAITED_STACKTOP,   /* 3.8, 3.9: f_stacktop[-1], behind it YIELD_FROM */
	AWAITED_DEPTH,	    /* 3.10: f_valuestack[f_stackdepth - 1] */
	AWAITED_RESUME,	    /* 3.11, 3.12: localsplus[stacktop - 1], behind it RESUME 2 or more */
	AWAITED_LOCALS,	    /* 3.13: localsplus[stacktop - 1] */
	AWAITED_POINTER_8,  /* 3.14: stackpointer[-1] */
	AWAITED_POINTER_16, /* 3.15: stackpointer[-2] */
};

/* All in bytes from the start of the structure named first; 0: none in that version. */
struct cpython_layout {
	uint32_t minor;

	uint32_t attrs; /* enum cpython_attrs */
	uint32_t type_cached_keys;
	uint32_t values_at;    /* pointers of a dict's or an instance's values */
	uint32_t keys_compact; /* 1: the keys of 3.11 on, whose header has kind and log2 sizes */
	uint32_t tuple_items;
	uint32_t int_tagged; /* 1: ndigits << 3 | sign, from 3.12 */
	uint32_t function_code;

	uint32_t interp_modules;
	uint32_t state_dict;
	uint32_t state_id;   /* u64, of one thread ever */
	uint32_t state_size; /* sizeof(PyThreadState); 3.13: stated by the process */
	uint32_t running;    /* enum cpython_running */
	uint32_t running_loop, running_task, tasks_head; /* thread state; RUNNING_STATED */
	uint32_t interp_tasks_head;			 /* RUNNING_STATED */

	uint32_t future_state; /* s32: 0 pending, 1 cancelled, 2 finished */
	uint32_t task_waiter;
	uint32_t task_coro;
	uint32_t task_name;
	uint32_t task_awaited_by;	 /* RUNNING_STATED, as the two below */
	uint32_t task_awaited_by_is_set; /* u8 */
	uint32_t task_node;

	uint32_t gen_frame;  /* to 3.10: pointer; 0: see gen_iframe */
	uint32_t gen_iframe; /* the frame itself */
	uint32_t gen_name;
	uint32_t gen_qualname;
	uint32_t gen_state;   /* s8 */
	int32_t gen_awaiting; /* the state of one that awaits something; AWAITED_LOCALS and later */
	int32_t gen_suspended;
	int32_t gen_running;
	int32_t gen_cleared;
	uint32_t awaited; /* enum cpython_awaited */
	uint32_t frame_locals;
	uint32_t frame_stack; /* s32 stacktop; to 3.9 f_stacktop, 3.10 f_valuestack, 3.14 on pointer
			       */
	uint32_t frame_stack_depth;  /* 3.10: s32 */
	uint32_t frame_of_generator; /* to 3.10: f_gen */
	uint32_t code_bytes;	     /* to 3.10: co_code */
	uint32_t code_flags;
	uint32_t code_varnames; /* co_varnames, or co_localsplusnames */

	uint32_t queue_ring; /* 1: SimpleQueue counts its items, from 3.13 */
};

#define CPYTHON_OB_SIZE		 16 /* of a variable-size object */
#define CPYTHON_TYPE_NAME	 24
#define CPYTHON_TYPE_BASICSIZE	 32
#define CPYTHON_TYPE_FLAGS	 168
#define CPYTHON_TYPE_BASE	 256
#define CPYTHON_TYPE_DICT	 264
#define CPYTHON_TYPE_DICTOFFSET	 288
#define CPYTHON_TYPE_READ	 296 /* up to here at once */
#define CPYTHON_INT_DIGITS	 24
#define CPYTHON_LIST_ITEMS	 24
#define CPYTHON_DICT_USED	 16
#define CPYTHON_DICT_KEYS	 32
#define CPYTHON_DICT_VALUES	 40
#define CPYTHON_SET_USED	 24
#define CPYTHON_SET_MASK	 32
#define CPYTHON_SET_TABLE	 40
#define CPYTHON_WEAKREF_OBJECT	 16
#define CPYTHON_METHOD_FUNC	 16
#define CPYTHON_METHOD_SELF	 24
#define CPYTHON_BUILTIN_SELF	 24
#define CPYTHON_PARTIAL_FUNC	 16
#define CPYTHON_MODULE_DICT	 16
#define CPYTHON_HANDLE_CALLBACK	 24 /* asyncio.Handle's slot */
#define CPYTHON_WRAPPER_TASK	 16 /* TaskStepMethWrapper, TaskWakeupMethWrapper */
#define CPYTHON_ITER_FUTURE	 16 /* _asyncio.FutureIter */
#define CPYTHON_FUTURE_LOOP	 16
#define CPYTHON_FUTURE_CALLBACK	 24 /* the first one */
#define CPYTHON_FUTURE_CALLBACKS 40
#define CPYTHON_HOLDER_LOOP	 16 /* RunningLoopHolder */
#define CPYTHON_HOLDER_PID	 24 /* s32 */
#define CPYTHON_QUEUE_LIST	 32 /* SimpleQueue to 3.12, with CPYTHON_QUEUE_POS */
#define CPYTHON_QUEUE_POS	 40
#define CPYTHON_QUEUE_COUNT	 56	 /* SimpleQueue from 3.13 */
#define CPYTHON_REF_MASK	 (~7ull) /* references in frames are tagged from 3.14 */

/* The row of 3.minor, or NULL.  The caller copies it and puts in what the process states. */
const struct cpython_layout *cpython_layout_find(uint32_t minor);

/* Puts in what _Py_DebugOffsets (3.13 on; block as in cpython_offsets.h) and .AsyncioDebug (3.14
 * on; 13 words) say, each NULL when there is none.  0; -EPROTO: an absurd number, l is unchanged.
 */
int cpython_layout_stated(struct cpython_layout *l, const uint8_t *block, size_t len,
			  const uint64_t *asyncio);
#define CPYTHON_ASYNCIO_WORDS 13
#define CPYTHON_STATED_SIZE   888 /* of 3.15's block, the longest */

#endif
