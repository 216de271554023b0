/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* event.h: the facts that the kernel side hands to user space, and their layout.
 *
 * Shared by both sides, and the layout of the raw events inside a recording; control.h has the
 * rest. Fixed-width integers, explicit padding, asserted sizes; enums are append only and never
 * renumbered, because they reach the disk.  No pointers, no policy, no formatting.
 * All times are CLOCK_MONOTONIC nanoseconds, all sizes bytes, pids those of the initial namespace.
 */
#ifndef STALLPROF_EVENT_H
#define STALLPROF_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* The classes of a stall, in the order of the contract. */
#define STALL_CLASSES(X) \
	X(CPU, 0, "cpu") \
	X(RUNQUEUE, 1, "runqueue") \
	X(QUOTA, 2, "quota") \
	X(SYSCALL, 3, "syscall") \
	X(GIL, 4, "gil") \
	X(LOCK, 5, "lock") \
	X(FAULT, 6, "fault") \
	X(STOPPED, 7, "stopped") \
	X(UNEXPLAINED, 8, "unexplained")

enum stall_class {
#define X(name, number, text) CLASS_##name = number,
	STALL_CLASSES(X)
#undef X
		CLASS_COUNT = 9,
};

/* What a wait was for; the names of the contract's target.kind. */
#define TARGET_KINDS(X) \
	X(NONE, 0, "") \
	X(FILE, 1, "file") \
	X(PIPE, 2, "pipe") \
	X(FIFO, 3, "fifo") \
	X(TCP, 4, "tcp") \
	X(UDP, 5, "udp") \
	X(UNIX, 6, "unix") \
	X(NETLINK, 7, "netlink") \
	X(FUTEX, 8, "futex") \
	X(CHILD, 9, "child") \
	X(SLEEP, 10, "sleep") \
	X(EPOLL, 11, "epoll") \
	X(DEVICE, 12, "device") \
	X(OTHER, 13, "other")

enum target_kind {
#define X(name, number, text) TARGET_##name = number,
	TARGET_KINDS(X)
#undef X
		TARGET_COUNT = 14,
};

#define TARGET_NAME_MAX 64
#define TARGET_DIR_MAX	32

/* The object of one wait, as far as the kernel side could tell without taking a reference.
 * Advisory: every string may be cut, and need not be valid UTF-8.  NUL-terminated. */
struct wait_target {
	__u8 kind;   /* enum target_kind */
	__u8 family; /* AF_INET, AF_INET6 for tcp and udp; else 0 */
	__u16 local_port;
	__u16 peer_port; /* host byte order, both */
	__u16 fd_count;	 /* poll and select: descriptors waited for; the target is the first */
	__s32 fd;	 /* -1: none */
	__u32 pid;	 /* child: its pid; unix: the peer's pid; 0: not known */
	__u64 dev;	 /* s_dev in the kernel's own encoding, major << 20 | minor */
	__u64 ino;
	__u64 value;	     /* sleep: asked ns; futex: user address */
	__u8 local_addr[16]; /* network byte order; 4 bytes used for AF_INET */
	__u8 peer_addr[16];
	char name[TARGET_NAME_MAX]; /* last path component, unix socket path, or the child's comm */
	char dir[TARGET_DIR_MAX];   /* name of its folder */
};

#define STACK_KERNEL_MAX 48
#define STACK_USER_MAX	 128
#define STACK_PYTHON_MAX 512

/* One interpreter frame as copied by the walker.  User space names it. */
struct interp_frame {
	__u64 code; /* code object address; bit 0 set: an entry frame, native code called it */
	__u32 tag;  /* identity check against address reuse, see walk_plan.tag_* */
	__s32 off;  /* byte offset of the current instruction in the code, -1: not known */
};

