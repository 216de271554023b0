/* chunk.h: the vocabulary between capture and everything to its right.
 *
 * A capture is a sequence of chunks: raw kernel events (bpf/event.h) and the names and
 * circumstances that user space found for them while the process lived.  The same sequence is
 * written to a .stall file and fed to the model, so a live report and a report of a recording
 * cannot differ. Owns the kinds and their encoding: little endian, u32/u64 fixed width, strings as
 * u32 length and bytes (no NUL).  Kinds are append only and never renumbered.  A reader skips kinds
 * that it does not know.  Must not know what the facts mean.
 */
#ifndef STALLPROF_RECORDING_CHUNK_H
#define STALLPROF_RECORDING_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum chunk_kind {
	/* payload: struct event_* as in bpf/event.h, head.size bytes */
	CHUNK_EVENT = 1,
	/* str key, str value; keys below */
	CHUNK_META = 2,
	/* u32 pid, u64 ts, str comm, str exe, str cmdline, str runtime ("python", ""), str version
	   ("3.11.2") */
	CHUNK_PROC = 3,
	/* str need, str rung */
	CHUNK_HOOK = 4,
	/* str what, str why, str cure */
	CHUNK_MISSING = 5,
	/* u64 hash, u32 flags (enum stack_flag | enum unwind_stop << 16), u32 n, n * struct
	   chunk_frame; innermost first;
	   then, which older recordings lack, the native frames without a name that may get one
	   later: u32 n, n * { u32 frame, u32 module, u64 address in the file's own numbering, of
	   the instruction that was running or calling };
	   then, likewise, str module in which the native part ended short of the outermost frame,
	   "" where it did not or the code lies in no file */
	CHUNK_STACK_NAMES = 6,
	/* u32 tgid, s32 fd, u64 dev, u64 ino, str path: full path of a file some wait_target names
	 */
	CHUNK_PATH = 7,
	/* u32 pid, str comm: the name of another process that some wait_target names */
	CHUNK_PEER = 8,
	/* u64 ts, u32 pid, str text: one plain sentence for the user ("process 12 ended, status 0")
	 */
	CHUNK_NOTE = 9,
	/* str what ("events", "stacks", ...), u64 count: something was lost; cumulative, last one
	   counts */
	CHUNK_LOST = 10,
	/* u32 loop, str kind ("asyncio", ...): what runtime the loop belongs to; u32 confirmed
	 * 0/1/2: not yet, yes, no (the thread only looked like a loop: it and its stalls are not
	 * shown) */
	CHUNK_LOOP_KIND = 11,
	/* u64 ts: the capture ended properly; the last chunk */
	CHUNK_END = 12,
	/* u32 loop, u64 start (of the busy period), str task, str coro: what the runtime itself
	   said was running in it; task is "" where it has no name */
	CHUNK_TASK = 13,
	/* u64 ts, u32 loop, u64 ready, u64 scheduled, u64 tasks: how long a loop's queues were;
	   UINT64_MAX: not known */
	CHUNK_DEPTH = 14,
	/* u32 tgid, u32 tid, str name: the name that the program itself gave a thread */
	CHUNK_THREAD_NAME = 15,
	/* A pool of worker threads, sampled; cumulative, the last one for (tgid, pool) counts:
	   u32 tgid, u64 pool, str name, str kind ("ThreadPoolExecutor"), u32 threads (now),
	   u32 threads_max, u32 max (size allowed, 0: not known), u64 observed_ns, u64 samples,
	   u64 exhausted_ns, u64 exhausted_longest_ns, u32 busy_max, u32 queued_max,
	   u64 queue_wait_max_ns, u32 n, n * { u32 tid, u64 busy_ns } */
	CHUNK_POOL = 16,
	/* Where the threads of a group were seen to wait; cumulative, the last one for (tgid, pool,
	   group, stack, klass, syscall, idle) counts; class cpu: they ran:
	   u32 tgid, u64 pool (0: none), str group (a thread name without its number), u64 stack,
	   u32 klass, s32 syscall, u64 samples, u64 ns, u32 at_once (most threads at one moment),
	   u32 idle (1: a worker without work), struct wait_target: what is the same of all of
	   them */
	CHUNK_THREADS = 17,
	/* u64 ts, u32 tgid, u32 threads: number of threads, when it changed since the last sample
	 */
	CHUNK_THREAD_COUNT = 18,
	/* u32 tgid, u64 stack, u64 count: threads made from that stack, 0: not known; cumulative */
	CHUNK_THREAD_MADE = 19,
	/* Event loops made and gone; cumulative, the last one for tgid counts:
	   u32 tgid, u64 made, u64 alive, u64 alive_max, u64 lifetimes, u64 lifetime_sum_ns,
	   u64 lifetime_max_ns, u32 n, n * { u64 stack, u64 count } */
	CHUNK_CHURN = 20,
	/* One task list of one loop, layout in runtime/task_list.h */
	CHUNK_TASKS = 21,
	/* u32 module (a number from 1), str build_id (hexadecimal), str path: a file of native
	   code; once, before the stacks that refer to it */
	CHUNK_MODULE = 30,
	/* Source lines of a stack's native frames that came after its names; once at most, of
	   others nothing is new.  u64 hash, u32 flags (enum stack_lines_flag), u32 n, n * { u32
	   frame, counting the native frames that are not inlined from 0, innermost first, u32 m, m
	   * { u32 flags (enum frame_flag), u32 line, str fn, str file } }: m - 1 functions that
	   were inlined there, innermost first, frames of their own with all that they do not say as
	   the frame itself has it; then the frame itself: fn where it has none */
	CHUNK_STACK_LINES = 31,
	/* 0x5a is taken: layout.h uses it for what holds these in the file. */
};

