/* built_lines.h: ELF files with debug information, compiled on the spot, in the folder of built.h.
 *
 * The source is lines.c: `outer` holds `middle`, which holds `inner`, both inlined; the lines of
 * the calls are what the tests know.  `aside` stands alone.
 */
#ifndef STALLPROF_TESTS_UNIT_TARGET_BUILT_LINES_H
#define STALLPROF_TESTS_UNIT_TARGET_BUILT_LINES_H

#include "built.h"

#define INNER_LINE  4
#define MIDDLE_LINE 8
#define OUTER_LINE  12
#define ASIDE_LINE  16

static const char lines_source[] =
	"volatile int sink;\n"
	"static inline __attribute__((always_inline)) int inner(int n)\n"
	"{\n"
	"	sink = n;\n"
	"	return n; }\n"
	"static inline __attribute__((always_inline)) int middle(int n)\n"
	"{\n"
	"	return inner(n);\n"
	"}\n"
	"int outer(int n)\n"
	"{\n"
	"	return middle(n);\n"
	"}\n"
	"int aside(int n)\n"
	"{\n"
	"	return n * 7 + sink;\n"
	"}\n";

/* Writes text into a file of the folder. */
static inline int built_write(const char *name, const char *text)
{
	char path[512];
	FILE *f;
	int r;

	snprintf(path, sizeof(path), "%s/%s", built, name);
	f = fopen(path, "w");
	if (!f)
		return -1;
	r = fputs(text, f);
	return fclose(f) == 0 && r >= 0 ? 0 : -1;
}

/* Compiles lines.c into `lines`, a shared object, with these options. */
static inline int built_lines(const char *options)
{
	char line[512];

	snprintf(line, sizeof(line), "cc -O2 -g -fPIC -shared -Wl,--build-id %s lines.c -o lines",
		 options);
	return built_write("lines.c", lines_source) || built_run(line);
}

/* Where the function of the file lies; 0 and no size: nowhere. */
static inline void built_range(const char *name, const char *function, uint64_t *ret_start,
			       uint64_t *ret_size)
{
	char command[512], text[256];
	unsigned long long start = 0, size = 0;
	FILE *f;

	snprintf(command, sizeof(command), "nm -S %s/%s | grep -F ' %s'", built, name, function);
	f = popen(command, "r");
	if (f && (!fgets(text, sizeof(text), f) || sscanf(text, "%llx %llx", &start, &size) != 2))
		start = size = 0;
	if (f)
		pclose(f);
	*ret_start = start;
	*ret_size = size;
}

#endif