enum stack_flag {
	STACK_KERNEL_LOST = 1 << 0, /* the kernel part could not be read */
	STACK_USER_LOST = 1 << 1,   /* the native part could not be read */
	STACK_PYTHON_LOST =
		1 << 2, /* a runtime is known, its thread state or frames could not be read */
	STACK_PYTHON_CUT = 1 << 3, /* deeper than STACK_PYTHON_MAX, or unreadable half-way */
	STACK_KERNEL_CUT = 1 << 4,
	STACK_USER_CUT = 1 << 5,
	STACK_PYTHON = 1 << 6,	  /* the process has a walk plan: python part was tried */
	STACK_USER_MORE = 1 << 7, /* a struct event_snapshot was sent: user space goes on */
	STACK_UNMERGED = 1 << 8,  /* by user space: which native frames the interpreter's stand
				     for is not known */
};

/* Native addresses of a stack carry these; no user address reaches so high.  USER_EXACT: the
 * instruction itself, as a signal interrupted it; any other but the innermost is a return address.
 * USER_GUESSED: found by frame pointer, in code without a table. */
#define USER_EXACT	   (1ull << 63)
#define USER_GUESSED	   (1ull << 62)
#define USER_ADDRESS(word) ((word) & ((1ull << 62) - 1))

/* Where the walk of the native part ended. */
#define UNWIND_STOPS(X) \
	X(KERNEL, 0, "by frame pointer only")  /* the process has no tables */ \
	X(ROOT, 1, "")			       /* at the outermost frame */ \
	X(BUSY, 2, "interrupted another walk") /* likewise by frame pointer only */ \
	X(MAPPING, 3, "code in no known mapping") \
	X(POINTER, 4, "no table and no frame pointer") \
	X(READ, 5, "stack memory not readable") \
	X(RULE, 6, "rule not supported") \
	X(DEPTH, 7, "deeper than 128 frames") \
	X(TABLE, 8, "damaged table") \
	X(SHORT, 9, "beyond the copied part of the stack") /* of a snapshot */ \
	/* at the outermost frame, but by way of a frame whose code lies in no known mapping: code \
	 * made at run time, or a library of which frames are missing then */ \
	X(GUESSED, 10, "left code in no known mapping by its frame pointer")

enum unwind_stop {
#define X(name, number, text) UNWIND_STOP_##name = number,
	UNWIND_STOPS(X)
#undef X
		UNWIND_STOP_COUNT = 11,
};

enum event_kind {
	EVENT_STACK = 1,      /* struct event_stack: a body, once per hash */
	EVENT_STALL = 2,      /* struct event_stall: a busy period at or over the threshold */
	EVENT_LOOP = 3,	      /* struct event_loop: a thread has come back to its home poll */
	EVENT_LIFE = 4,	      /* struct event_life: fork, exec, exit of a watched thread */
	EVENT_LOOP_STATS = 5, /* struct event_loop_stats: made by user space at the end of a loop */
	EVENT_OFFCPU = 6,     /* struct event_offcpu: one aggregated row, made by user space */
	EVENT_THREAD = 7,     /* struct event_thread: a watched process made a thread */
	EVENT_MADE = 8,	      /* struct event_made: a thread makes an epoll file */
	EVENT_SNAPSHOT = 9,   /* struct event_snapshot of unwind.h; never reaches the disk */
};

struct event_head {
	__u16 kind; /* enum event_kind */
	__u16 pad;
	__u32 size; /* of the whole event, this head included */
	__u64 ts;
	__u32 tgid;
	__u32 tid;
};

/* Variable length: python[n_python] is the last member and is cut on the wire. */
struct event_stack {
	struct event_head head;
	__u64 hash; /* never 0 */
	__u16 n_kernel;
	__u16 n_user;
	__u16 n_python;
	__u16 flags;	 /* enum stack_flag */
	__u16 user_stop; /* enum unwind_stop */
	/* How often an address of the process came to stand for other code; see unwind_proc. */
	__u16 generation;
	__u16 sent; /* as one of a kind; where the stack was taken only */
	__u16 pad;
	__u64 kernel[STACK_KERNEL_MAX]; /* innermost first, all three */
	__u64 user[STACK_USER_MAX];	/* with USER_* */
	struct interp_frame python[STACK_PYTHON_MAX];
};

