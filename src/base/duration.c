/* duration.c: see duration.h.
 *
 * Works on digits, not on a double: 0.1s is 100000000 ns here and must not become 99999999.
 */
#include "base/duration.h"

#include <errno.h>
#include <string.h>

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "h", 3600000000000ULL }, { "m", 60000000000ULL }, { "s", 1000000000ULL },
	{ "ms", 1000000ULL },	   { "us", 1000ULL },	    { "ns", 1ULL },
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

static uint64_t unit_ns(const char *name)
{
	if (!*name)
		return 1000000000ULL;
	for (size_t i = 0; i < N_UNITS; i++)
		if (strcmp(units[i].name, name) == 0)
			return units[i].ns;
	return 0;
}

/* Only '0'..'9': isdigit() would ask the locale, strtoull() would take blanks and signs. */
static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

int duration_parse(const char *text, uint64_t *ret_ns)
{
	size_t n_whole = digits(text), n_part = 0;
	const char *part = "", *rest = text + n_whole;
	uint64_t unit, scale, ns = 0;

	if (*rest == '.') {
		part = rest + 1;
		n_part = digits(part);
		rest = part + n_part;
		if (n_part == 0)
			return -EINVAL;
	}
	unit = unit_ns(rest);
	if (n_whole == 0 || unit == 0)
		return -EINVAL;
	for (size_t i = 0; i < n_whole; i++)
		if (__builtin_mul_overflow(ns, 10, &ns) ||
		    __builtin_add_overflow(ns, text[i] - '0', &ns))
			return -ERANGE;
	if (__builtin_mul_overflow(ns, unit, &ns))
		return -ERANGE;
	scale = unit;
	/* An hour holds 3.6e12 ns: its tenths stay whole down to 1e-11 h, cut below a nanosecond.
	 */
	for (size_t i = 0; i < n_part && scale >= 10; i++) {
		scale /= 10;
		if (__builtin_add_overflow(ns, (part[i] - '0') * scale, &ns))
			return -ERANGE;
	}
	*ret_ns = ns;
	return 0;
}

int duration_add(struct str *s, uint64_t ns)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (ns && ns % units[i].ns == 0)
			return str_printf(s, "%llu%s", (unsigned long long)(ns / units[i].ns),
					  units[i].name);
	return str_add(s, "0s");
}
