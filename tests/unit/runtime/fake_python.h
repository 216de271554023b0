/* fake_python.h: Python objects of any version in an image of memory, as readers find them.
 *
 * Owns the image, which begins at FAKE_BASE and may have pages that cannot be read, and builders
 * for the objects that stallprof knows.  What a test damages afterwards is its own business.
 */
#ifndef STALLPROF_TESTS_FAKE_PYTHON_H
#define STALLPROF_TESTS_FAKE_PYTHON_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cpython_dict.h"

#define FAKE_BASE	 0x10000000ull
#define FAKE_SIZE	 (2u << 20)
#define FAKE_PAGE	 4096u
#define FAKE_MINOR_FIRST 8
#define FAKE_MINOR_LAST	 15

/* The types that every image has. */
#define FAKE_TYPES(X) \
	X(object, "object", 0) \
	X(type, "type", 1ull << 31) \
	X(str, "str", 1ull << 28) \
	X(int_, "int", 1ull << 24) \
	X(list, "list", 1ull << 25) \
	X(tuple, "tuple", 1ull << 26) \
	X(dict, "dict", 1ull << 29) \
	X(none, "NoneType", 0) \
	X(set, "set", 0) \
	X(weakref, "weakref.ReferenceType", 0) \
	X(deque, "collections.deque", 0) \
	X(queue, "_queue.SimpleQueue", 0) \
	X(method, "method", 0) \
	X(function, "function", 0) \
	X(builtin, "builtin_function_or_method", 0) \
	X(partial, "functools.partial", 0) \
	X(module, "module", 0) \
	X(coroutine, "coroutine", 0) \
	X(future, "_asyncio.Future", 1ull << 9) \
	X(task, "_asyncio.Task", 1ull << 9) \
	X(holder, "_RunningLoopHolder", 0)

struct fake {
	uint8_t bytes[FAKE_SIZE];
	bool hole[FAKE_SIZE / FAKE_PAGE];
	bool gone; /* reads give -ESRCH */
	uint64_t used;
	struct cpython_offsets o;
	struct cpython_layout l;
	struct cpython_reader rd;
#define X(id, name, flags) uint64_t id;
	FAKE_TYPES(X)
#undef X
	uint64_t None;
};

static inline int fake_read(const void *memory, uint64_t addr, void *buf, size_t len)
{
	const struct fake *f = memory;
	uint64_t at = addr - FAKE_BASE, page;

	if (f->gone)
		return -ESRCH;
	if (addr < FAKE_BASE || at > FAKE_SIZE || len > FAKE_SIZE - at)
		return -EFAULT;
	for (page = at / FAKE_PAGE; page * FAKE_PAGE < at + len; page++)
		if (f->hole[page])
			return -EFAULT;
	memcpy(buf, f->bytes + at, len);
	return 0;
}

static inline void *fake_at(struct fake *f, uint64_t addr)
{
	if (addr < FAKE_BASE || addr >= FAKE_BASE + FAKE_SIZE)
		abort();
	return f->bytes + (addr - FAKE_BASE);
}

/* Images are changed between questions: what was read is forgotten at once. */
static inline void fake_put(struct fake *f, uint64_t addr, uint64_t word)
{
	memcpy(fake_at(f, addr), &word, sizeof(word));
	cpython_reader_begin(&f->rd);
}

static inline void fake_put32(struct fake *f, uint64_t addr, uint32_t word)
{
	memcpy(fake_at(f, addr), &word, sizeof(word));
	cpython_reader_begin(&f->rd);
}

static inline void fake_put8(struct fake *f, uint64_t addr, uint8_t byte)
{
	memcpy(fake_at(f, addr), &byte, sizeof(byte));
	cpython_reader_begin(&f->rd);
}

/* 16-byte aligned, with room for what stands before an object. */
static inline uint64_t fake_alloc(struct fake *f, size_t size)
{
	uint64_t addr = FAKE_BASE + f->used + 48;

	f->used += (size + 48 + 15) / 16 * 16;
	if (f->used > FAKE_SIZE)
		abort();
	cpython_reader_begin(&f->rd);
	return addr;
}

