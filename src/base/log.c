/* log.c: see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

void log_error(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	cleanup(str_releasep) struct str shown = { 0 };
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		fputs("stallprof: out of memory\n", stderr);
		return;
	}
	if (str_add_printable(&shown, text, n) < 0)
		str_clear(&shown);
	fprintf(stderr, "stallprof: %s\n", shown.len ? shown.text : "out of memory");
}
