/* apportion.c: see apportion.h. */
#include "model/apportion.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct remainder {
	unsigned __int128 rest;
	size_t index;
};

static int by_rest(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest > y->rest ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static void hand_out(struct remainder *rest, size_t n, uint64_t left, uint64_t *ret)
{
	if (!left)
		return;
	qsort(rest, n, sizeof(*rest), by_rest);
	for (size_t i = 0; i < n && left; i++, left--)
		ret[rest[i].index]++;
}

int apportion(const uint64_t *weights, size_t n, uint64_t total, uint64_t *ret)
{
	_cleanup_free_ struct remainder *rest = NULL;
	unsigned __int128 sum = 0;
	uint64_t given = 0;

	for (size_t i = 0; i < n; i++)
		sum += weights[i];
	if (sum == 0) {
		for (size_t i = 0; i < n; i++)
			ret[i] = 0;
		return 0;
	}
	rest = calloc(n, sizeof(*rest));
	if (!rest)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		unsigned __int128 share = (unsigned __int128)weights[i] * total;

		ret[i] = share / sum;
		given += ret[i];
		rest[i] = (struct remainder){ share % sum, i };
	}
	hand_out(rest, n, total - given, ret);
	return 0;
}

int round_to_us(const uint64_t *ns, size_t n, uint64_t *ret_us)
{
	_cleanup_free_ struct remainder *rest = calloc(n ? n : 1, sizeof(*rest));
	uint64_t sum = 0, given = 0;

	if (!rest)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		sum += ns[i];
		ret_us[i] = ns[i] / 1000;
		given += ret_us[i];
		rest[i] = (struct remainder){ ns[i] % 1000, i };
	}
	hand_out(rest, n, sum / 1000 - given, ret_us);
	return 0;
}
