/* SPDX-License-Identifier: GPL-2.0 */
/* budget.bpf.h: how often something may be done.  Knows not what.
 */
#ifndef STALLPROF_BUDGET_BPF_H
#define STALLPROF_BUDGET_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* The generic cell rate algorithm: `at` is when the budget would be full again. */
static __always_inline bool budget_allows(u64 *at, u64 now, u64 cost, u64 burst)
{
	u64 floor = now - burst * cost;
	u64 next = (*at > floor ? *at : floor) + cost;

	if (next > now)
		return false;
	*at = next;
	return true;
}

#endif
