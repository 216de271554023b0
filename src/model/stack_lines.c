/* stack_lines.c: source lines of native frames that were found after their stack was named.
 *
 * Owns what they change: the frames of the stack, and with these what was said of it before.  A
 * stack gets lines once, so that no recording can make it grow again and again.
 */
#include "model/state.h"

#define PLACE_BYTES_MIN 16 /* two numbers, two empty texts */
#define PLACES_MAX	64 /* that one frame becomes */

/* What one place in the payload says. */
struct place {
	uint32_t flags, line;
	const char *fn, *file;
};

static int get_place(struct model *m, struct chunk_cursor *c, struct place *ret)
{
	ret->flags = chunk_get_u32(c);
	ret->line = chunk_get_u32(c);
	ret->fn = model_text(m, c);
	ret->file = ret->fn ? model_text(m, c) : NULL;
	return ret->file ? 0 : -ENOMEM;
}

/* A function that was inlined where `own` stands. */
static struct frame inlined_frame(const struct place *said, const struct frame *own)
{
	struct frame f = *own;

	f.library = said->flags & FRAME_LIBRARY;
	f.inlined = true;
	f.fn = said->fn;
	f.line = said->line;
	f.offset = 0;
	f.build_id = "";
	if (*said->file)
		f.file = said->file;
	return f;
}

static void add_line(struct frame *own, const struct place *said)
{
	if (!*own->fn && *said->fn) {
		own->fn = said->fn;
		own->build_id = "";
	}
	own->library = own->library || said->flags & FRAME_LIBRARY;
	if (said->line) {
		own->file = said->file;
		own->line = said->line;
	}
}

/* The frames of a stack, on their way to be those of the new one. */
struct relined {
	const struct stack *from;
	size_t at; /* the next of them */
	struct frame *to;
	size_t n;
	uint32_t number;    /* of the next native frame that is not inlined */
	int coro, new_coro; /* as in struct stack_info, of the old frames and the new ones */
};

/* Goes on to the frame of that number, which stays the next one.  False: there is none. */
static bool copy_until(struct relined *r, uint32_t number)
{
	for (; r->at < r->from->n_frames; r->at++) {
		const struct frame *f = &r->from->frames[r->at];

		if (f->kind == FRAME_NATIVE && !f->inlined && r->number++ == number) {
			r->number = number;
			return true;
		}
		if (r->coro == (int)r->at)
			r->new_coro = (int)r->n;
		r->to[r->n++] = *f;
	}
	return false;
}

/* Debug files that were at hand when the recording was read have said it already. */
static bool has_lines(const struct relined *r)
{
	const struct frame *f = &r->from->frames[r->at];

	return f->line || (r->at && f[-1].kind == FRAME_NATIVE && f[-1].inlined);
}

/* What is said of one frame. */
static int reline_frame(struct model *m, struct chunk_cursor *c, struct relined *r)
{
	uint32_t number = chunk_get_u32(c), n = chunk_get_u32(c);
	bool found, wanted;
	struct place said;

	/* in their order, each once */
	if (n == 0 || n > PLACES_MAX || number < r->number) {
		c->bad = true;
		return 0;
	}
	found = copy_until(r, number);
	wanted = found && !has_lines(r);
	for (uint32_t i = 0; i < n && !c->bad; i++) {
		if (get_place(m, c, &said) < 0)
			return -ENOMEM;
		if (wanted && i + 1 < n)
			r->to[r->n++] = inlined_frame(&said, &r->from->frames[r->at]);
	}
	if (!found || c->bad)
		return 0;
	r->to[r->n] = r->from->frames[r->at++];
	if (wanted)
		add_line(&r->to[r->n], &said);
	r->n++;
	r->number++;
	return 0;
}

static int reline(struct model *m, struct chunk_cursor *c, int index, uint32_t n)
{
	struct stack *stack = &m->stacks.items[index];
	struct stack_info *info = &m->stack_infos.items[index];
	/* Each place makes one frame more at most. */
	size_t room = stack->n_frames + (size_t)(c->end - c->at) / PLACE_BYTES_MIN;
	struct relined r = { .from = stack, .coro = info->coro, .new_coro = -1 };
	int e = 0;

	r.to = arena_alloc(&m->texts.arena, room * sizeof(*r.to));
	if (!r.to)
		return -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < n && !c->bad; i++)
		e = reline_frame(m, c, &r);
	if (e < 0 || c->bad)
		return e;
	copy_until(&r, UINT32_MAX);
	stack->frames = r.to;
	stack->n_frames = r.n;
	info->coro = r.new_coro;
	m->relined++;
	return 0;
}

int stacks_feed_lines(struct model *m, struct chunk_cursor *c)
{
	int index = stack_find(m, chunk_get_u64(c));
	uint32_t flags = chunk_get_u32(c), n = chunk_get_u32(c);
	struct stack_info *info = index < 0 ? NULL : &m->stack_infos.items[index];

	if (c->bad || !info || !info->named || info->lined)
		return 0;
	info->lined = true; /* also when it turns out to be bad */
	info->unlined = flags & STACK_LINES_LOST;
	return n ? reline(m, c, index, n) : 0;
}
