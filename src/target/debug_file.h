/* debug_file.h: the separate debug file of a stripped one.
 *
 * Owns where such files lie and how one is opened below a root that is not ours: no link leads out
 * of it, and only regular files are opened.  That the file is the right one is symbols.h's to
 * prove.
 */
#ifndef STALLPROF_TARGET_DEBUG_FILE_H
#define STALLPROF_TARGET_DEBUG_FILE_H

#include "target/process.h"
#include "target/symbols.h"

/* Opens a regular file below the directory, as if that were "/".  A descriptor as
 * elf_open_mapping's, or negative errno: -EINVAL no regular file, -ELOOP, -ENOENT, -ETIMEDOUT. */
int debug_file_open(int root, const char *path);

/* By build id below root, in /usr/lib/debug/.build-id and /.build-id.  As debug_file_find. */
int debug_file_by_build_id(int root, const char *build_id, struct symbols **ret_debug);

/* The build id of an ELF file in hexadecimal, "" if it has none; read in the sandbox.  0, the
 * errors of symbols_build_safely. */
int debug_file_read_id(int fd, char ret_build_id[SYMBOLS_BUILD_ID_ROOM]);

/* By build id as above; then, unless path is NULL, by the link in the file, which lies at path
 * below root.  0; -ENOENT; -ETIMEDOUT a candidate took too long, and no other was looked at. */
int debug_file_find(int root, const char *path, const struct symbols *s,
		    struct symbols **ret_debug);

/* The same in the process's own root, then in ours. */
int debug_file_find_for(const struct process *p, const struct mapping *m, const struct symbols *s,
			struct symbols **ret_debug);

#endif
