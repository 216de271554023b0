/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* control.h: what user space tells the kernel side about a process, and the state that it maps.
 *
 * The other half of what both sides share: event.h are facts that reach the disk, this is memory of
 * one run and may change with every version.  Fixed-width integers, explicit padding.
 */
#ifndef STALLPROF_CONTROL_H
#define STALLPROF_CONTROL_H

#include "bpf/event.h"

/* How the kernel side walks an interpreter's frames: shapes, no language.  Filled by a runtime.
 * A frame list hangs off a word of thread-local storage; every frame is one block of `frame_size`
 * bytes with a link to the next outer one. */
enum walk_shim {
	SHIM_NONE = 0,	     /* every frame is a boundary to native code */
	SHIM_ENTRY_BYTE = 1, /* keep the frame; a boundary follows it where the byte is 1 */
	SHIM_OWNER_GE = 2,   /* skip the frame where the byte is >= shim_value; a boundary */
};

enum walk_ip {
	WALK_IP_POINTER = 0, /* a pointer into the code: offset = ip - (code + code_start) */
	WALK_IP_INDEX = 1,   /* an s32 index, times ip_scale */
};

enum walk_tag {
	TAG_NONE = 0,
	TAG_WORD = 1, /* the u32 at code + tag_off[0] */
	TAG_MIX = 2,  /* every word from tag_off[0] to tag_off[2], and the u32 tag_deref bytes
			 behind what the word at tag_off[1] points to; see walk_tag_mix */
};

/* One more word of a mixed tag, which begins as 0.  Pointers differ in their low half. */
static inline __attribute__((always_inline)) __u32 walk_tag_mix(__u32 tag, __u64 word)
{
	return ((tag << 5 | tag >> 27) ^ (__u32)(word ^ word >> 32)) * 0x9e3779b1u;
}

struct walk_plan {
	__u8 enabled;
	__u8 shim; /* enum walk_shim */
	__u8 shim_value;
	__u8 ip_mode; /* enum walk_ip */
	__u8 ip_scale;
	__u8 tag_mode;	    /* enum walk_tag */
	__u8 head_indirect; /* 1: thread state -> control block -> head */
	__u8 tag_deref;	    /* TAG_MIX: in the object that the second word points to */
	__s64 slot_off;	    /* thread state pointer: *(thread pointer + slot_off) */
	__u16 state_head;   /* thread state -> head, or -> control block */
	__u16 block_head;   /* control block -> head */
	__u16 frame_size;   /* bytes of a frame to read, at most 128 */
	__u16 frame_code;
	__u16 frame_prev;
	__u16 frame_ip;
	__u16 frame_shim;
	__u16 code_start;
	__u16 tag_off[3];
	__u16 state_thread; /* thread state -> its thread pointer, as the kernel knows the thread */
	__u64 code_mask;    /* and-mask for tagged code pointers */
	__u64 gil[4];	    /* user addresses of GIL structures, 0: none */
	__u16 gil_size;
	__u16 gil_switches; /* in it: u64, how often the holder changed; 0: it does not count */
	__u16 gil_holder;   /* in it: thread state of the last holder */
	__u16 gil_locked;   /* in it: s32, 1 while it is held */
};

/* Frames of a virtual machine whose code keeps a frame pointer: a few words below it say which
 * function runs.  Filled by a runtime.  Offsets of frames are from the frame pointer. */
struct jit_code {
	__u64 start, end; /* in the numbering of the file that holds it; end 0: not known */
};

struct jit_plan {
	__u8 enabled;
	__u8 pad;
	__s16 fp_kind;	   /* an object: a function's frame; even: the kind of another frame, * 2 */
	__s16 fp_function; /* the function object */
	__s16 fp_count;	   /* how many arguments it has; never more than JIT_COUNT_MAX */
	__s16 fp_off;	   /* where its bytecode is at, a number in the upper half */
	__u16 function_shared; /* in the function object: what all of its kind have in common */
	__u16 shared_words;    /* in that: a struct jit_shared */
	__u16 pad2;
	__u64 kinds; /* bit per kind of frame that is noted, too */
	/* Code of the interpreter: where its calls return to (not known: anywhere in a file), and
	 * what runs one bytecode each, which its registers tell. */
	struct jit_code entry;
	struct jit_code handlers;
	__u16 script_id; /* in the text: its number, in the upper half of a word; 0: not known */
	/* in the scope: how many variables it has, in the upper half of a word, and where they
	 * begin, two words each; the name follows */
	__u16 scope_count;
	__u16 scope_variables;
	__u16 name_hash; /* in the name: a word of its hash and its length */
};

