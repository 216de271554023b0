/* cpython_await.c: see cpython_await.h.
 *
 * An awaiting frame keeps the awaited iterator on top of its value stack.  The versions differ in
 * where that top is, and in how one tells that the word there is an awaited object and nothing
 * else.
 */
#include "runtime/cpython_await.h"

#include <errno.h>
#include <string.h>

#include "base/word.h"

#define OP_YIELD_FROM  72 /* to 3.10 */
#define RESUME_AWAITED 2  /* argument of RESUME behind a yield from (2) or an await (3) */
#define HEAD_MAX       256
#define CODE_BYTES_MAX (1 << 24)
#define STACK_MAX      65536 /* words, of local variables and value stack */
#define WRAPPED_AT     16    /* in asend, athrow and coroutine_wrapper */

static int32_t s32_at(const uint8_t *bytes, uint32_t at)
{
	int32_t v;

	memcpy(&v, bytes + at, sizeof(v));
	return v;
}

/* A frame of its own, to 3.10.  f_lasti is -1 before the first instruction; the top of the stack is
 * not kept while the frame runs. */
static int top_of_frame(struct cpython_reader *rd, uint64_t frame, struct coro_at *at)
{
	const struct cpython_layout *l = rd->l;
	uint64_t stack;
	int32_t depth;
	int r = cpython_read_word(rd, frame + l->frame_stack, &stack);

	at->stack = frame + l->frame_locals;
	if (r < 0 || l->awaited != AWAITED_DEPTH) {
		at->stack_top = stack;
		return r;
	}
	r = cpython_read_s32(rd, frame + l->frame_stack_depth, &depth);
	if (r < 0)
		return r;
	if (depth > STACK_MAX)
		return -EPROTO;
	at->stack_top = depth < 0 ? 0 : stack + 8 * (uint64_t)depth;
	return 0;
}

/* Whether the instruction behind `off` waits for the object on the stack. */
static int yields_from(struct cpython_reader *rd, uint64_t code, int32_t off, bool *ret)
{
	uint64_t bytes, size;
	uint8_t op;
	int r = cpython_read_word(rd, code + rd->l->code_bytes, &bytes);

	if (r == 0)
		r = cpython_read_word(rd, bytes + CPYTHON_BYTES_SIZE, &size);
	if (r < 0)
		return r;
	*ret = false;
	if (off < 0 || size > CPYTHON_ITEMS_MAX || (uint64_t)off + 2 >= size)
		return 0;
	r = cpython_read(rd, bytes + CPYTHON_BYTES_DATA + (uint64_t)off + 2, &op, 1);
	*ret = r == 0 && op == OP_YIELD_FROM;
	return r;
}

static int read_frame(struct cpython_reader *rd, struct coro_at *at)
{
	const struct cpython_offsets *o = rd->o;
	uint64_t frame;
	int32_t last;
	bool waits = false;
	int r = cpython_read_word(rd, at->object + rd->l->gen_frame, &frame);

	if (r < 0)
		return r;
	if (!frame) {
		at->state = CORO_FINISHED;
		return 0;
	}
	r = cpython_read_word(rd, frame + o->frame_code, &at->code);
	if (r == 0)
		r = cpython_read_s32(rd, frame + o->frame_ip, &last);
	if (r == 0)
		r = cpython_read_word(rd, frame + rd->l->frame_locals, &at->first);
	if (r == 0)
		r = top_of_frame(rd, frame, at);
	if (r < 0)
		return r;
	if (last > CODE_BYTES_MAX)
		return -EPROTO;
	at->off = last < 0 ? -1 : last * (int32_t)o->frame_ip_scale;
	at->state = !at->stack_top ? CORO_RUNNING : last < 0 ? CORO_CREATED : CORO_SUSPENDED;
	if (at->state != CORO_SUSPENDED || at->stack_top <= at->stack)
		return 0;
	r = yields_from(rd, at->code, at->off, &waits);
	return r < 0 || !waits ? r : cpython_read_word(rd, at->stack_top - 8, &at->awaited);
}

static enum coro_state state_of(const struct cpython_layout *l, int state)
{
	if (state == l->gen_running)
		return CORO_RUNNING;
	if (state < l->gen_suspended)
		return CORO_CREATED;
	return state > l->gen_running ? CORO_FINISHED : CORO_SUSPENDED;
}

/* Where the awaited object is; 0: it awaits none.  The frame is part of the object. */
static int find_awaited(struct cpython_reader *rd, const struct coro_at *at, int state, uint64_t ip,
			uint64_t *ret_slot)
{
	const struct cpython_layout *l = rd->l;
	uint8_t argument = 0;
	int r = 0;

	*ret_slot = 0;
	if (at->stack_top <= at->stack)
		return 0;
	if (l->awaited == AWAITED_RESUME) {
		r = cpython_read(rd, ip + 3, &argument, 1);
		if (r == 0 && (argument & 3) >= RESUME_AWAITED)
			*ret_slot = at->stack_top - 8;
	} else if (state == l->gen_awaiting) {
		*ret_slot = at->stack_top - (l->awaited == AWAITED_POINTER_16 ? 16 : 8);
	}
	return r;
}

