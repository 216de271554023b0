/* SPDX-License-Identifier: GPL-2.0 */
/* unwind.bpf.h: the native part of the current thread's stack, by the tables of unwind.h.
 *
 * Owns the maps that hold the tables, and when a stack that could not be walked is copied for user
 * space instead.  The walk itself is walk_native.h.
 */
#ifndef STALLPROF_UNWIND_BPF_H
#define STALLPROF_UNWIND_BPF_H

#include "maps.bpf.h"
#include "unwind.h"

struct unwind_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_CHUNK_WORDS);
	__type(key, u32);
	__type(value, u64);
};

/* Chunks of words, made by user space as they are needed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_CHUNKS_MAX);
	__type(key, u32);
	__array(values, struct unwind_chunk);
} unwind_chunks SEC(".maps");

/* The directory of pages. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_PAGES_MAX);
	__type(key, u32);
	__type(value, struct unwind_page);
} unwind_pages SEC(".maps");

/* By tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PROCS_MAX);
	__type(key, u32);
	__type(value, struct unwind_proc);
} unwind_procs SEC(".maps");

#endif
