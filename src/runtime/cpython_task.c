/* cpython_task.c: see cpython_task.h. */
#include "runtime/cpython_task.h"

#include <errno.h>
#include <string.h>

#include "runtime/cpython_ends.h"

#define LOOKS_MAX 3 /* until two in a row are the same */
#define CODE_MAX  256

const char *cpython_task_text(struct cpython_tasks_reader *tr, const char *text)
{
	tr->text_bytes += strlen(text);
	return intern_text(&tr->texts, text);
}

/* The code object of a frame with its name.  The tag is read now, so that a name that was read
 * before belongs to this object and not to one that was there before it. */
int cpython_task_code(struct cpython_tasks_reader *tr, uint64_t code,
		      const struct cpython_code **ret)
{
	const struct cpython_offsets *o = tr->rd->o;
	uint8_t object[CODE_MAX] = { 0 };
	uint32_t tag = 0;
	int r = o->code_lines + 8 <= CODE_MAX
			? cpython_read(tr->rd, code, object, o->code_lines + 8)
			: -EPROTO;

	if (r == 0)
		r = cpython_names_tag(tr->names, object, &tag);
	if (r == 0)
		r = cpython_names_get(tr->names, code, tag, ret);
	if (r == 0 && ((*ret)->stale || (*ret)->unread))
		r = -EPROTO;
	return r;
}

/* What a task is in either of its implementations. */
struct head {
	uint64_t loop;
	uint64_t coro;
	bool pending;
};

static int head_of_c(struct cpython_reader *rd, uint64_t task, struct head *h)
{
	int32_t state = 0;
	int r = cpython_read_word(rd, task + CPYTHON_FUTURE_LOOP, &h->loop);

	if (r == 0)
		r = cpython_read_s32(rd, task + rd->l->future_state, &state);
	if (r == 0 && (state < 0 || state > 2))
		r = -EPROTO;
	h->pending = r == 0 && state == 0;
	return r;
}

static int head_of_python(struct cpython_reader *rd, uint64_t task, struct head *h)
{
	uint64_t state;
	int r = cpython_attr(rd, task, "_state", &state);

	if (r == 0)
		r = cpython_attr(rd, task, "_loop", &h->loop);
	if (r == 0)
		h->pending = cpython_str_is(rd, state, "PENDING") == 0;
	return r;
}

static int read_head(struct cpython_reader *rd, uint64_t task, struct head *h)
{
	int r = cpython_is(rd, task, "_asyncio.Task");

	if (r == 0)
		r = head_of_c(rd, task, h);
	else if (r == -EPROTO)
		r = head_of_python(rd, task, h);
	if (r == 0 && h->pending)
		r = cpython_task_coro(rd, task, &h->coro);
	h->coro &= CPYTHON_REF_MASK;
	return r == -ENOENT ? -EPROTO : r;
}

static int read_names(struct cpython_tasks_reader *tr, uint64_t task, uint64_t coro,
		      struct task_data *t)
{
	char text[RUNTIME_NAME_MAX];
	struct cpython_type type;
	int r = cpython_task_name(tr->rd, task, text, sizeof(text));

	if (r < 0)
		return r == -ENOENT ? -EPROTO : r;
	t->name = cpython_task_text(tr, text);
	r = cpython_coro_name(tr->rd, coro, text, sizeof(text));
	if (r == -EPROTO) { /* a coroutine of other make, of Cython perhaps: its type says so */
		r = cpython_type_of(tr->rd, coro, &type);
		if (r == 0)
			t->coro = cpython_task_text(tr, type.name);
	} else if (r == 0) {
		t->coro = cpython_task_text(tr, text);
	}
	return r < 0 ? r : t->name && t->coro ? 0 : -ENOMEM;
}

