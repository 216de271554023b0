/* units.c: numbers as people read them.
 *
 * Integer arithmetic, so that a golden file is the same on every machine.  Knows no profile.
 */
#include "output/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define US 1000ULL
#define MS (1000 * US)
#define S  (1000 * MS)

/* Rounds to `digits` decimals of the unit and drops ".0"; carries are the caller's business. */
static const char *scaled(char *buf, uint64_t ns, uint64_t unit, const char *name)
{
	uint64_t tenths = (ns + unit / 20) / (unit / 10);

	if (tenths < 100 && tenths % 10)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 ".%" PRIu64 "%s", tenths / 10, tenths % 10,
			 name);
	else
		snprintf(buf, UNIT_TEXT, "%" PRIu64 "%s", (ns + unit / 2) / unit, name);
	return buf;
}

static const char *seconds(char *buf, uint64_t ns)
{
	uint64_t hundredths = (ns + 5 * MS) / (10 * MS);
	uint64_t tenths = (ns + 50 * MS) / (100 * MS);

	/* 2.0s says "seconds, and measured better than that"; 2s would look like a setting */
	if (hundredths < 1000 && hundredths % 10)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 ".%02" PRIu64 "s", hundredths / 100,
			 hundredths % 100);
	else
		snprintf(buf, UNIT_TEXT, "%" PRIu64 ".%" PRIu64 "s", tenths / 10, tenths % 10);
	return buf;
}

const char *duration_text(char *buf, uint64_t ns)
{
	uint64_t full = ns / S + (ns % S >= S / 2); /* no overflow at the end */

	if (ns == 0)
		snprintf(buf, UNIT_TEXT, "0s");
	else if (ns < US)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 "ns", ns);
	else if (ns < MS - US / 2)
		scaled(buf, ns, US, "us");
	else if (ns < S - MS / 2)
		scaled(buf, ns, MS, "ms");
	else if (ns < 100 * S - 50 * MS)
		seconds(buf, ns);
	else if (full < 3600)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 "m%02" PRIu64 "s", full / 60, full % 60);
	else
		snprintf(buf, UNIT_TEXT, "%" PRIu64 "h%02" PRIu64 "m", full / 3600,
			 full % 3600 / 60);
	return buf;
}

const char *count_text(char *buf, uint64_t count)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *to = buf;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

const char *percent_text(char *buf, uint64_t part, uint64_t whole)
{
	/* long double holds every 64-bit integer, so the product does not lose digits */
	uint64_t tenths = whole ? (uint64_t)((long double)part * 1000 / whole + 0.5L) : 0;

	if (part && whole && tenths == 0)
		snprintf(buf, UNIT_TEXT, "<0.1%%");
	else if (tenths < 100 && tenths % 10)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 ".%" PRIu64 "%%", tenths / 10, tenths % 10);
	else
		snprintf(buf, UNIT_TEXT, "%" PRIu64 "%%", (tenths + 5) / 10);
	return buf;
}

const char *clock_text(char *buf, uint64_t wall_ns)
{
	uint64_t of_day = wall_ns / S % 86400;

	snprintf(buf, UNIT_TEXT, "%02u:%02u:%02u.%03u", (unsigned)(of_day / 3600),
		 (unsigned)(of_day / 60 % 60), (unsigned)(of_day % 60),
		 (unsigned)(wall_ns % S / MS));
	return buf;
}

const char *rfc3339_text(char *buf, uint64_t wall_ns)
{
	time_t seconds_since = (time_t)(wall_ns / S);
	struct tm tm = { 0 };

	gmtime_r(&seconds_since, &tm);
	snprintf(buf, UNIT_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
		 (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		 (unsigned)tm.tm_sec % 100, (unsigned)(wall_ns % S));
	return buf;
}
