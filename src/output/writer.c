/* writer.c: finds a format by its name or by the suffix of a file.
 *
 * Owns the table made from writers.def.  Must not know any format by name.
 */
#include "output/writer.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

#define WRITER(id, end, text) { .name = #id, .suffix = end, .help = text, .write = id##_write },
#define WRITER_STREAMING(id, end, text) \
	{ .name = #id, .suffix = end, .help = text, .write = id##_write, .stall = id##_stall },

static const struct writer writers[] = {
#include "output/writers.def"
};

#define WRITER_COUNT (sizeof(writers) / sizeof(writers[0]))

const struct writer *writer_next(const struct writer *previous)
{
	const struct writer *next = previous ? previous + 1 : writers;

	return next < writers + WRITER_COUNT ? next : NULL;
}

const struct writer *writer_find(const char *name)
{
	for (const struct writer *w = NULL; (w = writer_next(w));)
		if (strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

const struct writer *writer_for_path(const char *path)
{
	const struct writer *best = NULL;

	for (const struct writer *w = NULL; (w = writer_next(w));) {
		/* A bare ".svg" is a hidden file without a suffix. */
		if (!str_ends(path, w->suffix) || strlen(path) == strlen(w->suffix))
			continue;
		if (!best || strlen(w->suffix) > strlen(best->suffix))
			best = w;
	}
	return best;
}

int writer_status(FILE *f)
{
	return fflush(f) != 0 || ferror(f) ? -EIO : 0;
}
