/* backlog.c: see backlog.h. */
#include "capture/backlog.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (256u << 10)

/* Before each event stands its length. */
struct backlog_block {
	struct backlog_block *next;
	size_t used;
	_Alignas(8) unsigned char bytes[BLOCK_BYTES];
};

static size_t rounded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

static struct backlog_block *block_with(struct backlog *b, size_t room)
{
	struct backlog_block *block = b->last;

	if (block && BLOCK_BYTES - block->used >= room)
		return block;
	block = malloc(sizeof(*block));
	if (!block)
		return NULL;
	block->next = NULL;
	block->used = 0;
	if (b->last)
		b->last->next = block;
	else
		b->first = block;
	b->last = block;
	return block;
}

void *backlog_add(struct backlog *b, size_t len)
{
	const uint64_t word = len;
	struct backlog_block *block;
	unsigned char *at;

	if (len > BACKLOG_EVENT_MAX)
		return NULL;
	block = block_with(b, sizeof(word) + rounded(len));
	if (!block)
		return NULL;
	at = block->bytes + block->used;
	memcpy(at, &word, sizeof(word));
	block->used += sizeof(word) + rounded(len);
	b->held += sizeof(word) + rounded(len);
	return at + sizeof(word);
}

/* The event that was handed out is done with. */
static void let_go(struct backlog *b)
{
	struct backlog_block *block = b->first;

	if (!block)
		return;
	explicit_bzero(block->bytes + b->at, b->present);
	b->at += b->present;
	b->present = 0;
	if (b->at < block->used)
		return;
	b->at = 0;
	block->used = 0;
	if (block == b->last)
		return;
	b->first = block->next;
	free(block);
}

const void *backlog_next(struct backlog *b)
{
	uint64_t len;

	let_go(b);
	if (backlog_empty(b))
		return NULL;
	memcpy(&len, b->first->bytes + b->at, sizeof(len));
	b->present = sizeof(len) + rounded(len);
	b->held -= b->present;
	return b->first->bytes + b->at + sizeof(len);
}

bool backlog_empty(const struct backlog *b)
{
	return !b->held;
}

bool backlog_full(const struct backlog *b)
{
	return b->held >= BACKLOG_MAX;
}

void backlog_release(struct backlog *b)
{
	while (b->first) {
		struct backlog_block *next = b->first->next;

		explicit_bzero(b->first->bytes, b->first->used);
		free(b->first);
		b->first = next;
	}
	memset(b, 0, sizeof(*b));
}