static inline uint64_t fake_object(struct fake *f, uint64_t type, size_t size)
{
	uint64_t addr = fake_alloc(f, size);

	fake_put(f, addr + CPYTHON_OB_TYPE, type);
	return addr;
}

static inline uint64_t fake_type(struct fake *f, const char *name, uint64_t flags, uint64_t base)
{
	uint64_t addr = fake_object(f, f->type, 1024), text = fake_alloc(f, strlen(name) + 1);

	memcpy(fake_at(f, text), name, strlen(name) + 1);
	fake_put(f, addr + CPYTHON_TYPE_NAME, text);
	fake_put(f, addr + CPYTHON_TYPE_FLAGS, flags);
	fake_put(f, addr + CPYTHON_TYPE_BASE, base);
	fake_put(f, addr + CPYTHON_TYPE_BASICSIZE, 16);
	return addr;
}

static inline uint64_t fake_str(struct fake *f, const char *text)
{
	size_t len = strlen(text);
	uint64_t addr = fake_object(f, f->str, 80 + len);

	fake_put(f, addr + CPYTHON_TEXT_LENGTH, len);
	fake_put32(f, addr + CPYTHON_TEXT_STATE, 0xe4); /* ASCII, compact, one byte each */
	memcpy(fake_at(f, addr + f->o.text_ascii), text, len);
	return addr;
}

static inline uint64_t fake_int(struct fake *f, int64_t value)
{
	uint64_t addr = fake_object(f, f->int_, 48), left = value < 0 ? -value : value, n = 0;

	for (; left; left >>= 30)
		fake_put32(f, addr + CPYTHON_INT_DIGITS + 4 * n++, left & 0x3fffffff);
	if (f->l.int_tagged)
		fake_put(f, addr + CPYTHON_OB_SIZE, n << 3 | (value < 0 ? 2 : value ? 0 : 1));
	else
		fake_put(f, addr + CPYTHON_OB_SIZE, value < 0 ? 0 - n : n);
	return addr;
}

static inline uint64_t fake_list(struct fake *f, size_t count, const uint64_t *items)
{
	uint64_t addr = fake_object(f, f->list, 40), at = fake_alloc(f, 8 * count + 8);
	size_t i;

	for (i = 0; i < count; i++)
		fake_put(f, at + 8 * i, items[i]);
	fake_put(f, addr + CPYTHON_OB_SIZE, count);
	fake_put(f, addr + CPYTHON_LIST_ITEMS, at);
	return addr;
}

static inline uint64_t fake_tuple(struct fake *f, size_t count, const uint64_t *items)
{
	uint64_t addr = fake_object(f, f->tuple, 40 + 8 * count);
	size_t i;

	for (i = 0; i < count; i++)
		fake_put(f, addr + f->l.tuple_items + 8 * i, items[i]);
	fake_put(f, addr + CPYTHON_OB_SIZE, count);
	return addr;
}

/* Keys for at most 16 entries; with values in them unless values is NULL.  Kind 0 is general. */
static inline uint64_t fake_keys(struct fake *f, size_t count, const uint64_t *keys,
				 const uint64_t *values, bool general)
{
	uint64_t addr = fake_alloc(f, 32 + 64 + 32 * 24), at;
	size_t i, size = general || !f->l.keys_compact ? 24 : 16;

	if (f->l.keys_compact) {
		fake_put8(f, addr + 8, 5);
		fake_put8(f, addr + 9, 5);
		fake_put8(f, addr + 10, general ? 0 : 1);
		fake_put(f, addr + 24, count);
		at = addr + 32 + 32;
	} else {
		fake_put(f, addr + 8, 32);
		fake_put(f, addr + 32, count);
		at = addr + 40 + 32;
	}
	for (i = 0; i < count; i++) {
		fake_put(f, at + i * size + size - 16, keys[i]);
		fake_put(f, at + i * size + size - 8, values ? values[i] : 0);
	}
	return addr;
}

