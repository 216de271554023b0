/* jit_names.c: see jit_names.h.
 *
 * The spellings are those of V8's PerfBasicLogger and of CPython's perf_trampoline.c.  JVMs name
 * methods as Java does or as it mangles them, both well enough to be read.
 */
#include "runtime/jit_names.h"

#include <string.h>

/* The decimal number behind the last colon, which is cut off; -1: there is none. */
static long cut_number(char *text)
{
	char *colon = strrchr(text, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	long n = 0;

	if (!digits || digits > 9 || colon[1 + digits])
		return -1;
	for (size_t i = 1; i <= digits; i++)
		n = n * 10 + (colon[i] - '0');
	*colon = '\0';
	return n;
}

/* "*name file:line:column", the column missing in older versions.  Names and files may hold blanks:
 * only where there is a single one is it certain which ends where. */
static bool split_v8(char *text, struct chunk_frame *f)
{
	char *name = text + strspn(text, "~^+*"), *blank = strchr(name, ' ');
	long last, line;

	if (name - text > 1 || !blank || strchr(blank + 1, ' ') || !strchr(blank, ':'))
		return false;
	last = cut_number(blank + 1);
	if (last < 0)
		return false;
	line = cut_number(blank + 1);
	*blank = '\0';
	f->fn = *name ? name : "(anonymous)";
	f->file = blank + 1;
	f->line = (uint32_t)(line < 0 ? last : line);
	if (strncmp(f->file, "node:", 5) == 0)
		f->flags |= FRAME_LIBRARY;
	return true;
}

/* "qualified.name:file" */
static bool split_python(char *text, struct chunk_frame *f)
{
	char *colon = strchr(text, ':');

	if (!colon || colon == text || !colon[1])
		return false;
	*colon = '\0';
	f->fn = text;
	f->file = colon + 1;
	if (strncmp(f->file, "<frozen ", 8) == 0)
		f->flags |= FRAME_LIBRARY;
	return true;
}

/* Code that the runtime brings along. */
static bool is_its_own(char *text, struct chunk_frame *f)
{
	(void)text;
	f->flags |= FRAME_LIBRARY;
	return false;
}

/* The whole name, not the beginning of another. */
static bool is_its_own_exactly(char *text, struct chunk_frame *f)
{
	return *text ? false : is_its_own(text, f);
}

static const struct row {
	const char *prefix;
	bool (*split)(char *text, struct chunk_frame *f); /* false: show the whole as it is */
} rows[] = {
	{ "JS:", split_v8 },
	{ "LazyCompile:", split_v8 },
	{ "Function:", split_v8 },
	{ "Eval:", split_v8 },
	{ "Script:", split_v8 },
	{ "Builtin:", is_its_own },
	{ "BytecodeHandler:", is_its_own },
	{ "Stub:", is_its_own },
	{ "Interpreter", is_its_own_exactly }, /* HotSpot's */
	{ "StubRoutines (", is_its_own },
	{ "py::", split_python },
};

void jit_name(char *text, struct chunk_frame *f)
{
	f->fn = text;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].prefix);

		if (strncmp(text, rows[i].prefix, len) != 0)
			continue;
		if (!rows[i].split(text + len, f))
			f->fn = text;
		return;
	}
}
