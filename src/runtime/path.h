/* path.h: what a path means to a person.
 *
 * Pure; the text is hostile.  Must not know runtimes or processes.
 */
#ifndef STALLPROF_RUNTIME_PATH_H
#define STALLPROF_RUNTIME_PATH_H

#include <stdbool.h>

/* The path as a person standing in cwd would write it; a part of `path`. */
const char *path_shown(const char *path, const char *cwd);

/* Whether a file of code was installed for all programs, not by the one that runs.  root: of the
 * process that maps it, as the reader names it. */
bool path_is_installed(const char *path, const char *root);

#endif
