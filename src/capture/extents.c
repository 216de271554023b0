/* extents.c: see extents.h. */
#include "capture/extents.h"

int extents_init(struct extents *e, uint32_t n)
{
	*e = (struct extents){ 0 };
	return n ? extents_give(e, 0, n) : 0;
}

void extents_release(struct extents *e)
{
	vec_release(&e->free);
	e->total = 0;
}

static void drop(struct extents *e, size_t i)
{
	e->free.count--;
	memmove(&e->free.items[i], &e->free.items[i + 1],
		(e->free.count - i) * sizeof(*e->free.items));
}

bool extents_take(struct extents *e, uint32_t n, uint32_t *ret_first)
{
	for (size_t i = 0; n <= e->total && i < e->free.count; i++) {
		struct extent *x = &e->free.items[i];

		if (x->n < n)
			continue;
		*ret_first = x->first;
		x->first += n;
		x->n -= n;
		e->total -= n;
		if (!x->n)
			drop(e, i);
		return true;
	}
	return false;
}

/* The first run behind the place. */
static size_t behind(const struct extents *e, uint32_t place)
{
	size_t lo = 0, hi = e->free.count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (e->free.items[mid].first > place)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

int extents_give(struct extents *e, uint32_t first, uint32_t n)
{
	size_t i = behind(e, first);
	struct extent *before = i ? &e->free.items[i - 1] : NULL;
	struct extent *after = i < e->free.count ? &e->free.items[i] : NULL;
	int r;

	if (before && before->first + before->n == first) {
		before->n += n;
		if (after && after->first == before->first + before->n) {
			before->n += after->n;
			drop(e, i);
		}
	} else if (after && first + n == after->first) {
		after->first = first;
		after->n += n;
	} else {
		r = vec_add(&e->free, (struct extent){ 0 });
		if (r < 0)
			return r;
		memmove(&e->free.items[i + 1], &e->free.items[i],
			(e->free.count - 1 - i) * sizeof(*e->free.items));
		e->free.items[i] = (struct extent){ first, n };
	}
	e->total += n;
	return 0;
}