/* Where the process itself states what is where, a lie must not lead out of what was read. */
static bool is_in_head(const struct cpython_layout *l, const struct cpython_offsets *o,
		       uint32_t size)
{
	uint32_t room = size - l->gen_iframe;

	return size <= HEAD_MAX && l->gen_state < size && l->frame_stack + 8 <= room &&
	       o->frame_code + 8 <= room && o->frame_ip + 8 <= room;
}

static int read_inner_frame(struct cpython_reader *rd, struct coro_at *at)
{
	const struct cpython_layout *l = rd->l;
	const struct cpython_offsets *o = rd->o;
	uint32_t size = l->gen_iframe + l->frame_locals + 8;
	uint8_t head[HEAD_MAX];
	const uint8_t *frame = head + l->gen_iframe;
	uint64_t ip, slot;
	int32_t depth;
	int8_t state;
	int r = is_in_head(l, o, size) ? cpython_read(rd, at->object, head, size) : -EPROTO;

	if (r < 0)
		return r;
	state = (int8_t)head[l->gen_state];
	at->state = state_of(l, state);
	if (at->state == CORO_FINISHED)
		return 0;
	at->code = word_at(frame, o->frame_code) & CPYTHON_REF_MASK;
	ip = word_at(frame, o->frame_ip);
	at->off = (int32_t)(ip - (at->code + o->code_start));
	at->first = word_at(frame, l->frame_locals) & CPYTHON_REF_MASK;
	at->stack = at->object + l->gen_iframe + l->frame_locals;
	depth = s32_at(frame, l->frame_stack);
	if (l->awaited == AWAITED_POINTER_8 || l->awaited == AWAITED_POINTER_16)
		at->stack_top = word_at(frame, l->frame_stack);
	else if (depth > 0 && depth <= STACK_MAX)
		at->stack_top = at->stack + 8 * (uint64_t)depth;
	if (at->state != CORO_SUSPENDED)
		return 0;
	r = find_awaited(rd, at, state, ip, &slot);
	return r < 0 || !slot ? r : cpython_read_word(rd, slot, &at->awaited);
}

static bool is_one_of(struct cpython_reader *rd, uint64_t object, const char *const *names)
{
	for (; *names; names++)
		if (cpython_is(rd, object, *names) == 0)
			return true;
	return false;
}

int cpython_coro_at(struct cpython_reader *rd, uint64_t object, struct coro_at *ret)
{
	static const char *const coros[] = { "coroutine", "generator", "async_generator", NULL };
	struct coro_at at = { .object = object };
	int r = is_one_of(rd, object, coros) ? 0 : -EPROTO;

	if (r == 0)
		r = rd->l->gen_frame ? read_frame(rd, &at) : read_inner_frame(rd, &at);
	at.awaited &= CPYTHON_REF_MASK;
	if (at.stack_top % 8 || at.stack_top < at.stack || at.stack_top - at.stack > 8 * STACK_MAX)
		at.stack_top = 0;
	if (r == 0)
		*ret = at;
	return r;
}

/* What stands between a coroutine and the one that it awaits; the object itself where nothing
 * does. */
static int unwrap(struct cpython_reader *rd, uint64_t *object)
{
	static const char *const wrappers[] = { "async_generator_asend", "async_generator_athrow",
						"coroutine_wrapper", NULL };

	return is_one_of(rd, *object, wrappers)
		       ? cpython_read_word(rd, *object + WRAPPED_AT, object)
		       : 0;
}

static int end_chain(struct cpython_reader *rd, uint64_t object, struct await_chain *chain)
{
	int r = 0;

	chain->end = object;
	if (object && cpython_is(rd, object, "_asyncio.FutureIter") == 0) {
		r = cpython_read_word(rd, object + CPYTHON_ITER_FUTURE, &chain->end);
		chain->end &= CPYTHON_REF_MASK;
		chain->future = chain->end != 0;
	}
	return r;
}

int cpython_await_chain(struct cpython_reader *rd, uint64_t coro, struct await_chain *ret_chain)
{
	struct await_chain *chain = ret_chain;
	uint64_t object = coro;
	int r = 0;

	chain->count = 0;
	chain->truncated = chain->future = false;
	chain->end = 0;
	while (object && chain->count < AWAITS_MAX) {
		r = unwrap(rd, &object);
		if (r == 0)
			r = cpython_coro_at(rd, object, &chain->coros[chain->count]);
		if (r < 0)
			break;
		object = chain->coros[chain->count].awaited;
		chain->count++;
	}
	if (r < 0 && (r != -EPROTO || !chain->count))
		return r;
	chain->truncated = object && chain->count == AWAITS_MAX;
	return chain->truncated ? 0 : end_chain(rd, object, chain);
}
