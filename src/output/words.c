/* words.c: enum names, frames and short paths.
 *
 * The contract's spelling in one place.  Knows no format and prints nothing.
 */
#include "output/words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

const char *class_name(enum stall_class klass)
{
	static const char *const names[] = {
#define X(name, number, text) [number] = text,
		STALL_CLASSES(X)
#undef X
	};

	return (unsigned)klass < CLASS_COUNT ? names[klass] : names[CLASS_UNEXPLAINED];
}

const char *target_kind_name(enum target_kind kind)
{
	static const char *const names[] = {
#define X(name, number, text) [number] = text,
		TARGET_KINDS(X)
#undef X
	};

	return (unsigned)kind < TARGET_COUNT ? names[kind] : names[TARGET_OTHER];
}

const char *frame_kind_name(enum frame_kind kind)
{
	static const char *const names[] = {
		[FRAME_KERNEL] = "kernel",
		[FRAME_NATIVE] = "native",
		[FRAME_PYTHON] = "python",
		[FRAME_JS] = "js",
	};

	return (unsigned)kind < FRAME_KIND_COUNT ? names[kind] : names[FRAME_NATIVE];
}

const char *quality_name(enum quality quality)
{
	switch (quality) {
	case QUALITY_FULL:
		return "full";
	case QUALITY_PARTIAL:
		return "partial";
	case QUALITY_NONE:
		break;
	}
	return "none";
}

const char *proc_comm(const struct profile *p, int proc)
{
	return proc >= 0 && (size_t)proc < p->n_procs ? p->procs[proc].comm : "?";
}

int folded_name(struct str *s, const char *name)
{
	int r = 0;

	for (; *name && r == 0; name++) {
		unsigned char c = (unsigned char)*name;

		r = str_add_char(s, c == ';' ? ':' : (c < 0x20 || c == 0x7f) ? ' ' : *name);
	}
	return r;
}

static bool is_script(const struct frame *f)
{
	return f->kind == FRAME_PYTHON || f->kind == FRAME_JS;
}

/* A frame without a name is its place in the module. */
static int add_offset(struct str *s, const struct frame *f, const char *module)
{
	int r;

	if (!*module && f->offset == 0)
		return str_add(s, "[unknown]");
	r = folded_name(s, module);
	return r ? r : str_printf(s, "%s0x%" PRIx64, *module ? "+" : "", f->offset);
}

static int add_script(struct str *s, const struct frame *f)
{
	int r = folded_name(s, *f->fn ? f->fn : "[unknown]");

	if (r || !*f->file)
		return r;
	r = str_add(s, " (");
	if (r == 0)
		r = folded_name(s, f->file);
	if (r == 0 && f->line)
		r = str_printf(s, ":%" PRIu32, f->line);
	return r ? r : str_add_char(s, ')');
}

int frame_folded(struct str *s, const struct frame *f)
{
	const char *mark = f->kind == FRAME_KERNEL ? "_[k]" : f->jit ? "_[j]" : "";
	int r;

	if (is_script(f))
		r = add_script(s, f);
	else if (*f->fn)
		r = folded_name(s, f->fn);
	else
		r = add_offset(s, f, f->module);
	if (r == 0)
		r = str_add(s, mark);
	if (r == 0 && f->inlined)
		r = str_add(s, "_[i]");
	return r;
}

int frame_short(struct str *s, const struct paths *paths, const struct frame *f)
{
	const char *fn = *f->fn ? f->fn : "[unknown]";

	if (is_script(f)) {
		if (!*f->file)
			return str_add(s, fn);
		if (!f->line)
			return str_printf(s, "%s %s", path_short(paths, f->file), fn);
		return str_printf(s, "%s:%" PRIu32 " %s", path_short(paths, f->file), f->line, fn);
	}
	if (!*f->fn)
		return add_offset(s, f, f->module);
	if (f->kind == FRAME_KERNEL)
		return str_printf(s, "%s (kernel)", fn);
	/* a C file that the symbols know is more use than the name of the binary */
	if (*f->file && f->line)
		return str_printf(s, "%s:%" PRIu32 " %s", path_short(paths, f->file), f->line, fn);
	return *f->module ? str_printf(s, "%s (%s)", fn, f->module) : str_add(s, fn);
}

bool frame_same(const struct frame *a, const struct frame *b)
{
	if (a == b)
		return true;
	return a && b && a->kind == b->kind && a->line == b->line && a->offset == b->offset &&
	       strcmp(a->fn, b->fn) == 0 && strcmp(a->file, b->file) == 0 &&
	       strcmp(a->module, b->module) == 0;
}

/* Of Unicode's East Asian Width the wide and full ones, and pictures; then what combines. */
static size_t columns_of(uint32_t c)
{
	static const struct {
		uint32_t first, last, columns;
	} ranges[] = {
		{ 0x300, 0x36f, 0 },	 { 0x1100, 0x115f, 2 },	  { 0x200b, 0x200d, 0 },
		{ 0x2e80, 0x303e, 2 },	 { 0x3041, 0xa4cf, 2 },	  { 0xac00, 0xd7a3, 2 },
		{ 0xf900, 0xfaff, 2 },	 { 0xfe00, 0xfe0f, 0 },	  { 0xfe30, 0xfe6f, 2 },
		{ 0xff01, 0xff60, 2 },	 { 0xffe0, 0xffe6, 2 },	  { 0x1f300, 0x1f64f, 2 },
		{ 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1faff, 2 }, { 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].columns;
	return 1;
}

const char *text_next(const char *text, size_t *columns)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t c = *p < 0x80 ? *p : *p < 0xe0 ? *p & 0x1f : *p < 0xf0 ? *p & 0xf : *p & 7;

	for (p++; (*p & 0xc0) == 0x80; p++)
		c = c << 6 | (*p & 0x3f);
	*columns += c < 0x300 ? 1 : columns_of(c);
	return (const char *)p;
}

size_t text_columns(const char *text)
{
	size_t n = 0;

	while (*text)
		text = text_next(text, &n);
	return n;
}

int text_clip(struct str *s, const char *text, size_t columns)
{
	size_t keep = columns < 2 ? 0 : columns - 2, n = 0;
	const char *end = text, *next;

	if (text_columns(text) <= columns)
		return str_add(s, text);
	for (; *end; end = next) {
		next = text_next(end, &n);
		if (n > keep)
			break;
	}
	return str_add_mem(s, text, (size_t)(end - text)) || str_add(s, columns < 2 ? "." : "..")
		       ? -ENOMEM
		       : 0;
}
