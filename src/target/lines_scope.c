/* lines_scope.c: see lines_scope.h.
 *
 * Entries do not know what they lie in; but what lies in an entry has its offset between that of
 * the entry and that of the next one beside it.
 */
#include "target/lines_scope.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "target/lines_answer.h"

#define UNITS_MAX 1024
#define STEPS_MAX (8u << 20) /* entries of one unit */
#define DEPTH_MAX 64
#define CHAIN_MAX 16 /* as libdw follows an entry to what it is an instance of */

struct scope {
	uint64_t start, end;
	int64_t parent;	  /* index, -1: the unit itself */
	const char *name; /* NULL: what lies in it has no full name */
};

struct lines_scope_unit {
	void *key; /* where its first entry lies in memory */
	bool cplusplus;
	unsigned int steps;
	VEC(struct scope) scopes; /* by start */
};

void lines_scopes_release(struct lines_scopes *x)
{
	size_t i;

	for (i = 0; i < x->units.count; i++) {
		vec_release(&x->units.items[i]->scopes);
		free(x->units.items[i]);
	}
	vec_release(&x->units);
	intern_release(&x->texts);
}

static bool holds_names(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

static const char *scope_name(Dwarf_Die *die, int tag)
{
	const char *name = dwarf_diename(die);

	if (tag == DW_TAG_subprogram)
		return NULL;
	return name || tag != DW_TAG_namespace ? name : "(anonymous namespace)";
}

/* Lists what lies below the entry; -1: too much. */
static int list(struct lines_scope_unit *u, Dwarf_Die *parent, int64_t index, uint64_t end,
		int depth)
{
	Dwarf_Die die;
	int64_t last = -1;
	int more = dwarf_child(parent, &die);

	for (; more == 0; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die);

		if (u->steps++ > STEPS_MAX)
			return -1;
		if (last >= 0)
			u->scopes.items[last].end = dwarf_dieoffset(&die);
		last = -1;
		if (!dwarf_haschildren(&die) || (!holds_names(tag) && tag != DW_TAG_subprogram))
			continue;
		last = (int64_t)u->scopes.count;
		if (vec_add(&u->scopes, { .start = dwarf_dieoffset(&die),
					  .end = end,
					  .parent = index,
					  .name = scope_name(&die, tag) }) < 0)
			return -1;
		if (tag != DW_TAG_subprogram && depth < DEPTH_MAX &&
		    list(u, &die, last, end, depth + 1) < 0)
			return -1;
	}
	return 0;
}

/* The last scope in another ends with it, which was not known when it was listed. */
static void clip(struct lines_scope_unit *u)
{
	size_t i;

	for (i = 0; i < u->scopes.count; i++) {
		struct scope *s = &u->scopes.items[i];

		if (s->parent >= 0 && s->end > u->scopes.items[s->parent].end)
			s->end = u->scopes.items[s->parent].end;
	}
}

static bool is_cplusplus(Dwarf_Die *unit)
{
	static const int languages[] = { DW_LANG_C_plus_plus, DW_LANG_C_plus_plus_03,
					 DW_LANG_C_plus_plus_11, DW_LANG_C_plus_plus_14 };
	int language = dwarf_srclang(unit);
	size_t i;

	for (i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
		if (language == languages[i])
			return true;
	return false;
}

static struct lines_scope_unit *get_unit(struct lines_scopes *x, Dwarf_Die *die)
{
	struct lines_scope_unit *u;
	Dwarf_Die unit;
	size_t i;

	if (!dwarf_diecu(die, &unit, NULL, NULL))
		return NULL;
	for (i = 0; i < x->units.count; i++)
		if (x->units.items[i]->key == unit.addr)
			return x->units.items[i];
	u = x->units.count < UNITS_MAX ? calloc(1, sizeof(*u)) : NULL;
	if (!u)
		return NULL;
	u->key = unit.addr;
	u->cplusplus = is_cplusplus(&unit);
	if (vec_add(&x->units, u) < 0) {
		free(u);
		return NULL;
	}
	if (u->cplusplus && list(u, &unit, -1, UINT64_MAX, 0) < 0)
		u->cplusplus = false;
	clip(u);
	return u;
}

/* The innermost scope that holds the offset, -1: only the unit. */
static int64_t find_scope(const struct lines_scope_unit *u, uint64_t offset)
{
	size_t low = 0, high = u->scopes.count;
	int64_t at;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (u->scopes.items[mid].start < offset)
			low = mid + 1;
		else
			high = mid;
	}
	for (at = (int64_t)low - 1; at >= 0 && u->scopes.items[at].end <= offset;)
		at = u->scopes.items[at].parent;
	return at;
}

/* The entry that stands where the function was declared. */
static Dwarf_Die declaration(Dwarf_Die *die)
{
	Dwarf_Die at = *die, next;
	Dwarf_Attribute attribute;
	int i;

	for (i = 0; i < CHAIN_MAX; i++) {
		if (!dwarf_attr(&at, DW_AT_abstract_origin, &attribute) &&
		    !dwarf_attr(&at, DW_AT_specification, &attribute))
			break;
		if (!dwarf_formref_die(&attribute, &next))
			break;
		at = next;
	}
	return at;
}

/* Puts the names of the scopes before the text that begins at buf + at; where it begins then, or 0:
 * there is no room, or one has no name. */
static size_t put_scopes(const struct lines_scope_unit *u, int64_t scope, char *buf, size_t at)
{
	for (; scope >= 0; scope = u->scopes.items[scope].parent) {
		const char *name = u->scopes.items[scope].name;
		size_t len = name ? strlen(name) : 0;

		if (!len || len + 2 >= at)
			return 0;
		at -= 2;
		memcpy(buf + at, "::", 2);
		at -= len;
		memcpy(buf + at, name, len);
	}
	return at;
}

const char *lines_scopes_name(struct lines_scopes *x, Dwarf_Die *die)
{
	Dwarf_Die at = declaration(die);
	const char *name = dwarf_diename(&at), *full;
	struct lines_scope_unit *u = name ? get_unit(x, &at) : NULL;
	char buf[LINES_TEXT_MAX + 1];
	size_t len = name ? strlen(name) : 0, start;

	if (len > LINES_TEXT_MAX)
		return "";
	if (!u || !u->cplusplus)
		return name ? name : "";
	start = sizeof(buf) - 1 - len;
	memcpy(buf + start, name, len + 1);
	start = put_scopes(u, find_scope(u, dwarf_dieoffset(&at)), buf, start);
	full = start ? intern_text(&x->texts, buf + start) : NULL;
	return full ? full : name;
}
