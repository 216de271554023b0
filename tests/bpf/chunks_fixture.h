/* chunks_fixture.h: keeps every chunk of a live capture, and finds them again. */
#ifndef TESTS_BPF_CHUNKS_FIXTURE_H
#define TESTS_BPF_CHUNKS_FIXTURE_H

#include "tests/bpf/live_fixture.h"

struct kept_chunk {
	struct chunk chunk; /* payload is owned */
};

static VEC(struct kept_chunk) kept_chunks;

static inline int keep_put(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct kept_chunk k = { *chunk };
	void *copy = malloc(chunk->len + 1);

	memcpy(copy, chunk->payload, chunk->len);
	k.chunk.payload = copy;
	assert_int_equal(vec_add(&kept_chunks, k), 0);
	return live_put(sink, chunk);
}

/* To be called after live_fork. */
static inline void keep_chunks(struct live *v)
{
	v->sink.put = keep_put;
}

static inline void keep_free(void)
{
	for (size_t i = 0; i < kept_chunks.count; i++)
		free((void *)kept_chunks.items[i].chunk.payload);
	vec_release(&kept_chunks);
}

/* The next chunk of that kind from *at on, to be read with the cursor; false: none. */
static inline bool keep_next(uint32_t kind, size_t *at, struct chunk_cursor *ret)
{
	while (*at < kept_chunks.count) {
		const struct chunk *c = &kept_chunks.items[(*at)++].chunk;

		if (c->kind != kind)
			continue;
		chunk_cursor_init(ret, c);
		return true;
	}
	return false;
}

/* A row of CHUNK_THREADS. */
struct kept_row {
	uint32_t tgid, klass, at_once, idle;
	int32_t syscall;
	uint64_t pool, stack, samples, ns;
	char group[64];
	struct wait_target target;
};

static inline bool keep_next_row(size_t *at, struct kept_row *ret)
{
	struct chunk_cursor c;
	const char *text;
	uint32_t len;

	memset(ret, 0, sizeof(*ret));
	if (!keep_next(CHUNK_THREADS, at, &c))
		return false;
	ret->tgid = chunk_get_u32(&c);
	ret->pool = chunk_get_u64(&c);
	text = chunk_get_str(&c, &len);
	memcpy(ret->group, text, len < 63 ? len : 63);
	ret->stack = chunk_get_u64(&c);
	ret->klass = chunk_get_u32(&c);
	ret->syscall = chunk_get_u32(&c);
	ret->samples = chunk_get_u64(&c);
	ret->ns = chunk_get_u64(&c);
	ret->at_once = chunk_get_u32(&c);
	ret->idle = chunk_get_u32(&c);
	assert_false(c.bad);
	assert_int_equal(c.end - c.at, sizeof(ret->target));
	memcpy(&ret->target, c.at, sizeof(ret->target));
	return true;
}

#endif
