/* symbols.c: see symbols.h.
 *
 * All ways of building end in the same check of the block that symbols_block.h describes, because a
 * worker that parsed a hostile file may be the hostile file's by then.
 */
#include "target/symbols.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "target/elf.h"
#include "target/sandbox.h"
#include "target/symbols_block.h"

#define LOOK_BACK	   64 /* how many overlapping symbols may hide one that holds the address */
#define SYMBOLS_PER_BUCKET 4

struct symbols {
	char *block;
	size_t len;
	size_t n_loads;
	const struct elf_load *loads;
	size_t n_entries;
	const struct symbol_entry *entries;
	const char *names;
	const struct symbols_head *head;
	/* Entries by address, coarsely: those of bucket i begin before bucket[i], which is where
	 * those of i + 1 begin.  A search by halves alone misses the cache too often. */
	uint32_t *bucket;
	size_t n_buckets;
	uint64_t first;
	unsigned int shift;
	char build_id[SYMBOLS_BUILD_ID_ROOM];
	struct symbols *debug; /* NULL: none; owned */
	int file, alt;	       /* to read source lines from; -1: none */
};

static bool block_is_sound(const struct symbols *s, size_t len)
{
	const struct symbols_head *head = s->head;
	size_t i;

	if (head->names > NAMES_MAX + ENTRY_NAME_MAX + 1 || head->build_id_len > BUILD_ID_BYTES ||
	    head->link[LINK_ROOM - 1] != '\0' || strchr(head->link, '/') ||
	    head->alt[LINK_ROOM - 1] != '\0')
		return false;
	if (len != sizeof(*head) + head->loads * sizeof(struct elf_load) +
			   head->entries * sizeof(struct symbol_entry) + head->names)
		return false;
	if (head->names && s->names[head->names - 1] != '\0')
		return false;
	for (i = 0; i < head->loads; i++)
		if (*(const uint8_t *)&s->loads[i].exec > 1) /* no bool */
			return false;
	for (i = 0; i < head->entries; i++) {
		if (s->entries[i].name >= head->names)
			return false;
		if (i && s->entries[i].addr < s->entries[i - 1].addr)
			return false;
	}
	return true;
}

static int index_entries(struct symbols *s)
{
	uint64_t span;
	size_t want = s->n_entries / SYMBOLS_PER_BUCKET + 2, i, at;

	if (!s->n_entries)
		return 0;
	s->first = s->entries[0].addr;
	span = s->entries[s->n_entries - 1].addr - s->first;
	while (span >> s->shift >= want)
		s->shift++;
	s->n_buckets = (span >> s->shift) + 1;
	s->bucket = calloc(s->n_buckets, sizeof(*s->bucket));
	if (!s->bucket)
		return -ENOMEM;
	for (i = at = 0; i < s->n_buckets; i++) {
		while (at < s->n_entries && (s->entries[at].addr - s->first) >> s->shift <= i)
			at++;
		s->bucket[i] = (uint32_t)at;
	}
	return 0;
}

int symbols_open_block(struct str *block, struct symbols **ret_symbols)
{
	cleanup(symbols_freep) struct symbols *s = NULL;
	const struct symbols_head *head = (const struct symbols_head *)block->text;
	const char *at;

	if (block->len < sizeof(*head) || head->loads > ELF_LOADS_MAX ||
	    head->entries > ENTRY_COUNT_MAX ||
	    sizeof(*head) + head->loads * sizeof(struct elf_load) +
			    head->entries * sizeof(struct symbol_entry) >
		    block->len)
		return -EIO;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->file = s->alt = -1;
	s->head = head;
	at = block->text + sizeof(*head);
	s->n_loads = head->loads;
	s->loads = (const struct elf_load *)at;
	at += head->loads * sizeof(struct elf_load);
	s->n_entries = head->entries;
	s->entries = (const struct symbol_entry *)at;
	s->names = at + head->entries * sizeof(struct symbol_entry);
	if (!block_is_sound(s, block->len))
		return -EIO;
	if (index_entries(s) < 0)
		return -ENOMEM;
	symbols_hex(head->build_id, head->build_id_len, s->build_id);
	s->block = block->text;
	s->len = block->len;
	*block = (struct str){ 0 };
	*ret_symbols = steal(s);
	return 0;
}

