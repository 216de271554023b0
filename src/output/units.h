/* units.h: numbers as people read them.
 *
 * Lengths, counts, shares and clock times, the same form in every output.  All print into the
 * caller's buffer of UNIT_TEXT bytes and return it; the macros bring a buffer that lives until
 * the end of the enclosing block, so they fit into the arguments of printf.
 */
#ifndef STALLPROF_OUTPUT_UNITS_H
#define STALLPROF_OUTPUT_UNITS_H

#include <stdint.h>

#define UNIT_TEXT 40

/* 812ns 1.5us 3ms 411ms 1.03s 2.0s 30.0s 2m05s 3h07m; about three digits; "0s" for nothing. */
const char *duration_text(char *buf, uint64_t ns);
/* 9,120 */
const char *count_text(char *buf, uint64_t count);
/* 100% 67% 2.4% <0.1% 0%; "0%" of nothing. */
const char *percent_text(char *buf, uint64_t part, uint64_t whole);
/* 12:01:07.412, UTC, from CLOCK_REALTIME nanoseconds. */
const char *clock_text(char *buf, uint64_t wall_ns);
/* 2026-11-21T12:01:07.412345678Z */
const char *rfc3339_text(char *buf, uint64_t wall_ns);

#define UNIT_BUFFER	     ((char[UNIT_TEXT]){ 0 })
#define DURATION(ns)	     duration_text(UNIT_BUFFER, ns)
#define COUNT(n)	     count_text(UNIT_BUFFER, n)
#define PERCENT(part, whole) percent_text(UNIT_BUFFER, part, whole)
#define CLOCK(wall_ns)	     clock_text(UNIT_BUFFER, wall_ns)
#define RFC3339(wall_ns)     rfc3339_text(UNIT_BUFFER, wall_ns)

#endif
