/* aside.h: files that appear whole or not at all.
 *
 * A new file grows beside its place as FILE.partial and is renamed onto it when it is whole.  Knows
 * the C library only.
 */
#ifndef STALLPROF_CLI_ASIDE_H
#define STALLPROF_CLI_ASIDE_H

#include <stdio.h>

/* 0 when aside_open would succeed now; leaves nothing behind.  Negative errno. */
int aside_probe(const char *path);

/* A stream to PATH.partial.  Replaces a partial file that an earlier run left, never follows a
 * link.  Negative errno. */
int aside_open(const char *path, FILE **ret_stream);

/* Closes, then renames onto PATH; with `status` negative, or when the last bytes could not be
 * written, removes the partial file instead.  0, `status`, or negative errno. */
int aside_close(const char *path, FILE *stream, int status);

#endif
