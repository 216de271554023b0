/* suppress.c: see suppress.h. */
#include "cli/suppress.h"

#include <string.h>

#include "base/vec.h"

struct suppress_key {
	char key[sizeof(((struct stall *)0)->key)];
	char id[sizeof(((struct stall *)0)->id)];   /* of the last line */
	char open[sizeof(((struct stall *)0)->id)]; /* shown as ongoing, its end is due */
	uint64_t since;				    /* start of the window */
	uint64_t shown;				    /* in the window, ended ones */
	uint64_t hidden;			    /* since the last "suppressed" line */
};

void suppress_release(struct suppress *s)
{
	vec_release(s);
}

/* Keys are few: as many as there are kinds of stall in the program. */
static struct suppress_key *find(struct suppress *s, const struct stall *stall, uint64_t now_ns)
{
	struct suppress_key fresh = { .since = now_ns };

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].key, stall->key) == 0)
			return &s->items[i];
	memcpy(fresh.key, stall->key, sizeof(fresh.key));
	return vec_add(s, fresh) < 0 ? NULL : &s->items[s->count - 1];
}

/* Stalls of several loops come a little out of order. */
static bool is_over(const struct suppress_key *k, uint64_t now_ns)
{
	return now_ns == UINT64_MAX || (now_ns > k->since && now_ns - k->since >= SUPPRESS_WINDOW);
}

bool suppress_show(struct suppress *s, const struct stall *stall, uint64_t now_ns)
{
	struct suppress_key *k = find(s, stall, now_ns);
	bool ongoing = stall->state == STALL_STATE_ONGOING;
	bool due;

	if (!k)
		return true;
	/* The window does not restart under a count that was not told yet: suppress_flush does it.
	 */
	if (!k->hidden && is_over(k, now_ns)) {
		k->since = now_ns;
		k->shown = 0;
	}
	due = strcmp(k->open, stall->id) == 0;
	if (!due && k->shown >= SUPPRESS_SHOWN) {
		k->hidden += !ongoing;
		return false;
	}
	memcpy(k->id, stall->id, sizeof(k->id));
	if (ongoing)
		memcpy(k->open, stall->id, sizeof(k->open));
	else if (due)
		k->open[0] = '\0';
	k->shown += !ongoing;
	return true;
}

int suppress_flush(struct suppress *s, uint64_t now_ns, struct str *out)
{
	for (size_t i = 0; i < s->count; i++) {
		struct suppress_key *k = &s->items[i];
		int r;

		if (!k->hidden || !is_over(k, now_ns))
			continue;
		r = str_printf(out, "suppressed %llu like %s\n", (unsigned long long)k->hidden,
			       k->id);
		if (r < 0)
			return r;
		k->since = now_ns;
		k->shown = k->hidden = 0;
	}
	return 0;
}