int symbols_build(int fd, struct symbols **ret_symbols)
{
	cleanup(str_releasep) struct str block = { 0 };
	int r = symbols_block(fd, NULL, &block);

	return r < 0 ? r : symbols_open_block(&block, ret_symbols);
}

int symbols_build_debug(int fd, const struct symbols_proof *proof, struct symbols **ret_symbols)
{
	cleanup(str_releasep) struct str block = { 0 };
	int r = sandbox_run(fd, symbols_block, proof, SANDBOX_DEADLINE_MS, &block);

	return r < 0 ? r : symbols_open_block(&block, ret_symbols);
}

int symbols_build_safely(int fd, struct symbols **ret_symbols)
{
	return symbols_build_debug(fd, NULL, ret_symbols);
}

void symbols_attach(struct symbols *s, struct symbols *debug)
{
	debug->debug = symbols_free(debug->debug);
	symbols_free(s->debug);
	s->debug = debug;
}

struct symbols *symbols_free(struct symbols *s)
{
	if (!s)
		return NULL;
	symbols_drop_files(s);
	symbols_free(s->debug);
	free(s->bucket);
	free(s->block);
	free(s);
	return NULL;
}

size_t symbols_count(const struct symbols *s)
{
	return s->n_entries + (s->debug ? s->debug->n_entries : 0);
}

size_t symbols_memory(const struct symbols *s)
{
	return sizeof(*s) + s->len + s->n_buckets * sizeof(*s->bucket) +
	       (s->debug ? symbols_memory(s->debug) : 0);
}

const char *symbols_build_id(const struct symbols *s)
{
	return s->build_id;
}

bool symbols_complete(const struct symbols *s)
{
	return s->head->complete;
}

bool symbols_has_lines(const struct symbols *s)
{
	return s->head->has_lines;
}

const char *symbols_altlink(const struct symbols *s)
{
	return s->head->alt;
}

void symbols_keep_files(struct symbols *s, int file, int alt)
{
	symbols_drop_files(s);
	s->file = file;
	s->alt = alt;
}

void symbols_drop_files(struct symbols *s)
{
	closep(&s->file);
	closep(&s->alt);
	s->file = s->alt = -1;
	if (s->debug)
		symbols_drop_files(s->debug);
}

bool symbols_line_files(const struct symbols *s, int *ret_file, int *ret_alt)
{
	const struct symbols *from = s->debug && s->debug->file >= 0 ? s->debug : s;

	if (from->file < 0)
		return false;
	*ret_file = from->file;
	*ret_alt = from->alt;
	return true;
}

const char *symbols_debuglink(const struct symbols *s, uint32_t *ret_crc)
{
	*ret_crc = s->head->link_crc;
	return s->head->link;
}

void symbols_hex(const uint8_t *bytes, size_t len, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		*ret_text++ = digits[bytes[i] >> 4];
		*ret_text++ = digits[bytes[i] & 15];
	}
	*ret_text = '\0';
}

static const char *find(const struct symbols *s, uint64_t vaddr)
{
	size_t low, high, i, place;

	if (!s->n_entries || vaddr < s->first)
		return NULL;
	place = (vaddr - s->first) >> s->shift;
	if (place >= s->n_buckets)
		place = s->n_buckets - 1;
	low = place ? s->bucket[place - 1] : 0;
	high = s->bucket[place];
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->entries[mid].addr <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low; i > 0 && low - i < LOOK_BACK; i--) {
		const struct symbol_entry *e = &s->entries[i - 1];

		if (vaddr - e->addr < e->size)
			return s->names + e->name;
		if (!e->covered)
			return NULL;
	}
	return NULL;
}

const char *symbols_find(const struct symbols *s, uint64_t vaddr)
{
	const char *name = s->debug ? find(s->debug, vaddr) : NULL;

	return name ? name : find(s, vaddr);
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
