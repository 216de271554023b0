/* symbols.c: see symbols.h.
 *
 * The worker sends one block: counts, loaded segments, the sorted entries, the names. symbols_build
 * and symbols_build_safely end in the same check of that block, because a worker that parsed a
 * hostile file may be the hostile file's by then.
 */
#include "target/symbols.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "target/elf.h"
#include "target/sandbox.h"

#define NAME_MAX_BYTES 1023 /* longer ones (templates) are cut */
#define NAMES_MAX      (192u << 20)
#define LOOK_BACK      16 /* how many overlapping symbols may hide one that holds the address */

struct entry {
	uint64_t addr;
	uint32_t size;
	uint32_t name;
};

struct head {
	uint32_t loads;
	uint32_t entries;
	uint64_t names;
};

struct symbols {
	char *block;
	size_t n_loads;
	const struct elf_load *loads;
	size_t n_entries;
	const struct entry *entries;
	const char *names;
};

struct builder {
	VEC(struct entry) entries;
	struct str names;
};

static int add_function(void *arg, const char *name, uint64_t value, uint64_t size)
{
	struct builder *b = arg;
	struct entry one = { .addr = value, .name = (uint32_t)b->names.len };
	size_t len = strcspn(name, "@"); /* the version of a symbol is no part of its name */
	int r;

	if (!size || !len || b->names.len > NAMES_MAX)
		return 0;
	one.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	if (len > NAME_MAX_BYTES)
		len = NAME_MAX_BYTES;
	r = str_add_mem(&b->names, name, len);
	if (r == 0)
		r = str_add_char(&b->names, '\0');
	return r < 0 ? r : vec_add(&b->entries, one);
}

/* Of two names for one address the public one: fewer leading underscores, then the longer
 * range, then the shorter and lesser name, so that the order in the file does not matter. */
static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct entry *x = a, *y = b;
	const char *names = arg, *nx = names + x->name, *ny = names + y->name;
	size_t ux, uy;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	ux = strspn(nx, "_");
	uy = strspn(ny, "_");
	if (ux != uy)
		return ux < uy ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (strlen(nx) != strlen(ny))
		return strlen(nx) < strlen(ny) ? -1 : 1;
	return strcmp(nx, ny);
}

static void sort_entries(struct builder *b)
{
	size_t i, kept = 0;

	if (!b->entries.count)
		return;
	qsort_r(b->entries.items, b->entries.count, sizeof(struct entry), compare_entries,
		b->names.text);
	for (i = 0; i < b->entries.count; i++)
		if (!kept || b->entries.items[kept - 1].addr != b->entries.items[i].addr)
			b->entries.items[kept++] = b->entries.items[i];
	b->entries.count = kept;
}

static int write_block(const struct elf_image *e, const struct builder *b, struct str *result)
{
	size_t n_loads;
	const struct elf_load *loads = elf_image_loads(e, &n_loads);
	struct head head = { .loads = (uint32_t)n_loads,
			     .entries = (uint32_t)b->entries.count,
			     .names = b->names.len };
	int r = str_add_mem(result, &head, sizeof(head));

	if (r == 0)
		r = str_add_mem(result, loads, n_loads * sizeof(*loads));
	if (r == 0)
		r = str_add_mem(result, b->entries.items, b->entries.count * sizeof(struct entry));
	if (r == 0)
		r = str_add_mem(result, b->names.text, b->names.len);
	return r;
}

/* The job of the worker. */
static int build_block(int fd, const void *arg, struct str *result)
{
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	struct builder b = { 0 };
	int r = elf_image_open(fd, &e);

	(void)arg;
	if (r < 0)
		return r;
	r = elf_image_each_function(e, add_function, &b);
	if (r == 0) {
		sort_entries(&b);
		r = write_block(e, &b, result);
	}
	vec_release(&b.entries);
	str_release(&b.names);
	return r;
}

static bool block_is_sound(const struct symbols *s, const struct head *head, size_t len)
{
	size_t i;

	if (head->loads > ELF_LOADS_MAX || head->entries > ELF_SYMBOLS_MAX ||
	    head->names > NAMES_MAX + NAME_MAX_BYTES + 1)
		return false;
	if (len != sizeof(*head) + head->loads * sizeof(struct elf_load) +
			   head->entries * sizeof(struct entry) + head->names)
		return false;
	if (head->names && s->names[head->names - 1] != '\0')
		return false;
	for (i = 0; i < head->entries; i++) {
		if (s->entries[i].name >= head->names)
			return false;
		if (i && s->entries[i].addr <= s->entries[i - 1].addr)
			return false;
	}
	return true;
}

/* Takes the block's memory. */
static int open_block(struct str *block, struct symbols **ret)
{
	cleanup(symbols_freep) struct symbols *s = NULL;
	struct head head;
	const char *at;

	if (block->len < sizeof(head))
		return -EIO;
	memcpy(&head, block->text, sizeof(head));
	if (head.loads > ELF_LOADS_MAX || head.entries > ELF_SYMBOLS_MAX ||
	    sizeof(head) + head.loads * sizeof(struct elf_load) +
			    head.entries * sizeof(struct entry) >
		    block->len)
		return -EIO;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->block = block->text;
	at = s->block + sizeof(head);
	s->n_loads = head.loads;
	s->loads = (const struct elf_load *)at;
	at += head.loads * sizeof(struct elf_load);
	s->n_entries = head.entries;
	s->entries = (const struct entry *)at;
	s->names = at + head.entries * sizeof(struct entry);
	if (!block_is_sound(s, &head, block->len)) {
		s->block = NULL;
		return -EIO;
	}
	*block = (struct str){ 0 };
	*ret = steal(s);
	return 0;
}

int symbols_build(int fd, struct symbols **ret_symbols)
{
	cleanup(str_releasep) struct str block = { 0 };
	int r = build_block(fd, NULL, &block);

	return r < 0 ? r : open_block(&block, ret_symbols);
}

int symbols_build_safely(int fd, struct symbols **ret_symbols)
{
	cleanup(str_releasep) struct str block = { 0 };
	int r = sandbox_run(fd, build_block, NULL, SANDBOX_DEADLINE_MS, &block);

	return r < 0 ? r : open_block(&block, ret_symbols);
}

struct symbols *symbols_free(struct symbols *s)
{
	if (!s)
		return NULL;
	free(s->block);
	free(s);
	return NULL;
}

size_t symbols_count(const struct symbols *s)
{
	return s->n_entries;
}

const char *symbols_find(const struct symbols *s, uint64_t vaddr)
{
	size_t low = 0, high = s->n_entries, i;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->entries[mid].addr <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low; i > 0 && low - i < LOOK_BACK; i--)
		if (vaddr - s->entries[i - 1].addr < s->entries[i - 1].size)
			return s->names + s->entries[i - 1].name;
	return NULL;
}

bool symbols_vaddr(const struct symbols *s, uint64_t offset, uint64_t *ret_vaddr)
{
	size_t i;

	for (i = 0; i < s->n_loads; i++) {
		const struct elf_load *l = &s->loads[i];

		if (l->exec && offset >= l->offset && offset - l->offset < l->filesz) {
			*ret_vaddr = l->vaddr + (offset - l->offset);
			return true;
		}
	}
	return false;
}

const char *symbols_find_offset(const struct symbols *s, uint64_t offset)
{
	uint64_t vaddr;

	return symbols_vaddr(s, offset, &vaddr) ? symbols_find(s, vaddr) : NULL;
}
