/* fake_tasks.h: coroutines, futures and tasks in an image of memory.
 *
 * Builds on fake_asyncio.h.  The image stands in this process's own memory at the very addresses
 * that it speaks of, so that names, which are read through a process, are read from it too.
 */
#ifndef STALLPROF_TESTS_FAKE_TASKS_H
#define STALLPROF_TESTS_FAKE_TASKS_H

#include <sys/mman.h>
#include <unistd.h>

#include "fake_asyncio.h"
#include "runtime/cpython_await.h"
#include "runtime/cpython_names.h"

#define FAKE_OFF 8 /* where every suspended coroutine stands, bytes */

struct fake_tasks {
	struct fake_asyncio a;
	struct fake *f;
	uint64_t code, bytes, generator, async_generator, asend, iter, gathering; /* types */
	uint64_t runtime;
	struct process *self;
	struct cpython_names *names;
};

enum fake_state {
	FAKE_CREATED,
	FAKE_SUSPENDED, /* at a yield that awaits nothing */
	FAKE_AWAITING,
	FAKE_RUNNING,
	FAKE_FINISHED,
};

static inline uint64_t fake_bytes(struct fake_tasks *t, size_t size, uint8_t fill)
{
	uint64_t addr = fake_object(t->f, t->bytes, 40 + size);

	fake_put(t->f, addr + CPYTHON_BYTES_SIZE, size);
	memset(fake_at(t->f, addr + CPYTHON_BYTES_DATA), fill, size);
	return addr;
}

/* Every instruction waits for what is on the stack; every line is the first one. */
static inline uint64_t fake_code(struct fake_tasks *t, const char *name, const char *file,
				 uint32_t line)
{
	struct fake *f = t->f;
	uint64_t addr = fake_object(f, t->code, 320);

	fake_put(f, addr, 1); /* references */
	fake_put(f, addr + f->o.code_name, fake_str(f, name));
	if (f->o.code_qualname)
		fake_put(f, addr + f->o.code_qualname, fake_str(f, name));
	fake_put(f, addr + f->o.code_filename, fake_str(f, file));
	fake_put(f, addr + f->o.code_lines, fake_bytes(t, 0, 0));
	fake_put32(f, addr + f->o.code_firstlineno, line);
	if (f->o.code_version)
		fake_put32(f, addr + f->o.code_version, (uint32_t)f->used);
	if (f->l.code_bytes)
		fake_put(f, addr + f->l.code_bytes, fake_bytes(t, 32, 72));
	else
		fake_put8(f, addr + f->o.code_start + FAKE_OFF + 3, 3);
	return addr;
}

static inline void fake_old_frame(struct fake_tasks *t, uint64_t coro, enum fake_state state,
				  uint64_t code, uint64_t first, uint64_t awaited)
{
	struct fake *f = t->f;
	uint64_t frame = fake_alloc(f, 512), locals = frame + f->l.frame_locals;
	uint32_t last = state == FAKE_CREATED ? UINT32_MAX : FAKE_OFF / f->o.frame_ip_scale;

	fake_put(f, coro + f->l.gen_frame, state == FAKE_FINISHED ? 0 : frame);
	fake_put(f, frame + f->o.frame_code, code);
	fake_put32(f, frame + f->o.frame_ip, last);
	fake_put(f, locals, first);
	fake_put(f, locals + 8, awaited);
	if (f->l.awaited == AWAITED_DEPTH) {
		fake_put(f, frame + f->l.frame_stack, locals + 8);
		fake_put32(f, frame + f->l.frame_stack_depth,
			   state == FAKE_RUNNING ? UINT32_MAX : state == FAKE_AWAITING);
	} else {
		fake_put(f, frame + f->l.frame_stack,
			 state == FAKE_RUNNING ? 0 : locals + 8 + 8 * (state == FAKE_AWAITING));
	}
	if (state == FAKE_SUSPENDED) /* a yield: nothing waits behind it */
		fake_put(f, code + f->l.code_bytes, fake_bytes(t, 32, 0));
}

