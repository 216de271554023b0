/* cpython_dict.c: see cpython_dict.h. */
#include "runtime/cpython_dict.h"

#include <errno.h>
#include <string.h>

#include "runtime/cpython_types.h"

#define KEYS_MAX	(1u << 22) /* slots of a hash index */
#define KEYS_OLD_SIZE	8	   /* to 3.10 */
#define KEYS_OLD_COUNT	32
#define KEYS_OLD_INDEX	40
#define KEYS_LOG2_INDEX 9 /* u8, from 3.11 */
#define KEYS_KIND	10
#define KEYS_COUNT	24
#define KEYS_INDEX	32
#define ENTRY_FULL	24 /* hash, key, value */
#define ENTRY_STR	16 /* key, value */

#define VALUES_BEFORE 32 /* 3.11: their pointer, before the object */
#define DICT_BEFORE   24 /* from 3.11 */
#define INLINE_HEADER 8
#define INLINE_VALID  3 /* u8 */

static int open_keys_old(struct cpython_reader *rd, uint64_t keys, struct cpython_dict *d)
{
	uint64_t head[5];
	uint64_t size;
	int r = cpython_read(rd, keys, head, sizeof(head));

	if (r < 0)
		return r;
	size = head[KEYS_OLD_SIZE / 8];
	d->count = head[KEYS_OLD_COUNT / 8];
	if (!size || (size & (size - 1)))
		return -EPROTO;
	if (size > KEYS_MAX)
		return -E2BIG;
	d->entries = keys + KEYS_OLD_INDEX + size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : 4);
	d->entry_size = ENTRY_FULL;
	d->key_at = 8;
	return 0;
}

static int open_keys(struct cpython_reader *rd, uint64_t keys, struct cpython_dict *d)
{
	uint8_t head[KEYS_INDEX];
	int r;

	if (!rd->l->keys_compact)
		return open_keys_old(rd, keys, d);
	r = cpython_read(rd, keys, head, sizeof(head));
	if (r < 0)
		return r;
	if (head[KEYS_KIND] > 2)
		return -EPROTO;
	if (head[KEYS_LOG2_INDEX] > 24)
		return -E2BIG;
	memcpy(&d->count, head + KEYS_COUNT, sizeof(d->count));
	d->entries = keys + KEYS_INDEX + (1ull << head[KEYS_LOG2_INDEX]);
	d->entry_size = head[KEYS_KIND] == 0 ? ENTRY_FULL : ENTRY_STR;
	d->key_at = head[KEYS_KIND] == 0 ? 8 : 0;
	return 0;
}

static int open_table(struct cpython_reader *rd, uint64_t keys, uint64_t values,
		      struct cpython_dict *ret_dict)
{
	struct cpython_dict d = { .values = values };
	int r = open_keys(rd, keys, &d);

	if (r < 0)
		return r;
	if (d.count > CPYTHON_DICT_MAX)
		return -E2BIG;
	*ret_dict = d;
	return 0;
}

int cpython_dict_open(struct cpython_reader *rd, uint64_t object, struct cpython_dict *ret_dict)
{
	uint64_t flags, keys, values;
	int r = cpython_type_flags(rd, object, &flags);

	if (r < 0)
		return r;
	if (!(flags & TYPE_IS_DICT))
		return -EPROTO;
	r = cpython_read_word(rd, object + CPYTHON_DICT_KEYS, &keys);
	if (r == 0)
		r = cpython_read_word(rd, object + CPYTHON_DICT_VALUES, &values);
	if (r < 0)
		return r;
	return open_table(rd, keys, values ? values + rd->l->values_at : 0, ret_dict);
}

int cpython_dict_next(struct cpython_reader *rd, struct cpython_dict *d, uint64_t *ret_key,
		      uint64_t *ret_value)
{
	while (d->next < d->count) {
		uint64_t i = d->next++, pair[2];
		int r = cpython_read(rd, d->entries + i * d->entry_size + d->key_at, pair,
				     sizeof(pair));

		if (r == 0 && d->values)
			r = cpython_read_word(rd, d->values + 8 * i, &pair[1]);
		if (r < 0)
			return r;
		if (!pair[0] || !pair[1])
			continue;
		*ret_key = pair[0];
		*ret_value = pair[1];
		return 1;
	}
	return 0;
}

/* A key that is freed meanwhile is none that is searched: it does not end the search. */
static int find(struct cpython_reader *rd, struct cpython_dict *d, const char *name,
		uint64_t *ret_value)
{
	uint64_t key, value;
	int r;

	while ((r = cpython_dict_next(rd, d, &key, &value)) > 0) {
		r = cpython_str_is(rd, key, name);
		if (r == 0)
			*ret_value = value;
		if (r == 0 || r == -ESRCH || r == -ENOMEM)
			return r;
	}
	return r < 0 ? r : -ENOENT;
}

int cpython_dict_find(struct cpython_reader *rd, uint64_t object, const char *key,
		      uint64_t *ret_value)
{
	struct cpython_dict d;
	int r = cpython_dict_open(rd, object, &d);

	return r < 0 ? r : find(rd, &d, key, ret_value);
}

static int open_shared(struct cpython_reader *rd, uint64_t type, uint64_t values,
		       struct cpython_dict *ret_dict)
{
	uint64_t keys;
	int r = cpython_read_word(rd, type + rd->l->type_cached_keys, &keys);

	return r < 0 ? r : open_table(rd, keys, values, ret_dict);
}

