/* mapped_file.h: the file behind a mapping, and how to know it again.
 *
 * Owns what makes two files the same to a cache of something built from them: a path says nothing
 * (containers, deleted and replaced files), and an inode number is used again.  The kernel's own
 * library, which lies in no file, is handed out like one.  Must not know what is built.
 */
#ifndef STALLPROF_TARGET_MAPPED_FILE_H
#define STALLPROF_TARGET_MAPPED_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "target/process.h"

struct file_identity {
	uint64_t dev, ino, size; /* as fstat says them; dev 0: the vdso */
	int64_t mtime_s, mtime_ns;
};

bool file_identity_same(const struct file_identity *a, const struct file_identity *b);

bool mapping_is_vdso(const struct mapping *m);

/* Opens the file behind a mapping as elf_open_mapping does, or the image of the vdso as the process
 * has it.  A descriptor of the caller's, or negative errno: -ENOENT it has no file. */
int mapped_file_open(const struct process *p, const struct mapping *m,
		     struct file_identity *ret_identity);

#endif
