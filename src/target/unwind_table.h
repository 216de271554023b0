/* unwind_table.h: how to walk native frames in the code of one ELF file, as rows.
 *
 * Owns the table of one file: compiled from .eh_frame in a worker process without privileges,
 * checked before use, in the layout of bpf/unwind.h.  Must not know processes or BPF maps.
 */
#ifndef STALLPROF_TARGET_UNWIND_TABLE_H
#define STALLPROF_TARGET_UNWIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "bpf/unwind.h"

struct unwind_table;

/* Compiles the table of an open ELF file, in the calling process.  A file without .eh_frame has a
 * table without pages.  0, -ENOEXEC, -EFBIG (too many rows), -ENOMEM. */
int unwind_table_build(int fd, struct unwind_table **ret_table);
/* The same in a sandboxed child with a deadline; in addition -ETIMEDOUT, -EIO (the worker died). */
int unwind_table_build_safely(int fd, struct unwind_table **ret_table);
struct unwind_table *unwind_table_free(struct unwind_table *t);
DEFINE_CLEANUP(struct unwind_table *, unwind_table_free)

/* The directory: page i holds virtual addresses from (first_page + i) << UNWIND_PAGE_SHIFT on;
 * `first` counts words from unwind_table_words.  No page has more than UNWIND_CHUNK_WORDS words. */
const struct unwind_page *unwind_table_pages(const struct unwind_table *t, uint32_t *ret_first_page,
					     size_t *ret_count);
const uint64_t *unwind_table_words(const struct unwind_table *t, size_t *ret_count);

/* Where an executable segment puts that file offset, in the file's own numbering; false: nowhere.
 */
bool unwind_table_vaddr(const struct unwind_table *t, uint64_t offset, uint64_t *ret_vaddr);
/* In hexadecimal, "" if the file has none. */
const char *unwind_table_build_id(const struct unwind_table *t);
size_t unwind_table_memory(const struct unwind_table *t); /* bytes */

/* Everything but the words is the same. */
bool unwind_table_same_shape(const struct unwind_table *a, const struct unwind_table *b);
/* Frees the words, of which its user has a copy: unwind_table_words then gives none, and
 * unwind_table_row finds nothing. */
void unwind_table_forget_words(struct unwind_table *t);

/* The row that holds the virtual address, 0: none (no table there).  ret_escape is filled for a row
 * of kind UNWIND_ESCAPE. */
uint64_t unwind_table_row(const struct unwind_table *t, uint64_t vaddr,
			  struct unwind_escape *ret_escape);

#endif
