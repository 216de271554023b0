/* unwind_space.c: see unwind_space.h. */
#include "capture/unwind_space.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "capture/extents.h"

struct chunk_room {
	uint64_t *words; /* NULL: not open */
	struct extents free;
};

struct retired {
	uint32_t place, n_pages;
	uint64_t at;
};

struct unwind_space {
	struct unwind_chunks ops;
	void *ctx;
	struct unwind_page *directory;
	uint32_t n_pages;
	struct extents pages;
	uint32_t n_chunks; /* highest number in use, plus 1 */
	struct chunk_room chunks[UNWIND_CHUNKS_MAX];
	VEC(struct retired) retired; /* oldest first */
};

int unwind_space_new(const struct unwind_chunks *chunks, void *ctx, struct unwind_page *directory,
		     uint32_t n_pages, struct unwind_space **ret_space)
{
	struct unwind_space *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ops = *chunks;
	s->ctx = ctx;
	s->directory = directory;
	s->n_pages = n_pages;
	if (extents_init(&s->pages, n_pages) < 0) {
		free(s);
		return -ENOMEM;
	}
	*ret_space = s;
	return 0;
}

static void chunk_close(struct unwind_space *s, uint32_t number)
{
	struct chunk_room *c = &s->chunks[number];

	if (c->words)
		s->ops.close(s->ctx, number, c->words);
	extents_release(&c->free);
	c->words = NULL;
	while (s->n_chunks && !s->chunks[s->n_chunks - 1].words)
		s->n_chunks--;
}

struct unwind_space *unwind_space_free(struct unwind_space *s)
{
	if (!s)
		return NULL;
	while (s->n_chunks)
		chunk_close(s, s->n_chunks - 1);
	extents_release(&s->pages);
	vec_release(&s->retired);
	free(s);
	return NULL;
}

static int chunk_open(struct unwind_space *s, uint32_t *ret_number)
{
	uint32_t number = 0;
	int r;

	while (number < s->n_chunks && s->chunks[number].words)
		number++;
	if (number >= s->ops.max)
		return -ENOSPC;
	r = extents_init(&s->chunks[number].free, UNWIND_CHUNK_WORDS);
	if (r < 0)
		return r;
	r = s->ops.open(s->ctx, number, &s->chunks[number].words);
	if (r < 0) {
		extents_release(&s->chunks[number].free);
		return r;
	}
	if (s->n_chunks <= number)
		s->n_chunks = number + 1;
	*ret_number = number;
	return 0;
}

/* A run of words in any chunk, as unwind_page.first has it. */
static int words_take(struct unwind_space *s, uint32_t n, uint32_t *ret_first)
{
	uint32_t number = 0, at;
	int r;

	while (number < s->n_chunks &&
	       !(s->chunks[number].words && extents_take(&s->chunks[number].free, n, &at)))
		number++;
	if (number == s->n_chunks) {
		r = chunk_open(s, &number);
		if (r < 0)
			return r;
		if (!extents_take(&s->chunks[number].free, n, &at))
			return -ENOSPC;
	}
	*ret_first = number << UNWIND_CHUNK_SHIFT | at;
	return 0;
}

static void words_give(struct unwind_space *s, const struct unwind_page *p)
{
	uint32_t number = p->first >> UNWIND_CHUNK_SHIFT;
	struct chunk_room *c = &s->chunks[number];

	if (!p->words || !c->words)
		return;
	extents_give(&c->free, p->first & (UNWIND_CHUNK_WORDS - 1), p->words);
	if (c->free.total == UNWIND_CHUNK_WORDS)
		chunk_close(s, number);
}

/* A page is seen whole or not at all; what was stored before it is seen with it. */
static void page_store(struct unwind_page *to, struct unwind_page from)
{
	uint64_t whole;

	memcpy(&whole, &from, sizeof(whole));
	__atomic_store_n((uint64_t *)(void *)to, whole, __ATOMIC_RELEASE);
}

static void take_back(struct unwind_space *s, uint32_t place, uint32_t n_pages)
{
	for (uint32_t i = 0; i < n_pages; i++) {
		struct unwind_page p = s->directory[place + i];

		page_store(&s->directory[place + i], (struct unwind_page){ 0 });
		words_give(s, &p);
	}
	extents_give(&s->pages, place, n_pages);
}

static int page_put(struct unwind_space *s, const struct unwind_page *page, const uint64_t *words,
		    size_t n_words, struct unwind_page *ret_page)
{
	struct unwind_page p = *page;
	int r;

	if (!p.words || !p.rows) {
		*ret_page = (struct unwind_page){ 0 };
		return 0;
	}
	if (p.rows > p.words || p.first > n_words || p.words > n_words - p.first)
		return -EINVAL;
	r = words_take(s, p.words, &p.first);
	if (r < 0)
		return r;
	memcpy(s->chunks[p.first >> UNWIND_CHUNK_SHIFT].words +
		       (p.first & (UNWIND_CHUNK_WORDS - 1)),
	       words + page->first, p.words * sizeof(*words));
	*ret_page = p;
	return 0;
}

int unwind_space_put(struct unwind_space *s, const struct unwind_page *pages, uint32_t n_pages,
		     const uint64_t *words, size_t n_words, uint32_t *ret_place)
{
	uint32_t place;
	int r = 0;

	if (!n_pages || n_pages > s->n_pages || !extents_take(&s->pages, n_pages, &place))
		return -ENOSPC;
	for (uint32_t i = 0; i < n_pages; i++) {
		struct unwind_page p;

		r = page_put(s, &pages[i], words, n_words, &p);
		if (r < 0) {
			take_back(s, place, n_pages); /* the rest of them is zero */
			return r;
		}
		page_store(&s->directory[place + i], p);
	}
	*ret_place = place;
	return 0;
}

void unwind_space_retire(struct unwind_space *s, uint32_t place, uint32_t n_pages, uint64_t now)
{
	/* Without memory for the note it is never used again, which is safe. */
	vec_add(&s->retired, (struct retired){ place, n_pages, now });
}

void unwind_space_reclaim(struct unwind_space *s, uint64_t now)
{
	size_t n = 0;

	while (n < s->retired.count && now - s->retired.items[n].at >= UNWIND_GRACE) {
		take_back(s, s->retired.items[n].place, s->retired.items[n].n_pages);
		n++;
	}
	if (!n)
		return;
	s->retired.count -= n;
	memmove(s->retired.items, s->retired.items + n,
		s->retired.count * sizeof(*s->retired.items));
}

const uint64_t *unwind_space_page(const struct unwind_space *s, uint32_t place, uint32_t *ret_n,
				  uint32_t *ret_rows)
{
	const struct unwind_page *p;
	const uint64_t *words;

	if (place >= s->n_pages)
		return NULL;
	p = &s->directory[place];
	words = p->rows ? s->chunks[p->first >> UNWIND_CHUNK_SHIFT].words : NULL;
	if (!words)
		return NULL;
	*ret_n = p->words;
	*ret_rows = p->rows;
	return words + (p->first & (UNWIND_CHUNK_WORDS - 1));
}

const struct unwind_page *unwind_space_entry(const struct unwind_space *s, uint32_t place)
{
	return place < s->n_pages ? &s->directory[place] : NULL;
}

const uint64_t *unwind_space_chunk(const struct unwind_space *s, uint32_t number)
{
	return number < s->n_chunks ? s->chunks[number].words : NULL;
}

size_t unwind_space_chunks(const struct unwind_space *s)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s->n_chunks; i++)
		n += s->chunks[i].words != NULL;
	return n;
}
