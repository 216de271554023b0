/* printed.h: what a writer makes of a fixture, as one string.
 *
 * For the tests of the writers only.  Brings the fixtures along, because a test program is one file
 * and the library.
 */
#ifndef STALLPROF_TESTS_PRINTED_H
#define STALLPROF_TESTS_PRINTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "output/writer.h"
#include "tests/golden/fixtures.c"

/* The caller frees it. */
static inline char *printed(const char *format, const struct profile *p,
			    const struct writer_opts *o)
{
	const struct writer *w = writer_find(format);
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(w);
	assert_non_null(f);
	assert_int_equal(w->write(p, o, f), 0);
	fclose(f);
	assert_int_equal(strlen(text), len); /* no NUL in between */
	return text;
}

static inline size_t times_in(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* A stream on which every write fails. */
static inline FILE *full_stream(void)
{
	FILE *f = fopen("/dev/full", "w");

	assert_non_null(f);
	return f;
}

#endif