static int add_frames(struct cpython_tasks_reader *tr, const struct await_chain *chain,
		      struct task_data *t)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		const struct coro_at *at = &chain->coros[i];
		const struct cpython_code *code;
		struct await_data a = { .kind = AWAIT_DATA_FRAME };
		int r = at->code ? cpython_task_code(tr, at->code, &code) : -EPROTO;

		if (r < 0)
			return r;
		a.library = code->library;
		a.line = cpython_names_line(tr->names, code, at->off);
		a.fn = cpython_task_text(tr, code->fn);
		a.file = cpython_task_text(tr, code->file);
		if (!a.fn || !a.file || vec_add(&t->awaits, a) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_chain(struct cpython_tasks_reader *tr, uint64_t task, uint64_t coro,
		      struct task_data *t)
{
	struct await_chain chain;
	int r = cpython_await_chain(tr->rd, coro, &chain);

	if (r == -EPROTO) { /* of other make: nothing is known but its name */
		struct cpython_type type;

		t->state = TASK_STATE_PENDING;
		return cpython_type_of(tr->rd, coro, &type);
	}
	if (r < 0)
		return r;
	t->truncated = chain.truncated;
	r = add_frames(tr, &chain, t);
	if (r < 0)
		return r;
	switch (chain.coros[0].state) {
	case CORO_FINISHED: /* and the task is about to know */
		return -EPROTO;
	case CORO_RUNNING:
		t->state = TASK_STATE_RUNNING;
		return 0;
	case CORO_CREATED:
		t->state = TASK_STATE_READY;
		return 0;
	case CORO_SUSPENDED:
		break;
	}
	return cpython_task_end(tr, task, &chain, t);
}

/* One look: what it says may be torn. */
static int look(struct cpython_tasks_reader *tr, uint64_t task, struct task_data *t,
		uint64_t *ret_loop)
{
	struct head head = { 0 };
	int r;

	cpython_reader_begin(tr->rd);
	cpython_reader_limit(tr->rd, TASK_READS_MAX);
	cpython_names_trim(tr->names);
	t->awaits.count = 0;
	t->address = task;
	t->truncated = false;
	r = read_head(tr->rd, task, &head);
	if (r == 0 && !head.pending)
		return 1;
	if (r == 0)
		r = read_names(tr, task, head.coro, t);
	if (r == 0)
		r = read_chain(tr, task, head.coro, t);
	*ret_loop = head.loop;
	return r;
}

static bool same_await(const struct await_data *a, const struct await_data *b)
{
	return a->kind == b->kind && a->library == b->library && a->fn == b->fn &&
	       a->file == b->file && a->line == b->line && a->address == b->address;
}

/* Strings are equal when their pointers are. */
static bool same(const struct task_data *a, const struct task_data *b)
{
	if (a->name != b->name || a->coro != b->coro || a->state != b->state ||
	    a->truncated != b->truncated || a->awaits.count != b->awaits.count)
		return false;
	for (size_t i = 0; i < a->awaits.count; i++)
		if (!same_await(&a->awaits.items[i], &b->awaits.items[i]))
			return false;
	return true;
}

int cpython_task_read(struct cpython_tasks_reader *tr, uint64_t task, struct task_data *ret,
		      uint64_t *ret_loop)
{
	struct task_data looks[2] = { 0 };
	uint64_t loops[2] = { 0 };
	int r = look(tr, task, &looks[0], &loops[0]), before, i;

	for (i = 1; i < LOOKS_MAX && r != 1 && r != -ESRCH && r != -ENOMEM; i++) {
		before = r;
		r = look(tr, task, &looks[i % 2], &loops[i % 2]);
		if (r == 0 && before == 0 && loops[0] == loops[1] && same(&looks[0], &looks[1]))
			break;
		if (r < 0 && before < 0)
			break;
	}
	if (i == LOOKS_MAX)
		r = r == 0 ? -EAGAIN : r;
	vec_release(&looks[(i + 1) % 2].awaits);
	if (r != 0) {
		vec_release(&looks[i % 2].awaits);
		return r;
	}
	*ret = looks[i % 2];
	*ret_loop = loops[i % 2];
	return 0;
}
