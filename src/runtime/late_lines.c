/* late_lines.c: see late_lines.h. */
#include "runtime/late_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define FRAMES_MAX 65536 /* of all stacks; what comes then stays without lines, and is counted */

struct late_stack {
	uint64_t hash;
	size_t room; /* for functions that were inlined */
	bool lost;   /* some frame may have lines that nobody will find */
	size_t count;
	struct late_frame *frames; /* owned */
};

struct late_lines {
	struct native_lines *lines;
	VEC(struct late_frame) now; /* of the stack that was begun */
	bool lost;		    /* likewise */
	VEC(struct late_stack) stacks;
	size_t frames; /* of all of these */
	uint64_t seen; /* lines_settled when they were looked at last */
};

int late_lines_new(struct native_lines *lines, struct late_lines **ret_late)
{
	struct late_lines *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->lines = lines;
	*ret_late = l;
	return 0;
}

struct late_lines *late_lines_free(struct late_lines *l)
{
	size_t i;

	if (!l)
		return NULL;
	for (i = 0; i < l->stacks.count; i++)
		free(l->stacks.items[i].frames);
	vec_release(&l->stacks);
	vec_release(&l->now);
	free(l);
	return NULL;
}

void late_lines_begin(struct late_lines *l)
{
	l->now.count = 0;
	l->lost = false;
}

void late_lines_add(struct late_lines *l, const struct late_frame *frame, enum lines_state state)
{
	if (state == LINES_LOST || l->frames + l->now.count >= FRAMES_MAX ||
	    vec_add(&l->now, *frame) < 0)
		l->lost = true;
}

void late_lines_end(struct late_lines *l, uint64_t hash, size_t inlined, size_t inlined_max)
{
	struct late_stack stack = { .hash = hash, .room = inlined_max - inlined, .lost = l->lost };

	if (!l->now.count && !l->lost)
		return;
	stack.frames = malloc(l->now.count * sizeof(*stack.frames) + 1);
	if (!stack.frames)
		return;
	if (l->now.count)
		memcpy(stack.frames, l->now.items, l->now.count * sizeof(*stack.frames));
	stack.count = l->now.count;
	if (vec_add(&l->stacks, stack) < 0) {
		free(stack.frames);
		return;
	}
	l->frames += stack.count;
	/* One that only lost lines waits for nothing: kept for it, a full cache would stay full. */
	if (stack.count)
		native_lines_keep(l->lines, true);
}

static bool is_known(const struct late_lines *l, const struct late_stack *s)
{
	struct chunk_frame frames[NATIVE_LINES_MAX];
	size_t i, n;

	for (i = 0; i < s->count; i++)
		if (native_lines_find(l->lines, &s->frames[i].place, frames, &n) == LINES_LATER)
			return false;
	return true;
}

static int put_place(struct str *to, const struct chunk_frame *f, uint32_t flags)
{
	int r = chunk_put_u32(to, flags);

	r = r < 0 ? r : chunk_put_u32(to, f->line);
	r = r < 0 ? r : chunk_put_str(to, f->fn);
	return r < 0 ? r : chunk_put_str(to, f->file);
}

/* What is known of the frame, and of the functions inlined there: all of these or none. */
static int put_frame(struct late_stack *s, const struct late_frame *late,
		     const struct chunk_frame *frames, size_t count, struct str *to)
{
	const struct chunk_frame *own = &frames[count - 1];
	size_t inlined = count - 1 <= s->room ? count - 1 : 0, i;
	uint32_t flags = own->line ? own->flags & FRAME_LIBRARY : 0;
	int r = chunk_put_u32(to, late->frame);

	r = r < 0 ? r : chunk_put_u32(to, (uint32_t)inlined + 1);
	for (i = 0; r == 0 && i < inlined; i++)
		r = put_place(to, &frames[i], frames[i].flags | late->flags);
	if (late->nameless && native_lines_standard(own->fn))
		flags |= FRAME_LIBRARY;
	s->room -= inlined;
	return r < 0 ? r : put_place(to, own, flags);
}

/* The payload; ret_n: of how many frames it says anything. */
static int encode(const struct late_lines *l, struct late_stack *s, struct str *to, uint32_t *ret_n)
{
	cleanup(str_releasep) struct str body = { 0 };
	struct chunk_frame frames[NATIVE_LINES_MAX];
	size_t i, count;
	int r = 0;

	*ret_n = 0;
	for (i = 0; r == 0 && i < s->count; i++) {
		const struct late_frame *f = &s->frames[i];
		enum lines_state state = native_lines_find(l->lines, &f->place, frames, &count);

		if (state == LINES_LATER || state == LINES_LOST)
			s->lost = true;
		if (state != LINES_KNOWN)
			continue;
		++*ret_n;
		r = put_frame(s, f, frames, count, &body);
	}
	r = r < 0 ? r : chunk_put_u64(to, s->hash);
	r = r < 0 ? r : chunk_put_u32(to, s->lost ? STACK_LINES_LOST : 0);
	r = r < 0 ? r : chunk_put_u32(to, *ret_n);
	return r < 0 ? r : str_add_mem(to, str_text(&body), body.len);
}

static int put_stack(struct late_lines *l, struct late_stack *s,
		     int (*put)(void *ctx, const struct str *payload), void *ctx)
{
	cleanup(str_releasep) struct str payload = { 0 };
	uint32_t n;
	int r = encode(l, s, &payload, &n);

	return r < 0 || (!n && !s->lost) ? r : put(ctx, &payload);
}

int late_lines_put(struct late_lines *l, bool last,
		   int (*put)(void *ctx, const struct str *payload), void *ctx)
{
	uint64_t settled = lines_settled(native_lines_source(l->lines));
	size_t i, kept = 0;
	int r = 0;

	if (!l->stacks.count || (!last && settled == l->seen))
		return 0;
	l->seen = settled;
	for (i = 0; i < l->stacks.count; i++) {
		struct late_stack *s = &l->stacks.items[i];

		if (r < 0 || !(last || is_known(l, s))) {
			l->stacks.items[kept++] = *s;
			continue;
		}
		r = put_stack(l, s, put, ctx);
		l->frames -= s->count;
		free(s->frames);
	}
	l->stacks.count = kept;
	native_lines_keep(l->lines, kept > 0);
	return r;
}
