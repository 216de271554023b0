/* symbols.h: names of native code, one sorted table per ELF file, and their cache.
 *
 * Owns the table, its look-up rule (an address beyond a symbol's size has no name, so that a
 * stripped file does not name code by a far-away export) and the cache by file identity.  The file
 * is parsed in a worker process without privileges: a file that crashes or hangs the parser costs
 * its names only.
 */
#ifndef STALLPROF_TARGET_SYMBOLS_H
#define STALLPROF_TARGET_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "target/process.h"

#define SYMBOLS_BUILD_ID_ROOM 129 /* bytes of a build id in hexadecimal, with its NUL */

struct symbols;

/* What a separate debug file must show to be that of another file. */
struct symbols_proof {
	const char *build_id; /* hexadecimal; NULL: the CRC counts */
	uint32_t crc;	      /* CRC-32 of all its bytes */
};

/* Builds the table of an open ELF file, in the calling process.  0, -ENOEXEC, -EFBIG, -ENOMEM. */
int symbols_build(int fd, struct symbols **ret_symbols);
/* The same in a sandboxed child with a deadline; in addition -ETIMEDOUT, -EIO (the worker died). */
int symbols_build_safely(int fd, struct symbols **ret_symbols);
/* The same for a file that may be the debug file of another; -ESTALE it is not. */
int symbols_build_debug(int fd, const struct symbols_proof *proof, struct symbols **ret_symbols);
struct symbols *symbols_free(struct symbols *s);
DEFINE_CLEANUP(struct symbols *, symbols_free)

/* From now on the debug file's names come first.  Takes debug, which gives up what it had itself.
 */
void symbols_attach(struct symbols *s, struct symbols *debug);

size_t symbols_count(const struct symbols *s);
size_t symbols_memory(const struct symbols *s); /* bytes */

/* In hexadecimal, "" if the file has none. */
const char *symbols_build_id(const struct symbols *s);
/* The file names all its functions itself: no debug file knows more. */
bool symbols_complete(const struct symbols *s);
/* The plain name of its debug file, "" if it says none. */
const char *symbols_debuglink(const struct symbols *s, uint32_t *ret_crc);

/* Debug information with source lines is in the file; where it was packed (dwz), the path of the
 * file that holds the other part of it, else "". */
bool symbols_has_lines(const struct symbols *s);
const char *symbols_altlink(const struct symbols *s);
/* Takes the open file itself and that other one (-1: there is none), for lines.h. */
void symbols_keep_files(struct symbols *s, int file, int alt);
/* Closes them, and those of its debug file. */
void symbols_drop_files(struct symbols *s);
/* The files that were kept, of its debug file or its own; they stay with s.  false: none. */
bool symbols_line_files(const struct symbols *s, int *ret_file, int *ret_alt);

/* Writes 2 * len digits and a NUL; len: at most 64. */
void symbols_hex(const uint8_t *bytes, size_t len, char *ret_text);

/* The function that holds the virtual address (file's own numbering), or NULL.  Belongs to s. */
const char *symbols_find(const struct symbols *s, uint64_t vaddr);
/* Where an executable segment puts that file offset, in the file's own numbering; false: nowhere.
 */
bool symbols_vaddr(const struct symbols *s, uint64_t offset, uint64_t *ret_vaddr);
/* The same as symbols_find, by offset in the file; offsets outside the loaded segments have no
 * name. */
const char *symbols_find_offset(const struct symbols *s, uint64_t offset);

/* Tables by (device, inode, mtime, size); shared by all processes.  A failure is cached as well. */
struct symbol_cache;

int symbol_cache_new(struct symbol_cache **ret_cache);
struct symbol_cache *symbol_cache_free(struct symbol_cache *c);
DEFINE_CLEANUP(struct symbol_cache *, symbol_cache_free)

/* The table of the file behind a mapping, or NULL when there is none; belongs to the cache. */
const struct symbols *symbol_cache_get(struct symbol_cache *c, const struct process *p,
				       const struct mapping *m);

#endif
