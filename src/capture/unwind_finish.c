/* unwind_finish.c: see unwind_finish.h. */
#include "capture/unwind_finish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the walker reads; it runs to its end without anything else. */
static const struct unwind_space *walk_space;
static struct walk_copy {
	uint64_t start, len;
	const unsigned char *bytes;
	bool beyond; /* more was asked for than was copied */
} walk_copy;

static int walk_read(void *dst, uint64_t size, uint64_t addr)
{
	uint64_t at = addr - walk_copy.start;

	if (addr < walk_copy.start || size > walk_copy.len || at > walk_copy.len - size) {
		walk_copy.beyond |= addr >= walk_copy.start;
		return -EFAULT;
	}
	memcpy(dst, walk_copy.bytes + at, size);
	return 0;
}

static const struct unwind_page *unwind_page_at(uint32_t index)
{
	return unwind_space_entry(walk_space, index);
}

static void *unwind_chunk_at(uint32_t number)
{
	return (void *)(uintptr_t)unwind_space_chunk(walk_space, number);
}

static const __u64 *unwind_word_in(const void *chunk, uint32_t index)
{
	return index < UNWIND_CHUNK_WORDS ? (const __u64 *)chunk + index : NULL;
}

#include "bpf/walk_native.h"

#define SNAPSHOTS_MAX  32
#define SNAPSHOTS_KEPT 5000000000ULL /* ns */

struct snapshot {
	uint64_t hash, at;
	uint32_t tgid;
	uint16_t from; /* addresses of the body up to the frame */
	struct unwind_cursor cursor;
	size_t len;
	uint64_t start;
	unsigned char bytes[];
};

struct snapshots {
	struct snapshot *kept[SNAPSHOTS_MAX];
};

int snapshots_new(struct snapshots **ret_snapshots)
{
	*ret_snapshots = calloc(1, sizeof(**ret_snapshots));
	return *ret_snapshots ? 0 : -ENOMEM;
}

struct snapshot *snapshot_release(struct snapshot *s)
{
	if (s)
		explicit_bzero(s, sizeof(*s) + s->len);
	free(s);
	return NULL;
}

struct snapshots *snapshots_free(struct snapshots *s)
{
	for (size_t i = 0; s && i < SNAPSHOTS_MAX; i++)
		snapshot_release(s->kept[i]);
	free(s);
	return NULL;
}

void snapshots_keep(struct snapshots *s, const struct event_snapshot *e, uint64_t now)
{
	size_t len = e->len <= UNWIND_SNAPSHOT_MAX ? e->len : UNWIND_SNAPSHOT_MAX, to = 0;
	struct snapshot *copy = calloc(1, sizeof(*copy) + len);

	if (!copy)
		return;
	copy->hash = e->hash;
	copy->at = now;
	copy->tgid = e->head.tgid;
	copy->from = e->at;
	copy->cursor.ip = e->ip;
	copy->cursor.sp = e->sp;
	copy->cursor.bp = e->bp;
	copy->cursor.exact = e->exact != 0;
	copy->start = e->sp;
	copy->len = len;
	memcpy(copy->bytes, e->bytes, len);
	for (size_t i = 0; i < SNAPSHOTS_MAX && s->kept[to]; i++)
		if (!s->kept[i] || s->kept[i]->at < s->kept[to]->at)
			to = i;
	snapshot_release(s->kept[to]);
	s->kept[to] = copy;
}

void snapshots_reap(struct snapshots *s, uint64_t now)
{
	for (size_t i = 0; i < SNAPSHOTS_MAX; i++)
		if (s->kept[i] && now - s->kept[i]->at > SNAPSHOTS_KEPT)
			s->kept[i] = snapshot_release(s->kept[i]);
}

static size_t find(const struct snapshots *s, const struct event_stack *body)
{
	size_t i;

	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		const struct snapshot *k = s->kept[i];

		if (k && k->hash == body->hash && k->tgid == body->head.tgid && k->from &&
		    k->from <= body->n_user)
			break;
	}
	return i;
}

bool snapshots_has(const struct snapshots *s, const struct event_stack *body)
{
	return find(s, body) < SNAPSHOTS_MAX;
}

struct snapshot *snapshots_claim(struct snapshots *s, const struct event_stack *body)
{
	size_t i = find(s, body);

	return i < SNAPSHOTS_MAX ? steal(s->kept[i]) : NULL;
}

uint64_t snapshot_code(const struct snapshot *s)
{
	return s->cursor.ip - !s->cursor.exact;
}

unsigned int snapshot_at(const struct snapshot *s)
{
	return s->from;
}

void snapshot_walk(struct snapshot *s, const struct unwind_space *space,
		   const struct unwind_proc *e, struct event_stack *body)
{
	walk_space = space;
	walk_copy = (struct walk_copy){ .start = s->start, .len = s->len, .bytes = s->bytes };
	/* What was found in the mappings before may be gone. */
	s->cursor.at.map.end = 0;
	unwind_run(&s->cursor, e, body);
	if (walk_copy.beyond &&
	    (body->user_stop == UNWIND_STOP_READ || body->user_stop == UNWIND_STOP_POINTER))
		body->user_stop = UNWIND_STOP_SHORT;
	walk_space = NULL;
	walk_copy = (struct walk_copy){ 0 };
}

enum unwind_code unwind_code_at(const struct unwind_space *space, const struct unwind_proc *e,
				uint64_t addr)
{
	struct unwind_found found = { 0 };
	int r;

	walk_space = space;
	r = unwind_find_rule(&found, e, addr);
	walk_space = NULL;
	if (r || !found.map.end)
		return UNWIND_CODE_UNKNOWN;
	return found.rule.cfa == UNWIND_NONE ? UNWIND_CODE_BARE : UNWIND_CODE_TABLE;
}
