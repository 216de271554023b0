/* stacks.c: stacks by hash, named by user space or, failing that, as raw addresses.
 *
 * Owns profile.stacks.  The first names of a hash stay: what a stall pointed at must not change.
 */
#include "model/state.h"

/* u32 kind, flags, line, u64 offset, three empty strings: a frame takes no less. */
#define FRAME_BYTES_MIN 32

int stack_find(const struct model *m, uint64_t hash)
{
	return hash ? index_find(m->stack_by_hash, hash) : -1;
}

static int add_stack(struct model *m, const struct stack *stack, struct stack_info info)
{
	int index = stack_find(m, stack->hash);

	if (index >= 0) {
		if (info.named && !m->stack_infos.items[index].named) {
			m->stacks.items[index] = *stack;
			m->stack_infos.items[index] = info;
		}
		return 0;
	}
	if (vec_add(&m->stacks, *stack) < 0)
		return -ENOMEM;
	if (vec_add(&m->stack_infos, info) < 0) {
		m->stacks.count--;
		return -ENOMEM;
	}
	return index_add(m, &m->stack_by_hash, stack->hash, m->stacks.count - 1);
}

static int get_frame(struct model *m, struct chunk_cursor *c, struct frame *f, int place,
		     struct stack_info *info)
{
	const char **texts[] = { &f->fn, &f->file, &f->module };
	uint32_t kind = chunk_get_u32(c), flags = chunk_get_u32(c);

	f->kind = kind;
	f->library = flags & FRAME_LIBRARY;
	f->jit = flags & FRAME_JIT;
	f->inlined = flags & FRAME_INLINED;
	f->line = chunk_get_u32(c);
	f->offset = chunk_get_u64(c);
	f->build_id = "";
	if (kind >= FRAME_KIND_COUNT)
		c->bad = true;
	if (kind == FRAME_NATIVE && (flags & FRAME_GUESSED))
		info->guessed = true;
	if (kind == FRAME_PYTHON && (flags & FRAME_COROUTINE))
		info->coro = place;
	for (int i = 0; i < 3; i++) {
		uint32_t len;
		const char *text = chunk_get_str(c, &len);

		*texts[i] = intern_printable(&m->texts, text, len);
		if (!*texts[i])
			return -ENOMEM;
	}
	return 0;
}

/* Which files the nameless frames lie in.  Absent in older recordings. */
static void get_nameless(const struct model *m, struct chunk_cursor *c, struct stack *stack)
{
	uint32_t n = c->at < c->end ? chunk_get_u32(c) : 0;

	for (uint32_t i = 0; i < n && !c->bad; i++) {
		uint32_t frame = chunk_get_u32(c), module = chunk_get_u32(c);
		int index = module ? index_find(m->module_by_number, module) : -1;

		chunk_get_u64(c);
		if (!c->bad && frame < stack->n_frames && index >= 0 && !*stack->frames[frame].fn)
			stack->frames[frame].build_id = m->module_build_ids.items[index];
	}
}

/* The module in which the native part ended.  Absent in older recordings. */
static int get_end(struct model *m, struct chunk_cursor *c, struct stack *stack)
{
	stack->user_end = c->at < c->end ? model_text(m, c) : "";
	return stack->user_end ? 0 : -ENOMEM;
}

int stacks_feed_module(struct model *m, struct chunk_cursor *c)
{
	uint32_t number = chunk_get_u32(c);
	const char *build_id = model_text(m, c);

	if (!build_id)
		return -ENOMEM;
	if (c->bad || !number || index_find(m->module_by_number, number) >= 0)
		return 0;
	if (m->module_build_ids.count >= m->items_max) {
		m->lost_items++;
		return 0;
	}
	if (vec_add(&m->module_build_ids, build_id) < 0)
		return -ENOMEM;
	return index_add(m, &m->module_by_number, number, (int)m->module_build_ids.count - 1);
}

int stacks_feed_names(struct model *m, const struct chunk *chunk)
{
	struct stack_info info = { .named = true, .coro = -1 };
	struct stack stack = { .user_end = "" };
	struct chunk_cursor c;
	uint32_t n, flags;

	chunk_cursor_init(&c, chunk);
	stack.hash = chunk_get_u64(&c);
	flags = chunk_get_u32(&c);
	stack.flags = flags & 0xffff;
	stack.user_stop = flags >> 16;
	n = chunk_get_u32(&c);
	if (c.bad || stack.hash == 0 || n > (size_t)(c.end - c.at) / FRAME_BYTES_MIN) {
		m->bad_events++;
		return 0;
	}
	stack.n_frames = n;
	stack.frames = arena_alloc(&m->texts.arena, n * sizeof(*stack.frames));
	if (!stack.frames)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (get_frame(m, &c, &stack.frames[i], i, &info) < 0)
			return -ENOMEM;
	if (!c.bad)
		get_nameless(m, &c, &stack);
	if (!c.bad && get_end(m, &c, &stack) < 0)
		return -ENOMEM;
	if (c.bad) {
		m->bad_events++;
		return 0;
	}
	return add_stack(m, &stack, info);
}

/* An address alone; the module says at least what sort of memory it is in. */
static struct frame raw_frame(enum frame_kind kind, const char *module, uint64_t address)
{
	return (struct frame){
		.kind = kind,
		.offset = address,
		.fn = "",
		.file = "",
		.module = module,
		.build_id = "",
	};
}

int stacks_feed_raw(struct model *m, const struct event_stack *e)
{
	struct stack stack = {
		.hash = e->hash, .flags = e->flags, .user_stop = e->user_stop, .user_end = ""
	};
	struct frame *f;

	if (stack_find(m, e->hash) >= 0)
		return 0;
	stack.n_frames = e->n_kernel + e->n_user + e->n_python;
	stack.frames = f = arena_alloc(&m->texts.arena, stack.n_frames * sizeof(*f));
	if (!f)
		return -ENOMEM;
	for (int i = 0; i < e->n_kernel; i++)
		*f++ = raw_frame(FRAME_KERNEL, "[kernel]", e->kernel[i]);
	for (int i = 0; i < e->n_user; i++)
		*f++ = raw_frame(FRAME_NATIVE, "[unknown]", USER_ADDRESS(e->user[i]));
	for (int i = 0; i < e->n_python; i++)
		*f++ = raw_frame(FRAME_PYTHON, "[python]", e->python[i].code & ~1ULL);
	return add_stack(m, &stack, (struct stack_info){ .coro = -1 });
}
