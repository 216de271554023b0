/* cpython_types.c: what type an object is of; see cpython_objects.h and cpython_types.h. */
#include "runtime/cpython_types.h"

#include <errno.h>
#include <string.h>

#include "base/word.h"
#include "runtime/cpython_objects.h"

#define NAME_PAGE  4096 /* bytes */
#define KEPT_TYPES 64	/* a power of two */

/* A type's own type derives from `type`, which its flags say: hardly anything else looks so. */
static int read_type(struct cpython_reader *rd, uint64_t type, uint8_t *block)
{
	uint64_t flags;
	int r = cpython_read(rd, type, block, CPYTHON_TYPE_READ);

	if (r == 0)
		r = cpython_read_word(rd, word_at(block, CPYTHON_OB_TYPE) + CPYTHON_TYPE_FLAGS,
				      &flags);
	if (r < 0)
		return r;
	return flags & TYPE_IS_TYPE ? 0 : -EPROTO;
}

/* Types that live as long as the interpreter are read once: static ones, and those of asyncio's C
 * module.  With them most questions about a task would be about its types. */
static struct cpython_type *kept_slot(struct cpython_reader *rd, uint64_t addr)
{
	struct cpython_type *kept = rd->types;

	if (!kept)
		kept = rd->types = calloc(KEPT_TYPES, sizeof(*kept));
	return kept ? &kept[addr * 0x9e3779b97f4a7c15ull >> 58]
		    : NULL; /* upper 6 bits: KEPT_TYPES */
}

static const struct cpython_type *kept_type(struct cpython_reader *rd, uint64_t addr)
{
	const struct cpython_type *t = kept_slot(rd, addr);

	return t && t->addr && t->addr == addr ? t : NULL;
}

static void keep_type(struct cpython_reader *rd, const struct cpython_type *t)
{
	struct cpython_type *slot = kept_slot(rd, t->addr);

	if (slot && (!(t->flags & TYPE_IS_HEAP) || str_starts(t->name, "_asyncio.")))
		*slot = *t;
}

int cpython_type_flags(struct cpython_reader *rd, uint64_t object, uint64_t *ret_flags)
{
	const struct cpython_type *kept;
	uint8_t block[CPYTHON_TYPE_READ];
	uint64_t type;
	int r = cpython_read_word(rd, object + CPYTHON_OB_TYPE, &type);

	kept = r == 0 ? kept_type(rd, type) : NULL;
	if (kept) {
		*ret_flags = kept->flags;
		return 0;
	}
	if (r == 0)
		r = read_type(rd, type, block);
	if (r == 0)
		*ret_flags = word_at(block, CPYTHON_TYPE_FLAGS);
	return r;
}

/* Up to the end of its page at first: what follows need not be there. */
static int read_type_name(struct cpython_reader *rd, uint64_t addr, char *name)
{
	size_t room = CPYTHON_TYPE_NAME_MAX - 1, part = NAME_PAGE - addr % NAME_PAGE, i;
	int r = cpython_read(rd, addr, name, part < room ? part : room);

	if (r == 0 && part < room && !memchr(name, '\0', part))
		r = cpython_read(rd, addr + part, name + part, room - part);
	if (r < 0)
		return r;
	name[room] = '\0';
	for (i = 0; name[i]; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			name[i] = '?';
	return i ? 0 : -EPROTO;
}

static int describe_type(struct cpython_reader *rd, uint64_t addr, struct cpython_type *t)
{
	const struct cpython_type *kept = kept_type(rd, addr);
	uint8_t block[CPYTHON_TYPE_READ];
	int r;

	if (kept) {
		*t = *kept;
		return 0;
	}
	r = read_type(rd, addr, block);
	if (r < 0)
		return r;
	t->addr = addr;
	t->flags = word_at(block, CPYTHON_TYPE_FLAGS);
	t->base = word_at(block, CPYTHON_TYPE_BASE);
	t->basicsize = word_at(block, CPYTHON_TYPE_BASICSIZE);
	t->dictoffset = (int64_t)word_at(block, CPYTHON_TYPE_DICTOFFSET);
	r = read_type_name(rd, word_at(block, CPYTHON_TYPE_NAME), t->name);
	if (r == 0)
		keep_type(rd, t);
	return r;
}

int cpython_type_of(struct cpython_reader *rd, uint64_t object, struct cpython_type *ret_type)
{
	struct cpython_type t;
	uint64_t type;
	int r = cpython_read_word(rd, object + CPYTHON_OB_TYPE, &type);

	if (r == 0)
		r = describe_type(rd, type, &t);
	if (r == 0)
		*ret_type = t;
	return r;
}

/* Where classes of a program say their bare name, types of the interpreter and its modules say all
 * of it; those without a module are static. */
static bool type_matches(const struct cpython_type *t, const char *name)
{
	return strcmp(t->name, name) == 0 && (strchr(name, '.') || !(t->flags & TYPE_IS_HEAP));
}

int cpython_is(struct cpython_reader *rd, uint64_t object, const char *name)
{
	struct cpython_type t;
	int n, r = cpython_type_of(rd, object, &t);

	for (n = 0; r == 0 && n < CPYTHON_BASES_MAX; n++) {
		if (type_matches(&t, name))
			return 0;
		if (!t.base)
			return -EPROTO;
		r = describe_type(rd, t.base, &t);
	}
	return r < 0 ? r : -EPROTO;
}

bool cpython_is_none(struct cpython_reader *rd, uint64_t object)
{
	return cpython_is(rd, object, "NoneType") == 0;
}
