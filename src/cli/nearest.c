/* nearest.c: the word that somebody meant.
 *
 * Edit distance over short words; knows nothing of options.
 */
#include "cli/options.h"

#include <string.h>

#define WORD_MAX 32

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Damerau's distance without the general case: a swap of neighbours is one mistake, as typed. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), d[WORD_MAX + 1][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[n][m];
}

const char *nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
		    const void *ctx)
{
	const char *best = NULL, *candidate;
	size_t best_distance = strlen(word) < 4 ? 2 : 3;

	for (size_t i = 0; (candidate = next(ctx, i)); i++) {
		size_t n = strlen(word);
		/* Half a word is no mistake in typing, but the same cure helps. */
		size_t d = n >= 3 && strncmp(word, candidate, n) == 0 ? 1
								      : distance(word, candidate);

		if (d < best_distance) {
			best = candidate;
			best_distance = d;
		}
	}
	return best;
}
