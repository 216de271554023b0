/* cpython_text.h: CPython's strings as UTF-8, and which paths are the interpreter's.
 *
 * Owns decoding of compact PyUnicode data.  Pure; the bytes are hostile.  Must not know where they
 * came from.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_TEXT_H
#define STALLPROF_RUNTIME_CPYTHON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The layout of a string's characters, from its state word. */
struct cpython_text_form {
	unsigned int width; /* bytes per character: 1, 2, 4 */
	bool ascii;
};

/* False when the word is not that of a compact string. */
bool cpython_text_form(uint32_t state, struct cpython_text_form *ret_form);

/* Appends count characters as UTF-8.  What was a byte that did not decode (surrogate escape)
 * becomes that byte again; NUL and impossible characters become U+FFFD.  0 or -ENOMEM. */
int cpython_text_add(struct str *s, struct cpython_text_form form, const uint8_t *data,
		     size_t count);

/* Whether that file belongs to Python 3.minor or to an installed package, not to the user. */
bool cpython_path_is_library(const char *path, uint32_t minor);

#endif
