/* profile.h: everything a writer may see.
 *
 * A sealed profile: plain data, all pointers valid until profile_free, nothing to compute, all
 * orders deterministic.  Times are nanoseconds; `wall` is CLOCK_REALTIME, everything else
 * CLOCK_MONOTONIC or a length.  Strings are never NULL, are valid UTF-8 and free of control bytes
 * (the model escaped them), but not escaped for any format: HTML, JSON and folded stacks are the
 * writer's business.
 */
#ifndef STALLPROF_MODEL_PROFILE_H
#define STALLPROF_MODEL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "model/profile_tasks.h"
#include "recording/chunk.h"

struct frame {
	enum frame_kind kind;
	bool library; /* the runtime or an installed package */
	bool jit;
	bool inlined;
	uint32_t line;	  /* 0: not known */
	uint64_t offset;  /* with an empty fn: in module */
	const char *fn;	  /* qualified name or symbol, "" if not known */
	const char *file; /* path as a person would write it, "" */
	const char *module;
	const char *build_id; /* of a native frame with an empty fn: of the module; else "" */
};

struct stack {
	uint64_t hash;
	size_t n_frames;
	struct frame *frames; /* innermost first, each called by the next; kernel ones on top */
	uint16_t flags;	      /* enum stack_flag: what could not be read or was cut */
	uint16_t user_stop;   /* enum unwind_stop: where the native part ended */
	const char *user_end; /* module in which it ended short of the outermost frame; "" */
};

/* The object of a wait in words. */
struct target {
	enum target_kind kind; /* TARGET_NONE: nothing known */
	int fd;		       /* -1: none */
	uint32_t pid;	       /* 0: none */
	uint64_t asked_ns;     /* sleep; 0: none */
	uint64_t address;      /* futex */
	uint16_t fd_count;     /* poll and select */
	const char *path;      /* file, fifo, pipe, device, unix; "" */
	const char *local;     /* "10.0.0.5:51322", "[::1]:80"; "" */
	const char *peer;
	const char *comm; /* child, unix peer; "" */
	const char *
		text; /* one phrase: "tcp 10.0.0.7:5432", "sleep 300ms", "child sleep[4711]" ; "" */
	/* text without pids, addresses of memory and lengths: like waits of many stalls have the
	   same */
	const char *group;
};

/* Who kept a thread waiting. */
struct owner {
	enum owner_role role;
	uint32_t tid;	  /* 0: not known */
	uint32_t pid;	  /* of a waker; 0: the waiter's process */
	const char *name; /* of the thread: the program's own name for it, else comm; "" */
	int stack;	  /* index into profile.stacks, -1: none */
};

struct part {
	uint64_t at_ns; /* since the start of the stall */
	uint64_t dur_ns;
	uint32_t count;
	enum stall_class klass;
	const char *syscall; /* "recvfrom"; "" if none */
	struct target target;
	int stack;	   /* index into profile.stacks, -1: none */
	uint8_t flags;	   /* enum part_flag */
	uint32_t episodes; /* of the GIL: waits, of which each has `count` / `episodes` slices */
	struct owner owner;
};

/* Who held the GIL, or which thread released the lock, and for how much of the stall's wait. */
struct holder {
	struct owner owner;	/* of the heaviest stack of that thread */
	enum stall_class klass; /* CLASS_GIL, CLASS_LOCK, of a file CLASS_SYSCALL */
	uint64_t ns;		/* of the waits for which this thread was seen */
	double share;		/* 0..1 of the stall's time in that class */
	const struct frame *at; /* as stall.at, of its heaviest stack; NULL: none */
	const struct frame *leaf;
};

struct why {
	enum stall_class klass; /* the largest */
	double share;		/* 0..1 of the length */
	const char *syscall;	/* of the largest part of that class, "" */
	struct target target;
};

struct proc {
	uint32_t pid;
	const char *comm;
	const char *exe;
	const char *cmdline;
	const char *runtime; /* "python" */
	const char *version;
};

/* A length sampled over time. */
struct depth {
	uint64_t n; /* samples */
	uint64_t first, last, min, max;
	double mean;
};

struct loop_hist {
	uint64_t bound_ns; /* upper end, exclusive */
	uint64_t count;
};

