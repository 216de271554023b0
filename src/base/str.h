/* str.h: a growing byte string, and the few string helpers the standard library lacks.
 *
 * Low-level: may use the C library only.  A struct str that is all zero is an empty string; text
 * is always NUL-terminated once something was added, and may hold NUL bytes of its own.
 */
#ifndef STALLPROF_BASE_STR_H
#define STALLPROF_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct str {
	char *text;  /* NULL while empty; owned */
	size_t len;  /* bytes, without the final NUL */
	size_t room; /* bytes allocated */
};

void str_release(struct str *s);
void str_clear(struct str *s); /* empties, keeps the memory */

/* All return 0 or -ENOMEM, and leave the string as it was on failure. */
int str_add_mem(struct str *s, const void *bytes, size_t len);
int str_add(struct str *s, const char *text);
int str_add_char(struct str *s, char c);
int str_printf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "" while empty; valid until the next change. */
const char *str_text(const struct str *s);

/* Adds text that came from outside so that it can be shown in a terminal: control characters, what
 * turns the writing direction, and bytes that are not valid UTF-8 become \xNN.  Reads at most len
 * bytes, stops at a NUL. */
int str_add_printable(struct str *s, const char *text, size_t len);

static inline void str_releasep(struct str *s)
{
	str_release(s);
}

/* Reads a whole file, at most `limit` bytes (more: -EFBIG).  Works for /proc files, whose size is
 * not known beforehand.  Negative errno of open or read otherwise. */
int file_read(const char *path, size_t limit, struct str *ret_content);

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* 64-bit FNV-1a; start with HASH_START.  For keys that are shown or stored, not for security. */
#define HASH_START 0xcbf29ce484222325ULL
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len);
uint64_t hash_text(uint64_t hash, const char *text);

#endif
