/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* unwind.h: the tables by which native stacks are walked, as both sides lay them out in memory.
 *
 * User space compiles the .eh_frame section of every file that a watched process executes into rows
 * of 8 bytes, and tells the kernel side where in the process those files lie.  Memory of one run,
 * nothing of it reaches the disk.  x86-64 only.
 *
 * A file's code is cut into pages of 64 KiB (of its own virtual addresses).  A page is a run of
 * words: first its rows, ascending by address, then what its rows of kind UNWIND_ESCAPE point to.
 * The first row of a page always stands at its offset 0, so that a page is whole by itself and can
 * lie anywhere.
 */
#ifndef STALLPROF_UNWIND_H
#define STALLPROF_UNWIND_H

#include "bpf/event.h"

#define UNWIND_PAGE_SHIFT 16
/* Rows lie in chunks, which are made when they are needed: an array of maps of this many words. */
#define UNWIND_CHUNK_SHIFT  17 /* words: 1 MiB */
#define UNWIND_CHUNK_WORDS  (1u << UNWIND_CHUNK_SHIFT)
#define UNWIND_CHUNKS_MAX   512
#define UNWIND_PAGES_MAX    32768 /* of all files: 2 GiB of code */
#define UNWIND_MAPPINGS_MAX 512	  /* executable mappings of one process */

/* Where the frame of the caller begins (the CFA): `off` and `add` in bytes, a word is 8 of them.
 * The return address lies in the word below it, unless the row says otherwise. */
enum unwind_cfa {
	UNWIND_NONE = 0,      /* the file says nothing of this code: a step by frame pointer */
	UNWIND_RSP = 1,	      /* rsp + off */
	UNWIND_RBP = 2,	      /* rbp + off */
	UNWIND_PLT = 3,	      /* rsp + off, and a word more where (ip & 15) >= add */
	UNWIND_RSP_DEREF = 4, /* *(rsp + off) + add */
	UNWIND_RBP_DEREF = 5, /* *(rbp + off) + add */
	UNWIND_SIGNAL = 6,    /* a signal frame: registers in the ucontext at rsp */
	UNWIND_END = 7,	      /* the return address is undefined: outermost frame */
	UNWIND_REGISTER = 8,  /* another register + off; known in the innermost frame only */
	UNWIND_ESCAPE = 9,    /* see unwind_escape */
	UNWIND_OTHER = 10,    /* a rule that is not followed */
};

/* Where the caller's rbp is. */
enum unwind_rbp {
	UNWIND_RBP_SAME = 0,
	UNWIND_RBP_AT_CFA = 1, /* *(CFA + off) */
	UNWIND_RBP_AT_RBP = 2, /* *(rbp + off) */
	UNWIND_RBP_LOST = 3,   /* undefined, or a rule that is not followed */
};

/* A row:
 *	bits  0-15  address in its page; it holds up to the next row
 *	     16-23  enum unwind_cfa
 *	     24-31  enum unwind_rbp
 *	     32-47  off in words, signed
 *	     48-63  UNWIND_RBP_*: off of rbp in bytes, signed; with UNWIND_RBP_SAME: add in bytes
 * What does not fit is an escape, whose upper 32 bits are the place of a struct unwind_escape, in
 * words since the page's first row. */
#define UNWIND_ROW(pc_low, cfa, rbp, off_words, last) \
	((__u64)(__u16)(pc_low) | (__u64)(cfa) << 16 | (__u64)(rbp) << 24 | \
	 (__u64)(__u16)(off_words) << 32 | (__u64)(__u16)(last) << 48)
#define UNWIND_ROW_ESCAPE(pc_low, place) \
	((__u64)(__u16)(pc_low) | (__u64)UNWIND_ESCAPE << 16 | (__u64)(__u32)(place) << 32)

/* Two words behind the rows of a page. */
#define UNWIND_RA_AT_CFA 0xff
struct unwind_escape {
	__s32 off;
	__s32 add;
	__s32 rbp_off;
	__u8 cfa; /* enum unwind_cfa, neither NONE nor ESCAPE */
	__u8 rbp; /* enum unwind_rbp */
	__u8 reg; /* UNWIND_REGISTER: DWARF number, 0 to 15 */
	__u8 ra;  /* DWARF number of the register that holds the return address (innermost frame
		     only), or UNWIND_RA_AT_CFA */
};

/* Where a page lies; the directory is an array of these. */
struct unwind_page {
	__u32 first; /* chunk << UNWIND_CHUNK_SHIFT | index of its first word; all in one chunk */
	__u16 rows;  /* 0: no table here */
	__u16 words; /* rows and escapes */
};

enum unwind_kind {
	UNWIND_BY_TABLE = 0,
	UNWIND_BY_POINTER = 1, /* no table: code made at run time, or a file without .eh_frame */
};

struct unwind_mapping {
	__u64 end;	  /* first address behind it */
	__u64 bias;	  /* address - bias: the file's own numbering */
	__u32 page;	  /* place in the directory of its file's first page */
	__u32 first_page; /* number of that page: virtual address >> UNWIND_PAGE_SHIFT */
	__u32 n_pages;
	__u32 kind; /* enum unwind_kind */
};

enum unwind_proc_flag {
	/* Code comes and goes: what lies in no mapping is taken for code made at run time. */
	UNWIND_PROC_JIT = 1 << 0,
};
/* The upper half of the flags counts how often an address came to stand for other code: part of the
 * hash of a stack, whose addresses alone do not tell. */
#define UNWIND_PROC_GENERATION 16

#define UNWIND_PROC_EXECED (1ull << 63)

/* The executable mappings of one process; replaced as a whole.  The kernel gives the memory of one
 * that was replaced to the next that is stored, also of another process, while a walk may read it:
 * whoever has read one looks whether the serial is what it was. */
struct unwind_proc {
	__u64 start_time; /* as in proc_conf; 0: any */
	/* No two that user space stores have the same; with UNWIND_PROC_EXECED once the process
	 * runs another program: then nothing is known of its code. */
	__u64 serial;
	__u32 n;
	__u32 flags;			  /* enum unwind_proc_flag */
	__u64 start[UNWIND_MAPPINGS_MAX]; /* ascending */
	struct unwind_mapping map[UNWIND_MAPPINGS_MAX];
};

/* A stack that the kernel side could not walk to its end, because it does not know the code that
 * runs there, or walked by a guess: it from there on, for user space to go on.  It can hold
 * secrets: it is sent before the body with the same hash, lives in memory only and is cleared after
 * use. */
#define UNWIND_SNAPSHOT_MAX 16384
struct event_snapshot {
	struct event_head head;
	__u64 hash;
	__u64 ip, sp, bp; /* of the frame to go on with */
	__u32 len;	  /* bytes, from sp on */
	__u16 at;	  /* user[at - 1] of the body is ip; what follows there was guessed */
	__u16 exact;	  /* 1: ip is the instruction itself, not a return address */
	__u8 bytes[UNWIND_SNAPSHOT_MAX];
};

EVENT_ASSERT(unwind_escape, 16);
EVENT_ASSERT(unwind_page, 8);
EVENT_ASSERT(unwind_mapping, 32);
EVENT_ASSERT(unwind_proc, 24 + 512 * 40);
EVENT_ASSERT(event_snapshot, 24 + 40 + 16384);

#endif
