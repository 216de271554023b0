/* cpu_list.c: see cpu_list.h. */
#include "base/cpu_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool take_number(const char **at, unsigned long *ret)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	*ret = strtoul(*at, &end, 10);
	*at = end;
	return true;
}

int cpu_list_parse(const char *text, bool *ret_has, size_t n)
{
	unsigned long first, last;

	memset(ret_has, 0, n * sizeof(*ret_has));
	for (;;) {
		if (!take_number(&text, &first))
			return -EINVAL;
		last = first;
		if (*text == '-' && (text++, !take_number(&text, &last)))
			return -EINVAL;
		for (; first <= last && first < n; first++)
			ret_has[first] = true;
		if (*text != ',')
			return *text == '\0' || *text == '\n' ? 0 : -EINVAL;
		text++;
	}
}