/* Keys of CHUNK_META; numbers are decimal text. */
#define META_VERSION	   "version"	   /* of stallprof */
#define META_MODE	   "mode"	   /* "stalls", "off-cpu" or "tasks" */
#define META_START_MONO	   "start_mono_ns" /* CLOCK_MONOTONIC at the start of observation */
#define META_START_REAL	   "start_real_ns" /* CLOCK_REALTIME at the same moment */
#define META_THRESHOLD	   "threshold_ns"
#define META_MIN_PART	   "min_part_ns"
#define META_SAMPLE_PERIOD "sample_period_ns" /* of the cpu-clock samples */
#define META_KERNEL	   "kernel"	      /* uname -r */
#define META_HOST	   "host"

/* Frame kinds as the contract names them, plus flags. */
enum frame_kind {
	FRAME_KERNEL = 0,
	FRAME_NATIVE = 1,
	FRAME_PYTHON = 2,
	FRAME_JS = 3,
	FRAME_KIND_COUNT = 4,
};

enum frame_flag {
	FRAME_LIBRARY = 1 << 0, /* the runtime, its standard library or an installed package: not
				   the user's */
	FRAME_STALE = 1 << 1,	/* code object changed under the address: name is "<stale code>" */
	FRAME_GUESSED = 1 << 2, /* native: return address found by frame pointer, not proven */
	FRAME_COROUTINE = 1 << 3, /* the body of a coroutine, or of an asynchronous generator */
	FRAME_ENTRY = 1 << 4,	  /* native code called it: nothing interpreted stands between */
	FRAME_JIT = 1 << 5,	  /* native code made at run time, named by a perf map */
	FRAME_INLINED = 1 << 6,	  /* the compiler put it into the next outer frame */
};

enum stack_lines_flag {
	STACK_LINES_LOST = 1 << 0, /* there may be more, which were not found in time */
};

/* One named frame: on the wire u32 kind, u32 flags, u32 line, u64 offset, str fn, str file, str
 * module. */
struct chunk_frame {
	enum frame_kind kind;
	uint32_t flags;	    /* enum frame_flag */
	uint32_t line;	    /* 0: not known */
	uint64_t offset;    /* native without symbol: offset in the module */
	const char *fn;	    /* "" if not known: show module+0xoffset */
	const char *file;   /* source; of a native frame without a line: that of the module */
	const char *module; /* basename of the ELF file; "" for python and kernel */
	/* Of a native frame without a name; not part of the frame on the wire. */
	uint32_t module_number; /* as in CHUNK_MODULE; 0: its file has no build id */
	uint64_t address;	/* in the file's own numbering */
	/* Of a native frame, the path of its module; not on the wire either.  NULL: none. */
	const char *path;
};

/* A view of one chunk; the payload belongs to whoever handed it out, until its next call. */
struct chunk {
	uint32_t kind; /* enum chunk_kind, or a later one */
	uint32_t len;
	const void *payload;
};

/* Where chunks go: a file, the model, both.  Returns 0 or negative errno. */
struct chunk_sink {
	int (*put)(struct chunk_sink *sink, const struct chunk *chunk);
};

/* Encoding: build a payload in a struct str. */
int chunk_put_u32(struct str *s, uint32_t v);
int chunk_put_u64(struct str *s, uint64_t v);
int chunk_put_str(struct str *s, const char *text);
int chunk_put_frame(struct str *s, const struct chunk_frame *f);
/* Hands the payload to the sink as one chunk of that kind. */
int chunk_emit(struct chunk_sink *sink, enum chunk_kind kind, const struct str *payload);

/* Decoding with bounds: the first failure sets `bad`, and everything after it gives 0 and "". */
struct chunk_cursor {
	const unsigned char *at;
	const unsigned char *end;
	bool bad;
};

void chunk_cursor_init(struct chunk_cursor *c, const struct chunk *chunk);

uint32_t chunk_get_u32(struct chunk_cursor *c);
uint64_t chunk_get_u64(struct chunk_cursor *c);
/* The string's bytes and length inside the payload, not NUL-terminated; may hold any byte. */
const char *chunk_get_str(struct chunk_cursor *c, uint32_t *ret_len);

#endif
