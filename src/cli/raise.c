/* raise.c: see raise.h.  Chunks come from a file: every length is checked before it is used. */
#include "cli/raise.h"

#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "bpf/event.h"

static struct raise_loop *find_loop(struct raise *r, uint32_t loop)
{
	for (size_t i = 0; i < r->loops.count; i++)
		if (r->loops.items[i].loop == loop)
			return &r->loops.items[i];
	return NULL;
}

static int take_out(struct raise *r, uint32_t loop, uint64_t ns)
{
	struct raise_loop *l = find_loop(r, loop);

	if (!l) {
		int status = vec_add(&r->loops, (struct raise_loop){ .loop = loop });

		if (status < 0)
			return status;
		l = &r->loops.items[r->loops.count - 1];
	}
	l->count++;
	l->ns += ns;
	return 0;
}

/* A copy that may be changed; payloads belong to the reader and need not be aligned. */
static int pass_copy(struct raise *r, const struct chunk *chunk, const void *head, size_t len)
{
	struct chunk changed = *chunk;
	int status;

	str_clear(&r->copy);
	status = str_add_mem(&r->copy, chunk->payload, chunk->len);
	if (status < 0)
		return status;
	memcpy(r->copy.text, head, len);
	changed.payload = r->copy.text;
	return r->to->put(r->to, &changed);
}

static int put_stall(struct raise *r, const struct chunk *chunk)
{
	struct event_stall head;
	const size_t len = offsetof(struct event_stall, parts);

	if (chunk->len < len)
		return r->to->put(r->to, chunk);
	memcpy(&head, chunk->payload, len);
	if (head.ns < r->threshold_ns)
		return head.flags & STALL_ONGOING ? 0 : take_out(r, head.loop, head.ns);
	head.threshold = r->threshold_ns;
	return pass_copy(r, chunk, &head, len);
}

static int put_stats(struct raise *r, const struct chunk *chunk)
{
	struct event_loop_stats stats;
	const struct raise_loop *l;

	if (chunk->len < sizeof(stats))
		return r->to->put(r->to, chunk);
	memcpy(&stats, chunk->payload, sizeof(stats));
	l = find_loop(r, stats.loop);
	if (!l)
		return r->to->put(r->to, chunk);
	stats.stalls -= l->count < stats.stalls ? l->count : stats.stalls;
	stats.stalled_ns -= l->ns < stats.stalled_ns ? l->ns : stats.stalled_ns;
	return pass_copy(r, chunk, &stats, sizeof(stats));
}

static int put_event(struct raise *r, const struct chunk *chunk)
{
	struct event_head head;

	if (chunk->len < sizeof(head))
		return r->to->put(r->to, chunk);
	memcpy(&head, chunk->payload, sizeof(head));
	if (head.kind == EVENT_STALL)
		return put_stall(r, chunk);
	if (head.kind == EVENT_LOOP_STATS)
		return put_stats(r, chunk);
	return r->to->put(r->to, chunk);
}

static uint64_t decimal(const char *text, uint32_t len)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		n = n * 10 + (text[i] - '0');
	return n;
}

static int put_meta(struct raise *r, const struct chunk *chunk)
{
	cleanup(str_releasep) struct str payload = { 0 };
	struct chunk_cursor c;
	uint32_t key_len, value_len;
	const char *key, *value;
	char asked[24];
	int status;

	chunk_cursor_init(&c, chunk);
	key = chunk_get_str(&c, &key_len);
	value = chunk_get_str(&c, &value_len);
	if (c.bad || key_len != strlen(META_THRESHOLD) || memcmp(key, META_THRESHOLD, key_len) != 0)
		return r->to->put(r->to, chunk);
	r->recorded_ns = decimal(value, value_len);
	if (r->recorded_ns > r->threshold_ns)
		return -ERANGE;
	snprintf(asked, sizeof(asked), "%llu", (unsigned long long)r->threshold_ns);
	status = chunk_put_str(&payload, META_THRESHOLD);
	status = status < 0 ? status : chunk_put_str(&payload, asked);
	return status < 0 ? status : chunk_emit(r->to, CHUNK_META, &payload);
}

static int put(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct raise *r = (struct raise *)((char *)sink - offsetof(struct raise, sink));

	if (r->threshold_ns && chunk->kind == CHUNK_EVENT)
		return put_event(r, chunk);
	if (r->threshold_ns && chunk->kind == CHUNK_META)
		return put_meta(r, chunk);
	return r->to->put(r->to, chunk);
}

void raise_init(struct raise *r, struct chunk_sink *to, uint64_t threshold_ns)
{
	*r = (struct raise){ .sink = { .put = put }, .to = to, .threshold_ns = threshold_ns };
}

void raise_release(struct raise *r)
{
	vec_release(&r->loops);
	str_release(&r->copy);
}
