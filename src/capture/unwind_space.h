/* unwind_space.h: where the rows of unwind.h lie: words in chunks, pages in the directory.
 *
 * Owns the room: what is free, what is used, and what may not be used again yet, because a walk of
 * the kernel side that began before could still read it.  Chunks are made when they are needed and
 * given back when nothing is left in them.  Must not know files, processes or libbpf.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_SPACE_H
#define STALLPROF_CAPTURE_UNWIND_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "bpf/unwind.h"

/* A walk takes microseconds; it would have to be held up for as long as that. */
#define UNWIND_GRACE 1000000000ULL /* ns */

struct unwind_chunks {
	/* Makes the chunk of that number: its words, all zero.  0 or negative errno. */
	int (*open)(void *ctx, uint32_t number, uint64_t **ret_words);
	void (*close)(void *ctx, uint32_t number, uint64_t *words);
	uint32_t max; /* at most UNWIND_CHUNKS_MAX */
};

struct unwind_space;

/* directory: room for n_pages, all zero; borrowed until free, which closes the chunks.
 * 0 or -ENOMEM. */
int unwind_space_new(const struct unwind_chunks *chunks, void *ctx, struct unwind_page *directory,
		     uint32_t n_pages, struct unwind_space **ret_space);
struct unwind_space *unwind_space_free(struct unwind_space *s);
DEFINE_CLEANUP(struct unwind_space *, unwind_space_free)

/* Copies a table in, words first: `first` of its pages counts from `words`.  *ret_place: of its
 * first page in the directory.  0, -ENOSPC (no room), -EINVAL (a page goes beyond n_words, or has
 * more rows than words), -ENOMEM, the error of open; then nothing is taken. */
int unwind_space_put(struct unwind_space *s, const struct unwind_page *pages, uint32_t n_pages,
		     const uint64_t *words, size_t n_words, uint32_t *ret_place);
/* No process entry refers to it any more.  It can be read for UNWIND_GRACE still. */
void unwind_space_retire(struct unwind_space *s, uint32_t place, uint32_t n_pages, uint64_t now);
/* Frees what was retired UNWIND_GRACE before. */
void unwind_space_reclaim(struct unwind_space *s, uint64_t now);

/* The words of a page: at most *ret_n of them.  NULL: there is no such page, or it is empty. */
const uint64_t *unwind_space_page(const struct unwind_space *s, uint32_t place, uint32_t *ret_n,
				  uint32_t *ret_rows);

/* For a walk: the page at a place, the words of a chunk (UNWIND_CHUNK_WORDS); NULL: none. */
const struct unwind_page *unwind_space_entry(const struct unwind_space *s, uint32_t place);
const uint64_t *unwind_space_chunk(const struct unwind_space *s, uint32_t number);

size_t unwind_space_chunks(const struct unwind_space *s); /* open ones */

#endif
