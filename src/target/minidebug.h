/* minidebug.h: the compressed symbol table that some distributions leave in stripped files.
 *
 * Owns unpacking .gnu_debugdata with bounds.  Must not know what is done with the names.
 */
#ifndef STALLPROF_TARGET_MINIDEBUG_H
#define STALLPROF_TARGET_MINIDEBUG_H

#include "base/str.h"
#include "target/elf.h"

#define MINIDEBUG_PACKED_MAX   (32u << 20) /* bytes; larger ones are refused */
#define MINIDEBUG_UNPACKED_MAX (64u << 20)

/* Unpacks one .xz stream.  0, -EBADMSG damaged, -EFBIG larger than allowed, -ENOMEM. */
int minidebug_unpack(const void *bytes, size_t len, struct str *ret_file);

/* The ELF file inside e; it may be hostile like any other.  The errors of minidebug_unpack,
 * -ENOENT.
 */
int minidebug_read(const struct elf_image *e, struct str *ret_file);

#endif