struct loop {
	int proc; /* index into procs */
	uint32_t tid;
	const char *comm;
	const char *kind; /* "asyncio", "unknown", ... */
	const char *poll; /* syscall name of the poll */
	int fd;		  /* -1: none */
	uint64_t iterations;
	uint64_t observed_ns; /* poll_ns + busy_ns */
	uint64_t poll_ns;
	uint64_t busy_ns;
	uint64_t stalls;
	uint64_t stalled_ns;
	uint64_t longest_ns;
	uint64_t longest_wall;		 /* start */
	uint64_t p50_ns, p99_ns, max_ns; /* over the stalls; 0 without */
	size_t n_hist;
	struct loop_hist *hist; /* busy periods; non-empty buckets, ascending */
	struct depth ready;	/* n 0: not known, all three */
	struct depth scheduled;
	struct depth tasks;
};

enum stall_state {
	STALL_STATE_ENDED = 0,
	STALL_STATE_ONGOING = 1,
};

enum quality {
	QUALITY_NONE = 0,
	QUALITY_PARTIAL = 1,
	QUALITY_FULL = 2,
};

struct stall_stack {
	int stack; /* index into profile.stacks */
	uint64_t weight_ns;
};

struct stall {
	char id[20];  /* 16 hex digits at most: unique in the recording, same for ongoing and ended
		       */
	char key[20]; /* same class, target kind and function names: same key */
	enum stall_state state;
	bool clipped;
	int proc; /* indexes */
	int loop;
	uint64_t wall_ns; /* of the start */
	uint64_t start_ns;
	uint64_t dur_ns;
	uint64_t threshold_ns;
	uint64_t iteration;
	uint64_t ns[CLASS_COUNT]; /* sums to dur_ns */
	struct why why;
	size_t n_parts;
	struct part *parts; /* in time order */
	uint32_t parts_dropped;
	size_t n_stacks;
	struct stall_stack *stacks; /* heaviest first */
	const struct frame *at;	    /* innermost frame that is the user's; NULL: none */
	const struct frame *leaf;   /* innermost python/native frame; NULL: none */
	const char *task; /* name of the task that ran for most of it; "" not known or none */
	const char *coro; /* its coroutine; "" */
	size_t n_holders;
	struct holder *holders; /* heaviest first, one per class and thread; [0] is the record's */
	bool convoy; /* mostly a wait for the GIL, which no single thread held for half of it */
	enum quality python, native, kernel;
};

/* Stalls with the same key: one row of the summary. */
struct row {
	const char *key;
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	struct why why; /* of the longest one */
	double share;	/* of all stalled time */
	const struct frame *at;
	const struct frame *leaf;
	const struct holder *holder; /* the heaviest of the longest one; NULL: none */
	bool convoy;		     /* of the longest one */
	int longest;		     /* index into stalls */
};

/* A pool of worker threads. */
struct pool_worker {
	uint32_t tid;
	uint64_t busy_ns;
};

/* Where threads were seen to wait, sampled. */
struct thread_row {
	int proc;
	int pool;	   /* index into pools, -1: none */
	const char *group; /* thread names without their number, or the pool's name */
	bool idle;	   /* a worker without work, or a loop in its poll */
	enum stall_class klass;
	const char *syscall; /* "" */
	struct target target;
	int stack; /* -1: none */
	const struct frame *at, *leaf;
	const char *tip; /* as in a sample */
	uint64_t samples;
	uint64_t ns;
	uint32_t at_once; /* most threads of this row at one moment */
};

struct pool {
	int proc;
	const char *name; /* "asyncio", "ThreadPoolExecutor-0" */
	const char *kind; /* "ThreadPoolExecutor" */
	uint32_t threads, threads_max;
	uint32_t max; /* size allowed; 0: not known */
	uint64_t observed_ns, samples;
	uint64_t exhausted_ns, exhausted_longest_ns;
	uint32_t busy_max, queued_max;
	uint64_t queue_wait_max_ns;
	size_t n_workers;
	struct pool_worker *workers; /* most busy first */
	size_t n_waits;
	const struct thread_row **waits; /* of its busy workers, most time first */
};

