/* duration.h: lengths of time as a person writes them.
 *
 * Owns the one spelling of TIME that every option shares.  Knows the C library and base/str.h only.
 */
#ifndef STALLPROF_BASE_DURATION_H
#define STALLPROF_BASE_DURATION_H

#include <stdint.h>

#include "base/str.h"

/* A decimal number with one of ns us ms s m h behind it; without a unit it is seconds.  Digits past
 * the nanosecond are cut.  -EINVAL: not such a text; -ERANGE: longer than UINT64_MAX nanoseconds.
 */
int duration_parse(const char *text, uint64_t *ret_ns);

/* Adds the shortest exact spelling, one that duration_parse reads back: "100ms", "1500us", "0s".
 * 0 or -ENOMEM. */
int duration_add(struct str *s, uint64_t ns);

#endif