enum part_flag {
	PART_SHORT =
		1 << 0, /* chosen among waits under min_part with probability length/min_part */
	PART_SAMPLED = 1 << 1,	/* cpu-clock samples: ns is count * period, not a measured length */
	PART_OPEN = 1 << 2,	/* the wait was still going on */
	PART_NO_STACK = 1 << 3, /* the stack was not taken: capture budget of the thread used up */
};

enum owner_role {
	OWNER_NONE = 0,
	OWNER_HOLDER = 1, /* held the GIL when the wait began */
	OWNER_WAKER = 2,  /* woke the thread; of a lock: released it */
	OWNER_FREE = 3,	  /* nobody: the GIL was between two holders when the wait began */
};

/* Who kept a thread waiting, or let it go. */
struct wait_owner {
	__u64 stack; /* hash of an event_stack, 0: none was taken */
	__u32 tid;   /* 0: not known */
	__u32 tgid;  /* of a waker; 0: the process of the waiter */
	__u8 role;   /* enum owner_role */
	__u8 pad[7];
	char comm[16];
};

/* Waits of one busy period with the same class, syscall, object, stack and owner. */
struct stall_part {
	__u64 at;    /* first one, since the start of the period */
	__u64 ns;    /* sum; with PART_SHORT the weight */
	__u64 max;   /* longest single one */
	__u64 stack; /* hash of an event_stack, 0: none */
	__u32 count;
	__u8 klass;    /* enum stall_class */
	__u8 flags;    /* enum part_flag */
	__s16 syscall; /* number in the x86-64 table, -1: none */
	/* A wait for the GIL is cut in slices of its switch interval: `count` slices in so many
	 * waits.  Else equal to count. */
	__u32 episodes;
	__u32 pad;
	__u64 args[6];
	struct wait_target target;
	struct wait_owner owner;
};

#define STALL_PARTS_MAX 32

enum stall_flag {
	STALL_CLIPPED = 1 << 0,	  /* began before stallprof looked */
	STALL_ONGOING = 1 << 1,	  /* not over; made by user space from the mapped state */
	STALL_TENTATIVE = 1 << 2, /* the loop was not confirmed yet */
	STALL_LAST = 1 << 3,	  /* the thread or the recording ended inside it */
};

/* A busy period at or over the threshold.  Variable length: parts[n_parts]. */
struct event_stall {
	struct event_head head;
	__u32 loop; /* index of the loop, as in event_loop */
	__u16 n_parts;
	__u8 flags; /* enum stall_flag */
	__u8 pad;
	__u64 start;
	__u64 ns; /* length; equal to the sum of class_ns */
	__u64 threshold;
	__u64 iteration; /* 1 is the first of the loop */
	__u64 class_ns[CLASS_COUNT];
	__u64 dropped_ns[CLASS_COUNT]; /* of class_ns: waits that found no free part */
	__u32 dropped;		       /* how many */
	__u32 short_waits; /* waits under min_part, in class_ns and, by chance, in parts */
	struct stall_part parts[STALL_PARTS_MAX];
};

/* What a loop returns to. */
enum home_kind {
	HOME_NONE = 0,
	HOME_EPOLL = 1,	 /* an epoll file */
	HOME_POLL = 2,	 /* poll or ppoll from one call depth */
	HOME_SELECT = 3, /* select or pselect6, likewise */
	HOME_URING = 4,	 /* io_uring_enter on one ring */
	HOME_WAIT = 5,	 /* any other call, designated threads only */
};

struct event_loop {
	struct event_head head;
	__u32 loop;
	__u32 home;    /* enum home_kind */
	__s32 fd;      /* of the epoll file or ring; -1 */
	__s32 syscall; /* number of the poll call */
	__u64 stack;   /* of the poll call */
	char comm[16];
};

/* A new thread; head.tid is its own. */
struct event_thread {
	struct event_head head;
	__u32 maker; /* tid */
	__u32 pad;
	__u64 stack; /* of the maker; 0: could not be taken */
};

