/* built.h: small ELF files compiled on the spot, and the folder that they lie in.
 *
 * whole: with all its names; bare: stripped, linked to names.debug; names.debug: its debug file.
 * `hidden` and `shown` are functions of them, the second one exported.
 */
#ifndef STALLPROF_TESTS_UNIT_TARGET_BUILT_H
#define STALLPROF_TESTS_UNIT_TARGET_BUILT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/elf.h"
#include "target/symbols.h"

static char built[] = "/tmp/built-XXXXXX";

/* Runs a shell command in the folder. */
static inline int built_run(const char *command)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd %s && (%s) >/dev/null 2>&1", built, command);
	return system(line);
}

static inline int built_open(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", built, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static inline int built_setup(void **state)
{
	FILE *f;
	char path[512];

	(void)state;
	if (!mkdtemp(built))
		return -1;
	snprintf(path, sizeof(path), "%s/a.c", built);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fputs("static __attribute__((noinline)) int hidden(int n) { return n * 7; }\n"
	      "int shown(int n) { return hidden(n) + 1; }\n",
	      f);
	fclose(f);
	return built_run("cc -O1 -shared -fPIC -Wl,--build-id a.c -o whole &&"
			 "objcopy --only-keep-debug whole names.debug && cp whole bare &&"
			 "strip bare && objcopy --add-gnu-debuglink=names.debug bare");
}

static inline int built_teardown(void **state)
{
	char line[512];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", built);
	return system(line);
}

/* Where the function of the unstripped file begins. */
static inline uint64_t built_address(const char *function)
{
	struct elf_image *e = NULL;
	struct elf_symbol s;
	int fd = built_open("whole");

	assert_int_equal(elf_image_open(fd, &e), 0);
	close(fd);
	assert_int_equal(elf_image_symbol(e, function, &s), 0);
	elf_image_close(e);
	return s.value;
}

static inline struct symbols *built_symbols(const char *name)
{
	struct symbols *s = NULL;
	int fd = built_open(name);

	assert_true(fd >= 0);
	assert_int_equal(symbols_build(fd, &s), 0);
	close(fd);
	return s;
}

#endif
