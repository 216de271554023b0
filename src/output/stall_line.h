/* stall_line.h: one stall as one line that grep, a person and a log can read.
 *
 * The contract's "Stall line".  Knows the stall and its profile, not where the line goes.
 */
#ifndef STALLPROF_OUTPUT_STALL_LINE_H
#define STALLPROF_OUTPUT_STALL_LINE_H

#include <stdbool.h>

#include "base/str.h"
#include "model/profile.h"

/* Appends the line and its '\n'; with `verbose` also its heaviest stacks, indented, outermost
 * frame last.  The indexes of the stall refer to `p`.  0 or -ENOMEM. */
int stall_line(struct str *out, const struct profile *p, const struct stall *s, bool verbose);

#endif