static inline uint64_t fake_dict(struct fake *f, size_t count, const uint64_t *keys,
				 const uint64_t *values, bool general)
{
	uint64_t addr = fake_object(f, f->dict, 48);

	fake_put(f, addr + CPYTHON_DICT_USED, count);
	fake_put(f, addr + CPYTHON_DICT_KEYS, fake_keys(f, count, keys, values, general));
	return addr;
}

/* An instance of a class of its own with these attributes, held as its version does, at most 16. */
static inline uint64_t fake_instance_of(struct fake *f, uint64_t type, size_t count,
					const char *const *names, const uint64_t *values)
{
	uint64_t keys[16], addr = fake_object(f, type, 256), at;
	size_t i;

	for (i = 0; i < count; i++)
		keys[i] = fake_str(f, names[i]);
	if (f->l.attrs == ATTRS_DICT) {
		fake_put(f, type + CPYTHON_TYPE_DICTOFFSET, 16);
		fake_put(f, addr + 16, fake_dict(f, count, keys, values, false));
		return addr;
	}
	fake_put(f, type + CPYTHON_TYPE_FLAGS, 1ull << 9 | 1ull << 4 | 1ull << 2);
	fake_put(f, type + f->l.type_cached_keys, fake_keys(f, count, keys, NULL, false));
	at = f->l.attrs == ATTRS_INLINE ? addr + 16 + 8 : fake_alloc(f, 8 * 16);
	for (i = 0; i < count; i++)
		fake_put(f, at + 8 * i, values[i]);
	if (f->l.attrs == ATTRS_INLINE) {
		fake_put8(f, addr + 16, 16);
		fake_put8(f, addr + 16 + 3, 1);
	} else if (f->l.attrs == ATTRS_TAGGED) {
		fake_put(f, addr - 24, at - 1);
	} else {
		fake_put(f, addr - 32, at);
	}
	return addr;
}

static inline uint64_t fake_instance(struct fake *f, const char *class, size_t count,
				     const char *const *names, const uint64_t *values)
{
	return fake_instance_of(f, fake_type(f, class, 1ull << 9, f->object), count, names, values);
}

/* A table of 64 slots, the entries in every third. */
static inline uint64_t fake_set(struct fake *f, size_t count, const uint64_t *items)
{
	uint64_t addr = fake_object(f, f->set, 200), table = fake_alloc(f, 64 * 16);
	size_t i;

	for (i = 0; i < count; i++) {
		fake_put(f, table + 16 * (i * 3 % 64), items[i]);
		fake_put(f, table + 16 * (i * 3 % 64) + 8, 0x1234 + i);
	}
	fake_put(f, addr + CPYTHON_SET_USED, count);
	fake_put(f, addr + CPYTHON_SET_MASK, 63);
	fake_put(f, addr + CPYTHON_SET_TABLE, table);
	return addr;
}

static inline uint64_t fake_weakref(struct fake *f, uint64_t to)
{
	uint64_t addr = fake_object(f, f->weakref, 64);

	fake_put(f, addr + CPYTHON_WEAKREF_OBJECT, to);
	return addr;
}

static inline uint64_t fake_deque(struct fake *f, uint64_t length)
{
	uint64_t addr = fake_object(f, f->deque, 80);

	fake_put(f, addr + CPYTHON_OB_SIZE, length);
	return addr;
}

/* A SimpleQueue that had 3 items more before. */
static inline uint64_t fake_queue(struct fake *f, uint64_t length)
{
	uint64_t addr = fake_object(f, f->queue, 80), items[64] = { 0 };

	if (f->l.queue_ring) {
		fake_put(f, addr + CPYTHON_QUEUE_COUNT, length);
		return addr;
	}
	fake_put(f, addr + CPYTHON_QUEUE_LIST, fake_list(f, length + 3, items));
	fake_put(f, addr + CPYTHON_QUEUE_POS, 3);
	return addr;
}

static inline uint64_t fake_function(struct fake *f, uint64_t code)
{
	uint64_t addr = fake_object(f, f->function, 160);

	fake_put(f, addr + f->l.function_code, code);
	return addr;
}