/* An epoll file is about to be made by head.tid: a new event loop, more often than not. */
struct event_made {
	struct event_head head;
	__u64 stack;	 /* 0: could not be taken */
	__u64 number;	 /* of those that the thread made while watched, from 1; gaps: not told */
	__u64 last_poll; /* when the thread left its home poll last, if that home is closed by now;
			    0: it is not, or there was none */
};

enum life_what {
	LIFE_FORK = 1, /* other: tgid of the new process */
	LIFE_EXEC = 2,
	LIFE_EXIT = 3, /* the thread; other: 1 when it was the last of its process */
};

struct event_life {
	struct event_head head;
	__u32 what;
	__u32 other;
	__s32 code; /* exit: wait status */
	__u32 pad;
	char comm[16];
};

/* Busy periods by length: bucket 0 is below 1 us; then 4 buckets for each power of two.
 * bucket(ns) with e = floor(log2(ns / 1024)): 1 + 4 * e + the two bits after the leading one. */
#define HIST_BUCKETS 128

struct event_loop_stats {
	struct event_head head;
	__u32 loop;
	__u32 home;
	__s32 fd;
	__s32 syscall;
	__u64 first; /* time of the first poll seen; start of the observation */
	__u64 last;  /* end of the observation */
	__u64 iterations;
	__u64 poll_ns;
	__u64 busy_ns;
	__u64 stalls;
	__u64 stalled_ns;
	__u64 longest_ns;
	__u64 longest_at; /* start of the longest */
	char comm[16];
	__u32 hist[HIST_BUCKETS];
};

/* One row of --off-cpu.  Which members of the key are used depends on `by`. */
enum offcpu_by {
	OFFCPU_BY_STACK = 1,
	OFFCPU_BY_SYSCALL = 2,
	OFFCPU_BY_THREAD = 3,
};

#define OFFCPU_HIST_BUCKETS 40 /* bucket i: 2^i <= ns < 2^(i+1), the last takes the rest */

struct offcpu_key {
	__u64 stack;
	__u32 tgid;
	__u32 tid;
	__s16 syscall;
	__u8 klass;
	__u8 by;	/* enum offcpu_by */
	__u32 overflow; /* 1: the table was full, everything that found no row */
};

struct offcpu_value {
	__u64 count;
	__u64 ns;
	__u64 max;
	__u32 hist[OFFCPU_HIST_BUCKETS];
};

/* The value of the kernel side's table by stack. */
struct offcpu_stack_row {
	struct offcpu_value value;
	struct wait_target target; /* of the first wait */
};

/* The value of the kernel side's table by thread. */
struct offcpu_thread_row {
	struct offcpu_value value;
	char comm[16]; /* at the last wait */
};

struct event_offcpu {
	struct event_head head;
	struct offcpu_key key;
	struct offcpu_value value;
	struct wait_target target; /* by stack: that of the first wait, else empty */
	char comm[16];		   /* by thread */
};

#define EVENT_ASSERT(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " changed size")
EVENT_ASSERT(wait_target, 168);
EVENT_ASSERT(interp_frame, 16);
EVENT_ASSERT(event_head, 24);
EVENT_ASSERT(event_stack, 48 + 48 * 8 + 128 * 8 + 512 * 16);
EVENT_ASSERT(wait_owner, 40);
EVENT_ASSERT(stall_part, 48 + 48 + 168 + 40);
EVENT_ASSERT(event_stall, 24 + 8 + 32 + 2 * 72 + 8 + 32 * 304);
EVENT_ASSERT(event_thread, 24 + 16);
EVENT_ASSERT(event_made, 24 + 24);
EVENT_ASSERT(event_loop, 24 + 16 + 8 + 16);
EVENT_ASSERT(event_life, 24 + 16 + 16);
EVENT_ASSERT(event_loop_stats, 24 + 16 + 72 + 16 + 512);
EVENT_ASSERT(offcpu_key, 24);
EVENT_ASSERT(offcpu_value, 184);
EVENT_ASSERT(event_offcpu, 24 + 24 + 184 + 168 + 16);

#endif