/* What functions made of one place in a text have in common. */
struct jit_shared {
	__u64 scope, outer, script;
	__u64 ids[2];
};

#define JIT_COUNT_MAX 65535
#define JIT_KINDS     64

/* A struct interp_frame made by such a plan: code is the shared object as the machine tags it, or
 * an even word, the kind of frame * 2, and above JIT_CODE_BITS the cookie, 0: not known; tag is the
 * index in event_stack.user of the frame's address. */
#define JIT_CODE_BITS	 48
#define JIT_CODE(word)	 ((word) & ((1ull << JIT_CODE_BITS) - 1))
#define JIT_COOKIE(word) ((__u16)((word) >> JIT_CODE_BITS))

/* What is remembered of a function, so that another one in its place is known: of its ids the first
 * 32 bits in the middle and the second upper half, which is its number in the text (the others
 * change while the program runs), the number of the text, and the name's hash and length: what was
 * dropped and is partly written over still looks like itself. */
static inline __attribute__((always_inline)) __u16 jit_cookie(const __u64 ids[2], __u64 script_id,
							      __u64 name)
{
	__u32 mix = walk_tag_mix(walk_tag_mix(0, (__u32)(ids[0] >> 16)), ids[1] >> 32);

	if (!(__u32)script_id)
		mix = walk_tag_mix(mix, script_id >> 32);
	mix = walk_tag_mix(walk_tag_mix(mix, (__u32)name), name >> 32);
	mix >>= 16;
	return mix ? (__u16)mix : 1;
}

/* Of the words behind a scope's variables those that are looked at for the name; it is the first
 * object that has a length. */
#define JIT_NAME_SLOTS	  3
#define JIT_VARIABLES_MAX 75 /* more have a table of their own, and the name is not looked for */
#define JIT_IS_NAME(word) ((word) >> 32)

enum proc_flag {
	PROC_FOLLOW = 1 << 0, /* later children too */
};

/* What to do with a process; the value of the map keyed by tgid. */
struct proc_conf {
	__u64 start_time; /* of the group leader, 1/100 s since boot as in /proc/PID/stat: guards
			   * against pid reuse; 0: any */
	__u64 threshold;
	__u64 min_part; /* shortest wait that is kept with its own stack */
	__u64 wait_min; /* --off-cpu -m */
	__u64 wait_max; /* --off-cpu -M */
	__u32 flags;	/* enum proc_flag */
	__u32 pad;
	struct walk_plan plan;
	struct jit_plan jit;
};

/* What the kernel side could not keep, counted. */
#define LOST_KINDS(X) \
	X(EVENTS, 0, "events")	    /* the ring buffer was full */ \
	X(STACKS, 1, "stacks")	    /* a stack body: ring buffer full */ \
	X(LOOPS, 2, "loops")	    /* no free loop element */ \
	X(THREADS, 3, "threads")    /* no task storage */ \
	X(BODIES, 4, "stack table") /* the table of seen stacks was full: bodies are sent again */ \
	X(ROWS, 5, "rows")	    /* --off-cpu: went to the overflow row */ \
	X(SUMS, 6, "sums")	    /* off-CPU time exceeded the period */ \
	X(SWITCHES, 7, "switches")  /* a thread ran again unseen: the wait is unexplained */ \
	X(IDS, 8, "thread ids")	    /* the table by thread pointer was full */

enum lost_kind {
#define X(name, number, text) LOST_##name = number,
	LOST_KINDS(X)
#undef X
		LOST_COUNT = 9,
};

/* One loop as the kernel side keeps it; an element of an array that user space maps and reads while
 * it changes.  Only the loop's own thread writes it, apart from `used` and `verdict`. */