static inline uint64_t fake_coroutine(struct fake *f, const char *qualname)
{
	uint64_t addr = fake_object(f, f->coroutine, 192);

	fake_put(f, addr + f->l.gen_qualname, fake_str(f, qualname));
	return addr;
}

static inline uint64_t fake_task(struct fake *f, uint64_t loop, uint32_t state, uint64_t name,
				 uint64_t coro)
{
	uint64_t addr = fake_object(f, f->task, 256);

	fake_put(f, addr + CPYTHON_FUTURE_LOOP, loop);
	fake_put32(f, addr + f->l.future_state, state);
	fake_put(f, addr + f->l.task_name, name);
	fake_put(f, addr + f->l.task_coro, coro);
	return addr;
}

static inline uint64_t fake_module(struct fake *f, size_t count, const char *const *names,
				   const uint64_t *values)
{
	uint64_t addr = fake_object(f, f->module, 48), keys[16];
	size_t i;

	for (i = 0; i < count; i++)
		keys[i] = fake_str(f, names[i]);
	fake_put(f, addr + CPYTHON_MODULE_DICT, fake_dict(f, count, keys, values, false));
	return addr;
}

/* An interpreter that has imported these. */
static inline uint64_t fake_interp(struct fake *f, size_t count, const char *const *names,
				   const uint64_t *modules)
{
	uint64_t addr = fake_alloc(f, 16384), keys[16];
	size_t i;

	for (i = 0; i < count; i++)
		keys[i] = fake_str(f, names[i]);
	fake_put(f, addr + f->l.interp_modules, fake_dict(f, count, keys, modules, true));
	return addr;
}

/* The newest thread state of an interpreter. */
static inline uint64_t fake_state(struct fake *f, uint64_t interp, uint64_t pointer, uint64_t id)
{
	uint64_t addr = fake_alloc(f, 2048), next;

	memcpy(&next, fake_at(f, interp + f->o.interp_threads), sizeof(next));
	fake_put(f, addr + f->o.state_next, next);
	fake_put(f, addr + f->o.state_interp, interp);
	fake_put(f, addr + f->o.state_thread_id, pointer);
	fake_put(f, addr + f->l.state_id, id);
	fake_put(f, interp + f->o.interp_threads, addr);
	return addr;
}

/* Of Python 3.minor. */
static inline int fake_init(struct fake *f, uint32_t minor)
{
	const struct cpython_offsets *o = cpython_offsets_find(minor);
	const struct cpython_layout *l = cpython_layout_find(minor);

	memset(f, 0, sizeof(*f));
	if (!o || !l)
		return -ENOENT;
	f->o = *o;
	f->l = *l;
	if (l->running == RUNNING_STATED) {
		f->l.running_loop = 864;
		f->l.running_task = 872;
		f->l.tasks_head = 880;
		f->l.interp_tasks_head = 10880;
	}
	if (cpython_reader_init(&f->rd, fake_read, f, &f->o, &f->l) < 0)
		return -ENOMEM;
#define X(id, name, flags) f->id = fake_type(f, name, flags, 0);
	f->type = 0;
	FAKE_TYPES(X)
	/* object and type itself came before there was a type */
	fake_put(f, f->object + CPYTHON_OB_TYPE, f->type);
	fake_put(f, f->type + CPYTHON_OB_TYPE, f->type);
#undef X
#define X(id, name, flags) \
	if (f->id != f->object) \
		fake_put(f, f->id + CPYTHON_TYPE_BASE, f->object);
	FAKE_TYPES(X)
#undef X
	fake_put(f, f->task + CPYTHON_TYPE_BASE, f->future);
	f->None = fake_object(f, f->none, 16);
	return 0;
}

static inline struct fake *fake_new(uint32_t minor)
{
	struct fake *f = malloc(sizeof(*f));

	if (!f || fake_init(f, minor) < 0)
		abort();
	return f;
}

static inline struct fake *fake_free(struct fake *f)
{
	cpython_reader_release(&f->rd);
	free(f);
	return NULL;
}

#endif
