/* path.h: what a path means to a person.
 *
 * Pure; the text is hostile.  Must not know runtimes or processes.
 */
#ifndef STALLPROF_RUNTIME_PATH_H
#define STALLPROF_RUNTIME_PATH_H

/* The path as a person standing in cwd would write it; a part of `path`. */
const char *path_shown(const char *path, const char *cwd);

#endif
