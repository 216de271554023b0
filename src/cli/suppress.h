/* suppress.h: keeps one kind of stall from filling the screen.
 *
 * Owns the rule: after SUPPRESS_SHOWN lines of one key in SUPPRESS_WINDOW the rest are counted.
 * Pure: the time is an argument; must not know where lines go.
 */
#ifndef STALLPROF_CLI_SUPPRESS_H
#define STALLPROF_CLI_SUPPRESS_H

#include "base/str.h"
#include "model/profile.h"

#define SUPPRESS_SHOWN	5
#define SUPPRESS_WINDOW 60000000000ULL /* ns */

struct suppress_key;

/* All zero is empty. */
struct suppress {
	struct suppress_key *items;
	size_t count;
	size_t room;
};

void suppress_release(struct suppress *s);

/* Whether the stall gets its line; CLOCK_MONOTONIC now.  One whose beginning was shown as ongoing
 * always gets its end.  Without memory everything is shown. */
bool suppress_show(struct suppress *s, const struct stall *stall, uint64_t now_ns);

/* Adds "suppressed N like ID\n" for every key whose window is over and held something back, ID
 * being that of its last line; UINT64_MAX: for all.  0 or -ENOMEM. */
int suppress_flush(struct suppress *s, uint64_t now_ns, struct str *out);

#endif
