/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* walk.h: what the walkers have in common: how they read memory, and how they hide from the
 * verifier what it must not follow.
 *
 * Compiles twice: in BPF, and on the host, where the includer of a walker defines
 * walk_read(dst, size, addr) first (0, or not 0 on failure).
 */
#ifndef STALLPROF_WALK_H
#define STALLPROF_WALK_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define WALK_ADDR_FIRST 4096ull
#define WALK_ADDR_LAST	(1ull << 47)

#ifdef __bpf__
#define walk_read(dst, size, addr) bpf_probe_read_user(dst, size, (const void *)(addr))
/* The verifier follows a bound only in the register that was compared. */
#define walk_keep(v) asm volatile("" : "+r"(v))
/* Makes the verifier forget the bounds of a number, so that a loop's turns look alike to it,
 * however they came about; `any` must be one that it knows nothing of. */
#define walk_forget(v, any) asm volatile("%0 ^= %1; %0 ^= %1" : "+r"(v) : "r"((__u32)(any)))
#define WALK_INLINE	    static __always_inline
#define WALK_GLOBAL	    __attribute__((noinline))
#else
#define walk_keep(v)	    ((void)0)
#define walk_forget(v, any) ((void)0)
#define WALK_INLINE	    static inline
#define WALK_GLOBAL	    static
#endif

/* Pointers read from a dying object can be any value. */
WALK_INLINE int walk_addr_ok(__u64 addr)
{
	return addr >= WALK_ADDR_FIRST && addr < WALK_ADDR_LAST;
}

#endif
