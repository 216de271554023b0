/* cost.h: how much time something may take that a hostile target can make us do without end.
 *
 * Owns an account: what was done is paid back by the clock, one part in COST_SHARE of a core; up to
 * a burst it may be owed.  Must not know what costs so much.
 */
#ifndef STALLPROF_CAPTURE_COST_H
#define STALLPROF_CAPTURE_COST_H

#include <stdbool.h>
#include <stdint.h>

#define COST_SHARE 20

/* All zero owes nothing.  Times are CLOCK_MONOTONIC ns. */
struct cost {
	uint64_t paid_at; /* when nothing is owed any more */
};

/* When less than the burst is owed. */
static inline uint64_t cost_due(const struct cost *c, uint64_t burst)
{
	return c->paid_at < burst * COST_SHARE ? 0 : c->paid_at - burst * COST_SHARE + 1;
}

static inline bool cost_allowed(const struct cost *c, uint64_t now, uint64_t burst)
{
	return cost_due(c, burst) <= now;
}

static inline void cost_charge(struct cost *c, uint64_t now, uint64_t ns)
{
	c->paid_at = (c->paid_at > now ? c->paid_at : now) + ns * COST_SHARE;
}

#endif