enum loop_flag {
	LOOP_IN_POLL = 1 << 0,	  /* inside its home poll */
	LOOP_DESIGNATED = 1 << 1, /* named with --tid: whatever recurs is its home */
	LOOP_ANNOUNCED = 1 << 2,  /* event_loop was sent: it came back to its home at least once */
	LOOP_EXITED = 1 << 3,	  /* the thread is gone; user space may free the element */
	LOOP_SEEDED = 1 << 4,	  /* found at attach; the first period may have begun before */
	LOOP_WANT_STACK =
		1 << 5, /* a long wait ended without a stack: take it as soon as it runs */
};

/* One thread of a watched process at one moment, as an iterator writes it into a pipe of records.
 * Facts of a sample; they reach the disk only as sums. */
struct thread_now {
	__u32 tgid, tid;
	__u64 thread_pointer;
	__u8 running; /* on a CPU or runnable: its stack moves */
	__u8 klass;   /* enum stall_class of the wait */
	__s16 syscall;
	__u32 pad;
	__u64 args[6];
	__u64 switches; /* voluntary and not, since it began: the same means that it slept on */
	struct wait_target target;
	char comm[16];
};

/* What a process has made since it was watched; the value of a map keyed by tgid. */
struct made_sums {
	__u64 threads;
	__u64 epolls;	  /* epoll files */
	__u64 threads_at; /* budgets of the events about them */
	__u64 epolls_at;
};

enum loop_verdict {
	VERDICT_NONE = 0,
	VERDICT_REJECTED = 1, /* user space looked at the stack: this poll is no loop's home */
};

#define HOLDER_FRAMES_MAX 32

/* The holder of the GIL that a loop waits for, until it is known whether the wait counts. */
struct gil_holder {
	__u64 gil;   /* address of the GIL's structure */
	__u64 state; /* the holder's thread state */
	__u64 head;  /* its newest frame when the walk began */
	__u32 n_frames;
	__u32 flags; /* enum stack_flag */
	struct interp_frame frames[HOLDER_FRAMES_MAX];
};

struct loop_state {
	__u32 used;
	__u32 flags;   /* enum loop_flag */
	__u32 verdict; /* enum loop_verdict, written by user space */
	__u32 hooked;  /* 1 while a hook works on this element: samples stay away */
	__u32 home;    /* enum home_kind */
	__s32 home_fd;
	__u64 home_id; /* struct file, or user stack pointer of the call */
	__s32 home_syscall;
	__u32 enters;	  /* of this home */
	__u64 poll_since; /* with LOOP_IN_POLL */
	__u64 off_since;  /* off-CPU outside the home poll since; 0: not */
	__u64 run_delay;  /* sched_info.run_delay at the last switch-out */
	__u64 waking;	  /* when it was woken, with the waking rung; 0: not */
	__u64 last_ns; /* length of the wait that ended last; its run-queue share is not split off
			  yet */
	__u32 last_class;
	__s32 last_part;   /* index of the part it went to, -1: none */
	__u32 smallest;	   /* index of the smallest part while one is searched */
	__u32 gil_counted; /* 1: the wait for the GIL that goes on is in a part's episodes */
	__u64 gil_until; /* when the last wait ended, if it was one for the GIL, plus what it was in
			  * the run queue since; else 0 */
	__u64 gil_switches; /* of the GIL, when its last slice began */
	__u64 tokens_at;    /* capture budget, see stack.bpf.h */
	__u64 min_part;	    /* of its process */
	__u64 thread_pointer;
	struct event_loop_stats stats;
	struct event_stall stall;  /* the open period; start 0: none */
	struct stall_part pending; /* the wait going on; valid while off_since is not 0 */
	struct event_stack stack;  /* its stack */
	struct gil_holder holder;  /* its owner, with OWNER_HOLDER */
};

EVENT_ASSERT(walk_plan, 88);
EVENT_ASSERT(jit_plan, 24 + 32 + 8);
EVENT_ASSERT(proc_conf, 48 + 88 + 64);
EVENT_ASSERT(made_sums, 32);
EVENT_ASSERT(thread_now, 24 + 48 + 8 + 168 + 16);

#endif