static inline void fake_inner_frame(struct fake_tasks *t, uint64_t coro, enum fake_state state,
				    uint64_t code, uint64_t first, uint64_t awaited)
{
	struct fake *f = t->f;
	const struct cpython_layout *l = &f->l;
	uint64_t frame = coro + l->gen_iframe, locals = frame + l->frame_locals;
	int states[] = { l->gen_suspended - 1, l->gen_suspended, l->gen_awaiting, l->gen_running,
			 l->gen_cleared };
	uint64_t on_stack = state == FAKE_AWAITING ? l->awaited == AWAITED_POINTER_16 ? 2 : 1 : 0;

	fake_put8(f, coro + l->gen_state, (uint8_t)states[state]);
	fake_put(f, frame + f->o.frame_code, code);
	fake_put(f, frame + f->o.frame_ip, code + f->o.code_start + FAKE_OFF);
	fake_put(f, locals, first);
	fake_put(f, locals + 8, awaited);
	if (l->awaited >= AWAITED_POINTER_8)
		fake_put(f, frame + l->frame_stack, locals + 8 + 8 * on_stack);
	else
		fake_put32(f, frame + l->frame_stack, 1 + (uint32_t)on_stack);
	if (state == FAKE_SUSPENDED && l->awaited == AWAITED_RESUME)
		fake_put8(f, code + f->o.code_start + FAKE_OFF + 3, 1);
}

/* A coroutine, generator or asynchronous generator. */
static inline uint64_t fake_coro(struct fake_tasks *t, uint64_t type, enum fake_state state,
				 uint64_t code, uint64_t first, uint64_t awaited)
{
	struct fake *f = t->f;
	uint64_t addr = fake_object(f, type, 384), name;

	memcpy(&name, fake_at(f, code + f->o.code_name), sizeof(name));
	fake_put(f, addr + f->l.gen_qualname, name);
	if (f->l.gen_frame)
		fake_old_frame(t, addr, state, code, first, awaited);
	else
		fake_inner_frame(t, addr, state, code, first, awaited);
	return addr;
}

/* The iterator over a future, which is what a coroutine awaits. */
static inline uint64_t fake_iter(struct fake_tasks *t, uint64_t future)
{
	uint64_t addr = fake_object(t->f, t->iter, 32);

	fake_put(t->f, addr + CPYTHON_ITER_FUTURE, future);
	return addr;
}

static inline uint64_t fake_future(struct fake_tasks *t, uint64_t type, uint32_t state)
{
	uint64_t addr = fake_object(t->f, type, 256);

	fake_put(t->f, addr + CPYTHON_FUTURE_LOOP, t->a.loop);
	fake_put32(t->f, addr + t->f->l.future_state, state);
	return addr;
}

/* A task of the loop with that coroutine. */
static inline uint64_t fake_task_of(struct fake_tasks *t, const char *name, uint64_t coro)
{
	return fake_task(t->f, t->a.loop, 0, fake_str(t->f, name), coro);
}

static inline void fake_tasks_init(struct fake_tasks *t, uint32_t minor)
{
	struct fake *f = mmap((void *)FAKE_BASE, sizeof(*f), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (f != (void *)FAKE_BASE)
		abort();
	*t = (struct fake_tasks){ .f = f };
	fake_asyncio_in(&t->a, f, minor);
	t->code = fake_type(f, "code", 0, f->object);
	t->bytes = fake_type(f, "bytes", 0, f->object);
	t->generator = fake_type(f, "generator", 0, f->object);
	t->async_generator = fake_type(f, "async_generator", 0, f->object);
	t->asend = fake_type(f, "async_generator_asend", 0, f->object);
	t->iter = fake_type(f, "_asyncio.FutureIter", 1ull << 9, f->object);
	t->gathering = fake_type(f, "_GatheringFuture", 1ull << 9, f->future);
	t->runtime = fake_alloc(f, 4096);
	fake_put(f, t->runtime + f->o.runtime_interp_head, t->a.interp);
	if (process_open("/proc", getpid(), &t->self) < 0 ||
	    cpython_names_new(t->self, &f->o, t->code, f->str, t->bytes, &t->names) < 0)
		abort();
}

static inline void fake_tasks_release(struct fake_tasks *t)
{
	cpython_names_free(t->names);
	process_close(t->self);
	cpython_reader_release(&t->f->rd);
	munmap(t->f, sizeof(*t->f));
}

#endif
