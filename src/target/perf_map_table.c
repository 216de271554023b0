/* perf_map_table.c: the table of a perf map; see perf_map_table.h.
 *
 * The worker that parsed a hostile file may be the hostile file's by then: what it sends is checked
 * in full.
 */
#include "target/perf_map_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool entries_are_sound(const struct perf_map_head *head, const struct perf_map_entry *e)
{
	uint64_t floor = 0;

	for (size_t i = 0; i < head->entries; i++) {
		if (!e[i].size || e[i].addr < floor || e[i].addr > UINT64_MAX - e[i].size)
			return false;
		if (e[i].name != PERF_MAP_FORGET && e[i].name >= head->names)
			return false;
		floor = e[i].addr + e[i].size;
	}
	return true;
}

static bool block_is_sound(const struct str *block)
{
	const struct perf_map_head *head = (const struct perf_map_head *)block->text;

	if (block->len < sizeof(*head) || head->entries > 2 * PERF_MAP_ENTRIES_MAX ||
	    head->names > PERF_MAP_NAMES_MAX ||
	    block->len !=
		    sizeof(*head) + head->entries * sizeof(struct perf_map_entry) + head->names)
		return false;
	if (head->names && block->text[block->len - 1] != '\0')
		return false;
	return entries_are_sound(head, (const struct perf_map_entry *)(head + 1));
}

/* Both are sorted.  Old entries that a new one touches are left out; how many are left. */
static size_t merge(const struct perf_map_table *t, const struct perf_map_entry *fresh,
		    size_t n_fresh, uint32_t names_before, struct perf_map_entry *out)
{
	size_t i = 0, k = 0, n = 0;

	while (i < t->count || k < n_fresh) {
		const struct perf_map_entry *old = i < t->count ? &t->entries[i] : NULL;
		const struct perf_map_entry *new = k < n_fresh ? &fresh[k] : NULL;

		if (old && (!new || old->addr + old->size <= new->addr)) {
			out[n++] = *old;
			i++;
		} else if (old && old->addr < new->addr + new->size) {
			i++;
		} else {
			if (new->name != PERF_MAP_FORGET) {
				out[n] = *new;
				out[n++].name += names_before;
			}
			k++;
		}
	}
	return n;
}

static int add_entries(struct perf_map_table *t, const struct perf_map_head *head)
{
	const struct perf_map_entry *fresh = (const struct perf_map_entry *)(head + 1);
	const char *names = (const char *)(fresh + head->entries);
	struct perf_map_entry *out;
	size_t n, before = t->names.len;
	int r = 0;

	if (!head->entries)
		return 0;
	if (t->names.len + head->names > PERF_MAP_NAMES_MAX)
		return -EFBIG;
	out = calloc(t->count + head->entries, sizeof(*out));
	if (!out)
		return -ENOMEM;
	if (head->names)
		r = str_add_mem(&t->names, names, head->names);
	n = r < 0 ? 0 : merge(t, fresh, head->entries, (uint32_t)before, out);
	if (n > PERF_MAP_ENTRIES_MAX)
		r = -EFBIG;
	if (r < 0) {
		free(out);
		return r;
	}
	free(t->entries);
	t->entries = out;
	t->count = n;
	return 0;
}

int perf_map_table_add(struct perf_map_table *t, const struct str *block,
		       struct perf_map_mark *mark)
{
	const struct perf_map_head *head = (const struct perf_map_head *)block->text;
	int r;

	if (!block_is_sound(block))
		return -EIO;
	if (head->again)
		perf_map_table_release(t);
	r = add_entries(t, head);
	if (r == -EFBIG) {
		perf_map_table_release(t);
		memset(mark, 0, sizeof(*mark));
	}
	if (r == 0)
		*mark = head->mark;
	return r;
}

void perf_map_table_release(struct perf_map_table *t)
{
	free(t->entries);
	str_release(&t->names);
	*t = (struct perf_map_table){ 0 };
}

const char *perf_map_table_find(const struct perf_map_table *t, uint64_t addr)
{
	const struct perf_map_entry *base = t->entries;
	size_t n = t->count;

	if (!n || addr < base->addr)
		return NULL;
	/* the last that begins at or before it; without a branch that nobody can predict */
	while (n > 1) {
		size_t half = n / 2;

		base = base[half].addr <= addr ? base + half : base;
		n -= half;
	}
	return addr - base->addr < base->size ? t->names.text + base->name : NULL;
}
