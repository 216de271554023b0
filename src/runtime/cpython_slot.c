/* cpython_slot.c: see cpython_slot.h. */
#include "runtime/cpython_slot.h"

#include <string.h>

#define LOOKED_AT_MAX 64   /* threads per look */
#define PAGE	      4096 /* below an address that can be read, the rest of its page can too */
#define TLS_PAGES     3	   /* static thread-local storage is smaller in every build seen */

/* struct pthread holds the first 32 slots itself, {sequence number, value} each. */
#define FIRST_SLOT 0x310
#define SLOT_SIZE  16

int64_t cpython_slot_of_key(uint32_t key)
{
	return FIRST_SLOT + (int64_t)key * SLOT_SIZE + 8;
}

bool cpython_slot_of_code(const uint8_t *code, size_t len, int64_t *ret_slot)
{
	static const uint8_t load[] = { 0x64, 0x48, 0x8b, 0x04, 0x25 };
	int32_t distance;
	size_t i;

	for (i = 0; i + sizeof(load) + sizeof(distance) <= len && code[i] != 0xc3; i++) {
		if (memcmp(code + i, load, sizeof(load)) != 0)
			continue;
		memcpy(&distance, code + i + sizeof(load), sizeof(distance));
		if (distance >= 0 || distance % 8 != 0)
			return false;
		*ret_slot = distance;
		return true;
	}
	return false;
}

bool cpython_threads_has(const struct cpython_threads *t, uint64_t pointer, uint64_t state)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (t->items[i].state == state && t->items[i].pointer == pointer)
			return true;
	return false;
}

static void add(struct cpython_slots *s, int64_t at)
{
	if (s->count < CPYTHON_SLOTS_MAX)
		s->at[s->count++] = at;
}

static void collect_keys(struct cpython_slots *s, const struct process *p, uint64_t pointer,
			 const struct cpython_threads *threads)
{
	uint32_t key;
	uint64_t word;

	for (key = 0; key < CPYTHON_KEY_MAX; key++) {
		int64_t at = cpython_slot_of_key(key);

		if (process_read_u64(p, pointer + (uint64_t)at, &word) == 0 &&
		    cpython_threads_has(threads, pointer, word))
			add(s, at);
	}
}

/* Reads by pages from the thread pointer down, because what is below may be unmapped. */
static void collect_tls(struct cpython_slots *s, const struct process *p, uint64_t pointer,
			const struct cpython_threads *threads)
{
	uint8_t bytes[TLS_PAGES * PAGE];
	uint64_t first = pointer;
	size_t have, i;
	int page;

	for (page = 0; page < TLS_PAGES; page++) {
		uint64_t below = (first - 1) & ~(uint64_t)(PAGE - 1);
		size_t end = sizeof(bytes) - (size_t)(pointer - first);

		if (process_read_all(p, below, bytes + end - (first - below), first - below) < 0)
			break;
		first = below;
	}
	have = (size_t)(pointer - first);
	for (i = have % 8; i + 8 <= have; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + sizeof(bytes) - have + i, sizeof(word));
		if (word && cpython_threads_has(threads, pointer, word))
			add(s, (int64_t)i - (int64_t)have);
	}
}

static void keep(struct cpython_slots *s, const struct process *p, uint64_t pointer,
		 const struct cpython_threads *threads)
{
	size_t i, kept = 0;

	for (i = 0; i < s->count; i++) {
		uint64_t word;

		if (process_read_u64(p, pointer + (uint64_t)s->at[i], &word) == 0 &&
		    cpython_threads_has(threads, pointer, word))
			s->at[kept++] = s->at[i];
	}
	s->count = kept;
}

/* The oldest thread first: the main one has no stack below its thread pointer, so nothing there
 * looks like what is searched. */
size_t cpython_slots_look(struct cpython_slots *s, const struct process *p,
			  const struct cpython_threads *threads, enum cpython_where where)
{
	bool begun = s->count > 0;
	size_t i, looked = 0;

	for (i = threads->count; i-- > 0 && looked < LOOKED_AT_MAX;) {
		const struct cpython_thread *t = &threads->items[i];

		if (!t->pointer)
			continue;
		looked++;
		if (begun)
			keep(s, p, t->pointer, threads);
		else if (where == CPYTHON_IN_KEYS)
			collect_keys(s, p, t->pointer, threads);
		else
			collect_tls(s, p, t->pointer, threads);
		begun = true;
		if (!s->count)
			return 0;
	}
	return s->count;
}
