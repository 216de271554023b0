/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* walk_rule.h: the rule by which to step out of the code at an address: from mappings to pages to
 * rows of unwind.h.
 *
 * Tables are checked before they are published, and can still be read while they are replaced:
 * every place in them is checked here, too.  Knows neither stacks nor registers.  Compiles twice:
 * in BPF, and on the host, where the includer first defines
 *	const struct unwind_page *unwind_page_at(__u32 index)	of the directory
 *	void *unwind_chunk_at(__u32 number)
 *	const __u64 *unwind_word_in(void *chunk, __u32 index)
 * each NULL where there is none, and walk_read (walk.h).
 *
 * Bounds of binary searches are hidden from the verifier: since 6.8 it follows them through every
 * turn of a loop, half a million instructions where 10,000 do.
 */
#ifndef STALLPROF_WALK_RULE_H
#define STALLPROF_WALK_RULE_H

#ifdef __bpf__
#include "unwind_maps.bpf.h"
#endif
#include "bpf/unwind.h"
#include "bpf/walk.h"

/* "Found": no walk by tables ends like that. */
#define UNWIND_GOES_ON UNWIND_STOP_KERNEL

struct unwind_found {
	/* The mapping that was found last; map.end 0: none was. */
	__u64 start;
	struct unwind_mapping map;
	struct unwind_escape rule;
};

/* Makes f->map the mapping that holds the address. */
WALK_INLINE int unwind_find_mapping(struct unwind_found *f, const struct unwind_proc *proc,
				    __u64 addr)
{
	__u32 base = 0, len = proc->n, half, at;

	if (addr >= f->start && addr < f->map.end)
		return 0;
	if (len > UNWIND_MAPPINGS_MAX)
		len = UNWIND_MAPPINGS_MAX;
	for (int i = 0; i < 10 && len; i++) {
		half = len / 2;
		at = (base + half) % UNWIND_MAPPINGS_MAX;
		if (proc->start[at] <= addr) {
			base += half + 1;
			len -= half + 1;
		} else {
			len = half;
		}
		walk_forget(base, addr);
		walk_forget(len, addr);
	}
	if (!base)
		return -1;
	at = base - 1;
	walk_keep(at);
	at %= UNWIND_MAPPINGS_MAX;
	if (addr >= proc->map[at].end)
		return -1;
	f->start = proc->start[at];
	f->map = proc->map[at];
	return 0;
}

/* The row that holds the address `low` of the page. */
WALK_INLINE int unwind_find_row(const struct unwind_page *page, void *chunk, __u32 low,
				__u64 *ret_row)
{
	__u32 first = page->first % UNWIND_CHUNK_WORDS;
	__u32 base = 0, len = page->rows, half;
	const __u64 *row;

	for (int i = 0; i < UNWIND_PAGE_SHIFT && len; i++) {
		half = len / 2;
		row = unwind_word_in(chunk, first + base + half);
		if (!row)
			return UNWIND_STOP_TABLE;
		if ((*row & 0xffff) <= low) {
			base += half + 1;
			len -= half + 1;
		} else {
			len = half;
		}
		walk_forget(base, low);
		walk_forget(len, low);
	}
	if (!base)
		return UNWIND_STOP_TABLE;
	row = unwind_word_in(chunk, first + base - 1);
	if (!row)
		return UNWIND_STOP_TABLE;
	*ret_row = *row;
	return UNWIND_GOES_ON;
}

WALK_INLINE void unwind_unpack(struct unwind_escape *rule, __u64 row)
{
	__s32 last = (__s16)(row >> 48);

	rule->cfa = row >> 16;
	rule->rbp = row >> 24;
	rule->off = (__s32)(__s16)(row >> 32) * 8;
	rule->add = rule->rbp == UNWIND_RBP_SAME ? last : 0;
	rule->rbp_off = rule->rbp == UNWIND_RBP_SAME ? 0 : last;
	rule->reg = UNWIND_RA_AT_CFA;
	rule->ra = UNWIND_RA_AT_CFA;
}

WALK_INLINE int unwind_unpack_escape(struct unwind_escape *rule, const struct unwind_page *page,
				     void *chunk, __u32 place)
{
	__u32 at = page->first % UNWIND_CHUNK_WORDS + place;
	const __u64 *low = unwind_word_in(chunk, at);
	const __u64 *high = unwind_word_in(chunk, at + 1);
	__u64 words[2];

	if (place < page->rows || place + 2ull > page->words || !low || !high)
		return UNWIND_STOP_TABLE;
	words[0] = *low;
	words[1] = *high;
	__builtin_memcpy(rule, words, sizeof(*rule));
	if (rule->cfa == UNWIND_NONE || rule->cfa == UNWIND_ESCAPE)
		return UNWIND_STOP_TABLE;
	return UNWIND_GOES_ON;
}

/* Makes f->rule that of the code at the address; UNWIND_NONE: there is no table for it. */
WALK_INLINE int unwind_find_rule(struct unwind_found *f, const struct unwind_proc *proc, __u64 addr)
{
	const struct unwind_page *page;
	__u64 number;
	void *chunk;
	__u64 row;
	int r;

	f->rule.cfa = UNWIND_NONE;
	if (unwind_find_mapping(f, proc, addr)) {
		f->start = f->map.end = 0;
		return proc->flags & UNWIND_PROC_JIT ? UNWIND_GOES_ON : UNWIND_STOP_MAPPING;
	}
	addr -= f->map.bias;
	number = (addr >> UNWIND_PAGE_SHIFT) - f->map.first_page;
	if (f->map.kind != UNWIND_BY_TABLE || number >= f->map.n_pages)
		return UNWIND_GOES_ON;
	page = unwind_page_at(f->map.page + (__u32)number);
	if (!page)
		return UNWIND_STOP_TABLE;
	if (!page->rows)
		return UNWIND_GOES_ON;
	chunk = unwind_chunk_at(page->first >> UNWIND_CHUNK_SHIFT);
	if (!chunk)
		return UNWIND_STOP_TABLE;
	r = unwind_find_row(page, chunk, addr & ((1u << UNWIND_PAGE_SHIFT) - 1), &row);
	if (r)
		return r;
	if ((row >> 16 & 0xff) == UNWIND_ESCAPE)
		return unwind_unpack_escape(&f->rule, page, chunk, row >> 32);
	unwind_unpack(&f->rule, row);
	return UNWIND_GOES_ON;
}

#endif
