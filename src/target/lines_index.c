/* lines_index.c: see lines_index.h. */
#include "target/lines_index.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX (8u << 20)  /* of all units, and of the functions of one */
#define STEPS_MAX  (16u << 20) /* entries looked at to list the functions of one unit */
#define DEPTH_MAX  128	       /* of entries in entries */
#define LOOK_BACK  64	       /* overlapping ranges that may hide one that holds the address */

struct listing {
	const struct lines_index *index;
	struct lines_unit *unit;
	bool deep; /* look inside functions and types too */
	unsigned int steps;
};

static int add_ranges(struct lines_ranges *to, Dwarf_Die *die, uint64_t item)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;
	int r = 0;

	while (r == 0 && to->count < RANGES_MAX &&
	       (at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
		if (low < high)
			r = vec_add(to, { .low = low, .high = high, .item = item });
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct lines_range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static void sort(struct lines_ranges *r)
{
	if (r->count)
		qsort(r->items, r->count, sizeof(*r->items), compare);
}

/* How many of the ranges begin at the address or before. */
static size_t count_before(const struct lines_ranges *r, uint64_t address)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->items[mid].low <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int lines_index_init(struct lines_index *x, Dwarf *dwarf, uint64_t lowest)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int r = 0;

	*x = (struct lines_index){ .dwarf = dwarf, .lowest = lowest };
	/* a damaged unit ends the list: what stands behind it cannot be found */
	while (r == 0 && dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		if (type != DW_UT_compile)
			continue;
		r = vec_add(&x->units, { .die = dwarf_dieoffset(&die) });
		if (r == 0)
			r = add_ranges(&x->ranges, &die, x->units.count - 1);
	}
	sort(&x->ranges);
	return r < 0 ? r : x->ranges.count ? 0 : -ENODATA;
}

void lines_index_release(struct lines_index *x)
{
	size_t i;

	for (i = 0; i < x->units.count; i++)
		vec_release(&x->units.items[i].functions);
	vec_release(&x->units);
	vec_release(&x->ranges);
}

static int add_function(struct listing *l, Dwarf_Die *die)
{
	struct lines_ranges *to = &l->unit->functions;
	size_t i, kept, before = to->count;
	int r = add_ranges(to, die, dwarf_dieoffset(die));

	for (i = kept = before; i < to->count; i++) {
		if (to->items[i].low >= l->index->lowest)
			to->items[kept++] = to->items[i];
		else if (to->items[i].high > l->unit->dropped_end)
			l->unit->dropped_end = to->items[i].high;
	}
	to->count = kept;
	return r;
}

static int list_children(struct listing *l, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;
	int r = 0, more = dwarf_child(parent, &die);

	for (; r == 0 && more == 0; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die);

		if (l->steps++ > STEPS_MAX)
			return -E2BIG;
		if (tag == DW_TAG_subprogram)
			r = add_function(l, &die);
		if (r == 0 && depth < DEPTH_MAX &&
		    (l->deep || tag == DW_TAG_namespace || tag == DW_TAG_module))
			r = list_children(l, &die, depth + 1);
	}
	return r;
}

/* Functions mostly stand in the unit itself and in namespaces; those inside of types and of other
 * functions are looked for only when an address is in none of these, for that takes every entry of
 * the unit. */
static void list_functions(struct lines_index *x, struct lines_unit *u, bool deep)
{
	struct listing l = { .index = x, .unit = u, .deep = deep };
	Dwarf_Die die;

	if (deep ? u->listed_deep : u->listed)
		return;
	u->listed = true;
	u->listed_deep = deep;
	u->functions.count = 0;
	if (!dwarf_offdie(x->dwarf, u->die, &die) || list_children(&l, &die, 0) < 0)
		u->functions.count = 0;
	sort(&u->functions);
}

static bool find_function(struct lines_index *x, struct lines_unit *u, uint64_t address,
			  Dwarf_Die *ret)
{
	const struct lines_ranges *f = &u->functions;
	size_t n = count_before(f, address), i;

	/* lines of dropped functions stand among those of living ones, and look like them */
	if (address < u->dropped_end)
		return false;
	for (i = n; i > 0 && n - i < LOOK_BACK; i--)
		if (address < f->items[i - 1].high)
			return dwarf_offdie(x->dwarf, f->items[i - 1].item, ret);
	return false;
}

/* Code that no function of its unit covers: in assembly there are none, and where only lines were
 * asked for, clang and rustc tell of functions with something inlined only.  gcc tells of all but
 * those that it folded together, and what is inlined in these nobody knows. */
static bool may_lack_functions(Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;
	const char *producer;

	if (dwarf_srclang(unit) == DW_LANG_Mips_Assembler)
		return true;
	producer = dwarf_formstring(dwarf_attr(unit, DW_AT_producer, &attribute));
	return producer && strncmp(producer, "GNU ", 4) != 0;
}

static bool find_in_unit(struct lines_index *x, struct lines_unit *u, uint64_t address,
			 Dwarf_Die *ret_unit, Dwarf_Die *ret_function, bool *ret_has_function)
{
	if (!dwarf_offdie(x->dwarf, u->die, ret_unit))
		return false;
	list_functions(x, u, false);
	*ret_has_function = find_function(x, u, address, ret_function);
	if (!*ret_has_function) {
		list_functions(x, u, true);
		*ret_has_function = find_function(x, u, address, ret_function);
	}
	return *ret_has_function || (address >= u->dropped_end && may_lack_functions(ret_unit));
}

bool lines_index_find(struct lines_index *x, uint64_t address, Dwarf_Die *ret_unit,
		      Dwarf_Die *ret_function, bool *ret_has_function)
{
	size_t n = count_before(&x->ranges, address), i;

	if (address < x->lowest)
		return false;
	for (i = n; i > 0 && n - i < LOOK_BACK; i--) {
		const struct lines_range *r = &x->ranges.items[i - 1];

		if (address < r->high && find_in_unit(x, &x->units.items[r->item], address,
						      ret_unit, ret_function, ret_has_function))
			return true;
	}
	return false;
}