static int open_dict_at(struct cpython_reader *rd, uint64_t addr, struct cpython_dict *ret_dict)
{
	uint64_t dict;
	int r = cpython_read_word(rd, addr, &dict);

	if (r < 0)
		return r;
	return dict ? cpython_dict_open(rd, dict, ret_dict) : -ENOENT;
}

static int open_values(struct cpython_reader *rd, uint64_t object, uint64_t type,
		       struct cpython_dict *ret_dict)
{
	uint64_t values;
	int r = cpython_read_word(rd, object - VALUES_BEFORE, &values);

	if (r < 0)
		return r;
	if (!values)
		return open_dict_at(rd, object - DICT_BEFORE, ret_dict);
	return open_shared(rd, type, values, ret_dict);
}

static int open_tagged(struct cpython_reader *rd, uint64_t object, uint64_t type,
		       struct cpython_dict *ret_dict)
{
	uint64_t word;
	int r = cpython_read_word(rd, object - DICT_BEFORE, &word);

	if (r < 0)
		return r;
	if (!(word & 1))
		return word ? cpython_dict_open(rd, word, ret_dict) : -ENOENT;
	return open_shared(rd, type, word + 1, ret_dict);
}

static int open_inline(struct cpython_reader *rd, uint64_t object, const struct cpython_type *t,
		       struct cpython_dict *ret_dict)
{
	uint64_t values = object + t->basicsize;
	uint8_t head[INLINE_HEADER]; /* capacity, size, embedded, valid */
	int r;

	if (!(t->flags & TYPE_HAS_INLINE_VALUES))
		return open_dict_at(rd, object - DICT_BEFORE, ret_dict);
	r = cpython_read(rd, values, head, sizeof(head));
	if (r < 0)
		return r;
	if (!head[INLINE_VALID])
		return open_dict_at(rd, object - DICT_BEFORE, ret_dict);
	r = open_shared(rd, t->addr, values + rd->l->values_at, ret_dict);
	if (r == 0 && ret_dict->count > head[0]) /* names of attributes that others have */
		ret_dict->count = head[0];
	return r;
}

int cpython_attrs_open(struct cpython_reader *rd, uint64_t object, struct cpython_dict *ret_dict)
{
	struct cpython_type t;
	int r = cpython_type_of(rd, object, &t);

	if (r < 0)
		return r;
	if (rd->l->attrs == ATTRS_DICT || !(t.flags & TYPE_HAS_MANAGED_DICT)) {
		if (t.dictoffset <= 0 || t.dictoffset > INT32_MAX)
			return -ENOENT;
		return open_dict_at(rd, object + (uint64_t)t.dictoffset, ret_dict);
	}
	if (rd->l->attrs == ATTRS_VALUES)
		return open_values(rd, object, t.addr, ret_dict);
	if (rd->l->attrs == ATTRS_TAGGED)
		return open_tagged(rd, object, t.addr, ret_dict);
	return open_inline(rd, object, &t, ret_dict);
}

int cpython_attr(struct cpython_reader *rd, uint64_t object, const char *name, uint64_t *ret_value)
{
	struct cpython_dict d;
	int r = cpython_attrs_open(rd, object, &d);

	return r < 0 ? r : find(rd, &d, name, ret_value);
}

int cpython_set_open(struct cpython_reader *rd, uint64_t object, struct cpython_set *ret_set)
{
	struct cpython_set s = { 0 };
	uint64_t mask;
	int r = cpython_is(rd, object, "set");

	if (r == -EPROTO)
		r = cpython_is(rd, object, "frozenset");
	if (r == 0)
		r = cpython_read_word(rd, object + CPYTHON_SET_MASK, &mask);
	if (r == 0)
		r = cpython_read_word(rd, object + CPYTHON_SET_TABLE, &s.table);
	if (r == 0)
		r = cpython_read_word(rd, object + CPYTHON_SET_USED, &s.used);
	if (r < 0)
		return r;
	if (mask & (mask + 1))
		return -EPROTO;
	if (mask >= CPYTHON_ITEMS_MAX)
		return -E2BIG;
	s.count = mask + 1;
	*ret_set = s;
	return 0;
}

/* A slot whose element was taken out keeps a dummy of hash -1, which no object has. */
int cpython_set_next(struct cpython_reader *rd, struct cpython_set *s, uint64_t *ret_object)
{
	while (s->next < s->count) {
		uint64_t slot[2]; /* key, hash */
		int r = cpython_read(rd, s->table + sizeof(slot) * s->next++, slot, sizeof(slot));

		if (r < 0)
			return r;
		if (!slot[0] || slot[1] == UINT64_MAX)
			continue;
		*ret_object = slot[0];
		return 1;
	}
	return 0;
}

int cpython_module_dict(struct cpython_reader *rd, uint64_t module, uint64_t *ret_dict)
{
	int r = cpython_is(rd, module, "module");

	return r < 0 ? r : cpython_read_word(rd, module + CPYTHON_MODULE_DICT, ret_dict);
}

int cpython_module(struct cpython_reader *rd, uint64_t interp, const char *name, uint64_t *ret_dict)
{
	uint64_t modules, module = 0;
	int r = cpython_read_word(rd, interp + rd->l->interp_modules, &modules);

	if (r == 0)
		r = cpython_dict_find(rd, modules, name, &module);
	return r < 0 ? r : cpython_module_dict(rd, module, ret_dict);
}
