/* unwind_memory.h: room for tables in plain memory, for tests without a kernel. */
#ifndef STALLPROF_TESTS_UNIT_CAPTURE_UNWIND_MEMORY_H
#define STALLPROF_TESTS_UNIT_CAPTURE_UNWIND_MEMORY_H

#include <errno.h>
#include <stdlib.h>

#include "capture/unwind_space.h"

struct unwind_memory {
	int open;
	struct unwind_page directory[UNWIND_PAGES_MAX];
	struct unwind_space *space;
};

static inline int memory_chunk_open(void *ctx, uint32_t number, uint64_t **ret_words)
{
	struct unwind_memory *m = ctx;

	(void)number;
	*ret_words = calloc(UNWIND_CHUNK_WORDS, sizeof(uint64_t));
	m->open++;
	return *ret_words ? 0 : -ENOMEM;
}

static inline void memory_chunk_close(void *ctx, uint32_t number, uint64_t *words)
{
	struct unwind_memory *m = ctx;

	(void)number;
	m->open--;
	free(words);
}

/* chunks: how many it may have. */
static inline struct unwind_memory *unwind_memory_new(uint32_t chunks)
{
	const struct unwind_chunks ops = { memory_chunk_open, memory_chunk_close, chunks };
	struct unwind_memory *m = calloc(1, sizeof(*m));

	if (m && unwind_space_new(&ops, m, m->directory, UNWIND_PAGES_MAX, &m->space) < 0) {
		free(m);
		return NULL;
	}
	return m;
}

static inline void unwind_memory_free(struct unwind_memory *m)
{
	unwind_space_free(m->space);
	free(m);
}

#endif
