/* outputs_write.c: lets the planned writers write; see outputs.h.
 *
 * Owns opening, closing and what a writer may know of the terminal.
 */
#include "cli/outputs.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cli/aside.h"

static struct writer_opts options_for(const struct output *out, bool verbose)
{
	struct writer_opts o = { .verbose = verbose, .streamed = out->streamed };
	struct winsize size;

	if (!out->path && isatty(STDOUT_FILENO)) {
		/* https://no-color.org: any value but the empty one turns colours off. */
		const char *plain = getenv("NO_COLOR");

		o.color = !(plain && *plain);
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
			o.width = size.ws_col;
	}
	return o;
}

int outputs_stall(struct outputs *o, const struct profile *p, const struct stall *s)
{
	int r = 0;

	for (size_t i = 0; i < o->count; i++) {
		struct output *out = &o->items[i];
		struct writer_opts opts = options_for(out, false);
		int one;

		if (out->path || !out->writer->stall)
			continue;
		one = out->writer->stall(p, s, &opts, stdout);
		/* A reader behind a pipe waits for the line. */
		if (one == 0 && fflush(stdout) != 0)
			one = -errno;
		out->streamed = true;
		r = r < 0 ? r : one;
	}
	return r;
}

static int write_one(const struct output *out, const struct profile *p, bool verbose, bool tree)
{
	struct writer_opts opts = options_for(out, verbose);
	FILE *stream = stdout;
	int r = 0;

	opts.tree = tree;
	if (out->path && out->direct) {
		stream = fopen(out->path, "we");
		r = stream ? 0 : -errno;
	} else if (out->path) {
		r = aside_open(out->path, &stream);
	}
	if (r < 0)
		return r;
	errno = 0;
	r = out->writer->write(p, &opts, stream);
	/* The writer says that it failed; what failed stands in errno, if anywhere. */
	if (r == -EIO && errno)
		r = -errno;
	if (!out->path)
		return r < 0 ? r : fflush(stream) != 0 ? -errno : 0;
	if (!out->direct)
		return aside_close(out->path, stream, r);
	if (fclose(stream) != 0 && r == 0)
		r = -errno;
	return r;
}

int outputs_write(struct outputs *o, const struct profile *p, bool verbose, struct str *ret_why)
{
	int first = 0;

	for (size_t i = 0; i < o->count; i++) {
		const struct output *out = &o->items[i];
		int r = out->writer ? write_one(out, p, verbose, o->tree) : 0;

		if (r == 0)
			continue;
		str_printf(ret_why, "%s%s: not written: %s: choose another place",
			   ret_why->len ? "; " : "", out->path ? out->path : "standard output",
			   strerror(-r));
		first = first < 0 ? first : r;
	}
	return first;
}
