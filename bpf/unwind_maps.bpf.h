/* SPDX-License-Identifier: GPL-2.0 */
/* unwind_maps.bpf.h: the maps that hold the tables of unwind.h, and how a walk looks into them.
 *
 * User space writes all of them, the kernel side only reads.  Knows nothing of stacks.
 */
#ifndef STALLPROF_UNWIND_MAPS_BPF_H
#define STALLPROF_UNWIND_MAPS_BPF_H

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

static __always_inline const struct unwind_page *unwind_page_at(u32 index)
{
	return bpf_map_lookup_elem(&unwind_pages, &index);
}

static __always_inline void *unwind_chunk_at(u32 number)
{
	return bpf_map_lookup_elem(&unwind_chunks, &number);
}

static __always_inline const u64 *unwind_word_in(void *chunk, u32 index)
{
	return bpf_map_lookup_elem(chunk, &index);
}

#endif
