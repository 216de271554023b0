/* outputs.c: plans the outputs; see outputs.h.  outputs_write.c fills them. */
#include "cli/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/aside.h"

#define TEXT_NAME	 "text"
#define RECORDING_NAME	 "stall"
#define RECORDING_SUFFIX ".stall"

#define FORMAT_HELP "overrides the suffix:"

const char outputs_format_help[] = FORMAT_HELP
#define WRITER(name, suffix, help)	     " " #name
#define WRITER_STREAMING(name, suffix, help) " " #name
#include "output/writers.def"
#undef WRITER
#undef WRITER_STREAMING
	" " RECORDING_NAME;

void outputs_release(struct outputs *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->items[i].path);
	vec_release(o);
}

const char *outputs_error(int r)
{
	return r == -EBUSY ? "another stallprof is writing it" : strerror(-r);
}

const char *outputs_recording(const struct outputs *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (!o->items[i].writer)
			return o->items[i].path;
	return NULL;
}

bool outputs_tell(const struct outputs *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (!o->items[i].path && strcmp(o->items[i].writer->name, TEXT_NAME) == 0)
			return true;
	return false;
}

static const char *next_format(const void *ctx, size_t i)
{
	const struct writer *w = NULL;

	(void)ctx;
	do
		w = writer_next(w);
	while (w && i-- > 0);
	return w ? w->name : NULL;
}

static int refuse_format(const char *format, struct str *why)
{
	const char *meant = nearest(format, next_format, NULL);

	if (meant)
		str_printf(why, "-F %s: unknown format: did you mean %s?", format, meant);
	else
		str_printf(why, "-F %s: unknown format: use one of %s", format,
			   outputs_format_help + sizeof(FORMAT_HELP));
	return -EINVAL;
}

/* Which writer; NULL for the recording. */
static int choose_writer(const char *format, const char *path, bool can_record,
			 const struct writer **ret_writer, struct str *why)
{
	bool is_stdout = strcmp(path, "-") == 0;
	bool record = format ? strcmp(format, RECORDING_NAME) == 0
			     : !is_stdout && str_ends(path, RECORDING_SUFFIX);
	const struct writer *w;

	if (record && is_stdout)
		str_add(why, "-F stall: a recording needs a file: add -o FILE.stall");
	else if (record && !can_record)
		str_printf(why,
			   "-o %s: the recording exists already: choose another format with -F",
			   path);
	if (why->len)
		return -EINVAL;
	if (record) {
		*ret_writer = NULL;
		return 0;
	}
	w = format	? writer_find(format)
	    : is_stdout ? writer_find(TEXT_NAME)
			: writer_for_path(path);
	if (!w && format)
		return refuse_format(format, why);
	if (!w) {
		str_printf(why, "-o %s: the suffix names no format: name one with -F", path);
		return -EINVAL;
	}
	*ret_writer = w;
	return 0;
}

/* Where the bytes go.  A link is followed now: renaming onto it would replace the link, and with
 * /dev/stdout or /dev/null that would be the machine's own. */
static int resolve(const char *path, struct output *out, struct str *why)
{
	struct stat st;
	int r = 0;

	if (stat(path, &st) == 0) {
		out->direct = !S_ISREG(st.st_mode);
		if (S_ISDIR(st.st_mode))
			r = -EISDIR;
		else if (access(path, W_OK) < 0)
			r = -errno;
		else
			out->path = out->direct ? strdup(path) : realpath(path, NULL);
	} else if (errno == ENOENT) {
		out->path = strdup(path);
	} else {
		r = -errno;
	}
	if (r == 0 && !out->path)
		r = -errno;
	/* recording_create makes its own partial file, and may find another recording at it. */
	if (r == 0 && !out->direct && out->writer)
		r = aside_probe(out->path);
	if (r == 0 && out->direct && !out->writer)
		r = -ESPIPE;
	if (r == -EISDIR)
		str_printf(why, "-o %s: is a directory: name a file in it", path);
	else if (r == -ESPIPE)
		str_printf(why, "-o %s: a recording needs a regular file: name one", path);
	else if (r < 0)
		str_printf(why, "-o %s: cannot be written: %s: choose another place", path,
			   strerror(-r));
	return r;
}

static bool same_place(const struct output *a, const struct output *b)
{
	return a->path && b->path ? strcmp(a->path, b->path) == 0 : a->path == b->path;
}

static int plan_one(struct outputs *all, const char *format, const char *path, bool can_record,
		    struct str *why)
{
	struct output out = { 0 };
	int r = choose_writer(format, path, can_record, &out.writer, why);

	if (r < 0)
		return r;
	if (strcmp(path, "-") == 0)
		out.direct = true;
	else
		r = resolve(path, &out, why);
	for (size_t i = 0; r == 0 && i < all->count; i++) {
		if (same_place(&all->items[i], &out))
			str_printf(why, "-o %s: given twice: one output for each place", path);
		else if (!all->items[i].writer && !out.writer)
			str_printf(why, "-o %s: second recording: copy the first one instead",
				   path);
		else
			continue;
		r = -EINVAL;
	}
	if (r == 0)
		r = vec_add(all, out);
	if (r < 0)
		free(out.path);
	return r;
}

int outputs_plan(const struct output_opts *o, bool can_record, struct outputs *ret_outputs,
		 struct str *ret_why)
{
	struct outputs all = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->paths.count; i++)
		r = plan_one(&all, o->format, o->paths.items[i], can_record, ret_why);
	/* -f is an output of its own: a .svg beside it stays a .svg. */
	if (r == 0 && o->folded)
		r = plan_one(&all, "folded", "-", can_record, ret_why);
	else if (r == 0 && o->paths.count == 0)
		r = plan_one(&all, o->format ? o->format : TEXT_NAME, "-", can_record, ret_why);
	if (r < 0) {
		outputs_release(&all);
		return r;
	}
	*ret_outputs = all;
	return 0;
}
