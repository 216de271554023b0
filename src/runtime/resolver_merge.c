/* resolver_merge.c: see resolver_merge.h. */
#include "runtime/resolver_merge.h"

struct merge {
	const struct merge_input *in;
	struct merge_item *items;
	size_t count;
	size_t next; /* interpreter frame that comes next */
};

static void add(struct merge *m, bool interp, size_t index)
{
	m->items[m->count++] = (struct merge_item){ .interp = interp, .index = (uint16_t)index };
}

/* Interpreter frames up to and including the next that native code called. */
static void add_run(struct merge *m)
{
	while (m->next < m->in->n_interp) {
		size_t i = m->next++;

		add(m, true, i);
		if (m->in->interp[i].code & 1)
			return;
	}
}

static void add_rest(struct merge *m)
{
	while (m->next < m->in->n_interp)
		add(m, true, m->next++);
}

static bool is_interpreter(uint8_t kind)
{
	return kind == MERGE_EVAL || kind == MERGE_OWN;
}

/* Frames above the first that runs the interpreter: what it called last.  Its own tell nothing that
 * the frame below does not, unless there is no other. */
static size_t add_top(struct merge *m)
{
	const struct merge_input *in = m->in;
	size_t i;

	for (i = 0; i < in->n_native && in->native[i] != MERGE_EVAL; i++)
		if (i == 0 || in->native[i] != MERGE_OWN)
			add(m, false, i);
	if (i == 0 && in->n_native)
		add(m, false, 0);
	return i;
}

/* As one block, below what was called from the first native frame of the interpreter. */
static size_t add_block(struct merge *m)
{
	const struct merge_input *in = m->in;
	size_t i;

	for (i = 0; i < in->n_native && !is_interpreter(in->native[i]); i++)
		add(m, false, i);
	if (i == 0 && in->n_native)
		add(m, false, 0);
	add_rest(m);
	return m->count;
}

static size_t count_evals(const struct merge_input *in)
{
	size_t i, n = 0;

	for (i = 0; i < in->n_native; i++)
		n += in->native[i] == MERGE_EVAL;
	return n;
}

static size_t count_runs(const struct merge_input *in)
{
	size_t i, n = 0;

	for (i = 0; i < in->n_interp; i++)
		n += in->interp[i].code & 1;
	return n;
}

/* Everything above the first frame of the loop is the interpreter's own. */
static bool inside_interpreter(const struct merge_input *in)
{
	size_t i;

	for (i = 0; i < in->n_native && in->native[i] == MERGE_OWN; i++)
		;
	return i < in->n_native && in->native[i] == MERGE_EVAL;
}

/* A greenlet has a list of interpreter frames of its own, and what its native frames stand on is
 * another one's, or was.  Where that begins; n_native: nowhere. */
static size_t find_switch(const struct merge_input *in)
{
	size_t i, evals = 0, runs = count_runs(in);

	for (i = 0; i < in->n_native && evals <= runs + 1; i++) {
		if (in->native[i] == MERGE_SWITCH && runs && evals >= runs)
			return i;
		evals += in->native[i] == MERGE_EVAL;
	}
	return in->n_native;
}

/* How many frames of the loop have no interpreter frame yet, 0 or 1; -1: the two do not fit. */
static int count_empty(const struct merge_input *in)
{
	size_t evals = count_evals(in), runs = count_runs(in);

	if (in->guessed || !evals)
		return -1;
	if (evals == runs || (evals < runs && !in->rooted) || (evals > runs && in->truncated))
		return 0;
	/* one that is about to push its first frame, or has just popped its last */
	return evals == runs + 1 && in->rooted && inside_interpreter(in) ? 1 : -1;
}

/* Below the outermost interpreter frame: nothing, unless a program had called the interpreter. */
static void add_bottom(struct merge *m, size_t from)
{
	const struct merge_input *in = m->in;
	bool program = false;
	size_t i;

	for (i = from; i < in->n_native; i++)
		program |= in->native[i] == MERGE_FOREIGN;
	for (i = from; program && i < in->n_native; i++)
		if (!is_interpreter(in->native[i]))
			add(m, false, i);
}

/* Native frames are those above a switch, and fit the interpreter's but for `empty` of the loop. */
static size_t add_merged(struct merge *m, int empty)
{
	const struct merge_input *in = m->in;
	size_t i;

	for (i = add_top(m); i < in->n_native; i++) {
		if (in->native[i] == MERGE_EVAL && empty)
			empty = 0;
		else if (in->native[i] == MERGE_EVAL)
			add_run(m);
		else if (in->native[i] != MERGE_OWN && in->native[i] != MERGE_PLUMBING)
			add(m, false, i);
		if (m->next == in->n_interp)
			break;
	}
	add_rest(m);
	add_bottom(m, i + 1);
	return m->count;
}

size_t merge_frames(const struct merge_input *in, struct merge_item ret_items[MERGE_MAX],
		    struct merge_found *ret_found)
{
	struct merge_input own = *in;
	struct merge m = { .in = &own, .items = ret_items };
	size_t i;
	int empty;

	*ret_found = (struct merge_found){ .merged = true, .rooted = in->rooted };
	if (!in->n_interp) {
		for (i = 0; i < in->n_native; i++)
			add(&m, false, i);
		return m.count;
	}
	own.n_native = find_switch(in);
	own.rooted = in->rooted || own.n_native < in->n_native;
	empty = count_empty(&own);
	ret_found->merged = empty >= 0;
	if (empty < 0)
		return add_block(&m);
	ret_found->rooted = own.rooted;
	return add_merged(&m, empty);
}

size_t merge_placed(const struct merge_input *in, struct merge_item ret_items[MERGE_MAX])
{
	struct merge m = { .in = in, .items = ret_items };
	size_t i;

	for (i = 0; i < in->n_native; i++) {
		for (; m.next < in->n_interp && in->interp[m.next].tag <= i; m.next++)
			if (in->interp[m.next].tag == i)
				add(&m, true, m.next);
		add(&m, false, i);
	}
	return m.count;
}