struct stack_count {
	int stack; /* -1: not known */
	uint64_t count;
	const struct frame *at, *leaf; /* as of a stall; NULL: none */
};

/* Event loops that came and went. */
struct churn {
	int proc;
	uint64_t made, alive, alive_max;
	uint64_t lifetimes, lifetime_mean_ns, lifetime_max_ns;
	size_t n_stacks;
	struct stack_count *stacks; /* most first */
};

struct thread_count {
	uint64_t wall_ns;
	uint32_t threads;
};

/* How many threads a process had over time, and who made them. */
struct thread_growth {
	int proc;
	uint32_t first, last, max;
	uint64_t made;
	size_t n_counts;
	struct thread_count *counts; /* by time, where it changed */
	size_t n_stacks;
	struct stack_count *stacks; /* most first */
};

/* A weighted stack with its cause: one line of the folded output.  Together they sum to the total
 * stalled time, as do the rounded microseconds to the rounded total. */
struct sample {
	int proc;
	int stack; /* -1: no stack was taken */
	enum stall_class klass;
	const char *tip; /* "[syscall recvfrom tcp 10.0.0.7:5432]", "[cpu]", ... */
	uint64_t ns;
	uint64_t us;
};

struct hook {
	const char *need;
	const char *rung;
};

/* Why so many stacks lack native frames, or are not in the program's order. */
struct native_gap {
	const char *why;
	const char *module; /* "" */
	uint64_t stacks;
};

struct missing {
	const char *what, *why, *cure;
};

struct note {
	uint64_t wall_ns;
	uint32_t pid;
	const char *text;
};

struct lost {
	const char *what;
	uint64_t count;
};

struct offcpu_row {
	enum offcpu_by by;
	bool overflow;
	int proc;
	uint32_t tid;	  /* by thread */
	const char *comm; /* by thread */
	enum stall_class klass;
	const char *syscall;  /* "" */
	struct target target; /* by stack: of its first wait */
	int stack;	      /* by stack; -1 */
	const char *tip;
	uint64_t count, sum_ns, max_ns;
	uint64_t us; /* sum rounded so that rows by stack add up */
	uint32_t hist[OFFCPU_HIST_BUCKETS];
};

struct profile {
	/* circumstances */
	const char *version; /* of the stallprof that recorded */
	const char *kernel;
	const char *host;
	bool is_offcpu; /* recorded with --off-cpu: offcpu rows, no stalls */
	bool is_tasks;	/* a look at the tasks of one moment: nothing was watched */
	const char
		*incomplete; /* "" or one sentence: the recording was cut, corrupt, not finished */
	uint64_t wall_ns;    /* start of the observation */
	uint64_t duration_ns;
	uint64_t threshold_ns;

	size_t n_procs;
	struct proc *procs;
	size_t n_loops;
	struct loop *loops; /* most stalled time first */
	size_t n_stacks;
	struct stack *stacks;
	size_t n_stalls;
	struct stall *stalls; /* by start; only ended ones and those still open at the end */
	size_t n_rows;
	struct row *rows; /* most time first */
	size_t n_samples;
	struct sample *samples;
	size_t n_hooks;
	struct hook *hooks;
	uint64_t native_stacks; /* that were walked by table: the gaps are some of these */
	size_t n_gaps;
	struct native_gap *gaps; /* most stacks first */
	/* of those with a share in the sums: lines may be missing that were not found in time */
	uint64_t unlined_stacks;
	size_t n_missing;
	struct missing *missing;
	size_t n_notes;
	struct note *notes;
	size_t n_lost;
	struct lost *lost; /* only counts over 0 */
	size_t n_offcpu;
	struct offcpu_row *offcpu; /* by kind, then most time first */
	size_t n_pools;
	struct pool *pools; /* most exhausted time first */
	size_t n_threads;
	struct thread_row *threads; /* most time first, idle ones last */
	size_t n_growth;
	struct thread_growth *growth; /* one per process */
	size_t n_churn;
	struct churn *churn; /* one per process that made loops while it was watched */
	size_t n_task_lists;
	struct task_list *task_lists;

	uint64_t stalled_ns;
	uint64_t stalled_us;		/* sum of samples' us */
	uint64_t class_ns[CLASS_COUNT]; /* of all stalls */
};

#endif
