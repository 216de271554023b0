/* demangle.h: from a linker's name of a C++ or Rust function to the one in its source.
 *
 * Owns which names are mangled, how they are shown, and a bound on the result: a few hundred bytes
 * can stand for gigabytes.  No bound on time without output: callers that read hostile names use
 * demangler.h, which runs this in a worker.
 */
#ifndef STALLPROF_TARGET_DEMANGLE_H
#define STALLPROF_TARGET_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

#define DEMANGLE_INPUT_MAX   1022 /* bytes; longer names may have been cut */
#define DEMANGLE_OUTPUT_ROOM 1024 /* bytes, with NUL */

/* By its first bytes, whether there is something to do. */
bool demangle_wanted(const char *name);

/* Writes the qualified name, with template arguments, without parameters, return type and hash.  If
 * it does not fit, the arguments of arguments become "<...>".  room: at least 2.  -EINVAL: no such
 * name; -E2BIG: the name or the result is too long. */
int demangle(const char *name, char *ret_text, size_t room);

#endif
