/* restack.c: see restack.h. */
#include "cli/restack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES_MIN 32  /* numbers and three empty texts */
#define HEAD_BYTES	16  /* hash, flags, count */
#define ADDED_MAX	256 /* frames of one stack; more are left out */

/* A text inside the payload. */
struct text {
	const char *at;
	uint32_t len;
};

/* A frame of the payload: where it lies and what is in it. */
struct place {
	const unsigned char *start, *end;
	uint32_t kind, flags;
	uint64_t offset;
	struct text fn, file, module;
	uint32_t added; /* frames that were put above it; later, above it and all before it */
};

struct restack {
	const struct chunk *chunk;
	struct chunk_cursor c;
	struct place *places;
	uint32_t n;
	restack_namer *namer;
	void *ctx;
	struct str *to;
	size_t added; /* frames */
};

static void get_place(struct chunk_cursor *c, struct place *p)
{
	p->start = c->at;
	p->kind = chunk_get_u32(c);
	p->flags = chunk_get_u32(c);
	chunk_get_u32(c);
	p->offset = chunk_get_u64(c);
	p->fn.at = chunk_get_str(c, &p->fn.len);
	p->file.at = chunk_get_str(c, &p->file.len);
	p->module.at = chunk_get_str(c, &p->module.len);
	p->end = c->at;
}

static int put_text(struct str *to, struct text t)
{
	int r = chunk_put_u32(to, t.len);

	return r < 0 ? r : str_add_mem(to, t.at, t.len);
}

/* The frame with what was said about it; `concrete`: it is the one of the payload itself. */
static int put_frame(struct str *to, const struct place *p, const struct chunk_frame *said,
		     bool concrete)
{
	struct text fn = { said->fn, (uint32_t)strlen(said->fn) }, file = p->file;
	int r = chunk_put_u32(to, p->kind);

	if (said->line)
		file = (struct text){ said->file, (uint32_t)strlen(said->file) };
	if (concrete && !fn.len)
		fn = p->fn;
	r = r < 0 ? r
		  : chunk_put_u32(to, p->flags | (said->flags & (concrete ? FRAME_LIBRARY : ~0u)));
	r = r < 0 ? r : chunk_put_u32(to, said->line);
	r = r < 0 ? r : chunk_put_u64(to, concrete ? p->offset : 0);
	r = r < 0 ? r : put_text(to, fn);
	r = r < 0 ? r : put_text(to, file);
	return r < 0 ? r : put_text(to, p->module);
}

static int put_frames(struct restack *s, struct place *p, const struct chunk_frame *said,
		      size_t count)
{
	size_t i = s->added + count - 1 > ADDED_MAX ? count - 1 : 0;
	int r = 0;

	p->added = (uint32_t)(count - 1 - i);
	s->added += p->added;
	for (; r == 0 && i < count; i++)
		r = put_frame(s->to, p, &said[i], i + 1 == count);
	return r;
}

/* All frames, those that something was said about anew; ret_changed: there was one. */
static int put_stack(struct restack *s, uint32_t n_nameless, bool *ret_changed)
{
	struct chunk_frame said[RESTACK_FRAMES_MAX];
	const unsigned char *done = (const unsigned char *)s->chunk->payload + HEAD_BYTES;
	struct chunk_cursor c = s->c;
	int r = 0;

	*ret_changed = false;
	for (uint32_t i = 0; r == 0 && i < n_nameless; i++) {
		uint32_t frame = chunk_get_u32(&c), module = chunk_get_u32(&c);
		uint64_t address = chunk_get_u64(&c);
		struct place *p = frame < s->n ? &s->places[frame] : NULL;
		size_t count = 0;

		/* in their order, each once, and only those that have no name */
		if (c.bad || !p || p->start < done || p->fn.len)
			continue;
		r = s->namer(s->ctx, module, address, said, &count);
		if (r < 0 || !count)
			continue;
		r = str_add_mem(s->to, done, (size_t)(p->start - done));
		r = r < 0 ? r : put_frames(s, p, said, count);
		done = p->end;
		*ret_changed = true;
	}
	return r < 0 ? r : str_add_mem(s->to, done, (size_t)(s->places[s->n - 1].end - done));
}

/* The list of nameless frames, whose numbers are others now, and whatever a later version put
 * behind it. */
static int put_rest(struct restack *s, uint32_t n_nameless)
{
	int r = chunk_put_u32(s->to, n_nameless);

	for (uint32_t i = 1; i < s->n; i++)
		s->places[i].added += s->places[i - 1].added;
	for (uint32_t i = 0; r == 0 && i < n_nameless; i++) {
		uint32_t frame = chunk_get_u32(&s->c);

		r = chunk_put_u32(s->to, frame < s->n ? frame + s->places[frame].added : frame);
		r = r < 0 ? r : chunk_put_u32(s->to, chunk_get_u32(&s->c));
		r = r < 0 ? r : chunk_put_u64(s->to, chunk_get_u64(&s->c));
	}
	return r < 0 ? r : str_add_mem(s->to, s->c.at, (size_t)(s->c.end - s->c.at));
}

static int rewrite(struct restack *s, uint32_t n_nameless)
{
	size_t start = s->to->len;
	uint32_t n = s->n;
	bool changed;
	int r = str_add_mem(s->to, s->chunk->payload, HEAD_BYTES);

	r = r < 0 ? r : put_stack(s, n_nameless, &changed);
	r = r < 0 ? r : put_rest(s, n_nameless);
	if (r < 0 || !changed) {
		s->to->len = start;
		return r;
	}
	n += (uint32_t)s->added;
	memcpy(s->to->text + start + HEAD_BYTES - sizeof(n), &n, sizeof(n));
	return 0;
}

int restack(const struct chunk *chunk, restack_namer *namer, void *ctx, struct str *ret_payload)
{
	struct restack s = { .chunk = chunk, .namer = namer, .ctx = ctx, .to = ret_payload };
	_cleanup_free_ struct place *places = NULL;
	uint32_t n_nameless;

	chunk_cursor_init(&s.c, chunk);
	chunk_get_u64(&s.c);
	chunk_get_u32(&s.c);
	s.n = chunk_get_u32(&s.c);
	if (s.c.bad || !s.n || s.n > (size_t)(s.c.end - s.c.at) / FRAME_BYTES_MIN)
		return 0;
	places = calloc(s.n, sizeof(*places));
	if (!places)
		return -ENOMEM;
	s.places = places;
	for (uint32_t i = 0; i < s.n; i++)
		get_place(&s.c, &places[i]);
	n_nameless = s.c.at < s.c.end ? chunk_get_u32(&s.c) : 0;
	/* each takes sixteen bytes */
	if (s.c.bad || !n_nameless || n_nameless > (size_t)(s.c.end - s.c.at) / 16)
		return 0;
	return rewrite(&s, n_nameless);
}
