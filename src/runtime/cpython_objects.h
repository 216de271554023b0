/* cpython_objects.h: Python objects of another process: types, values, sequences, callables.
 *
 * Owns casts: every function checks the object's type before it reads the rest, and caps every
 * count.  The process runs meanwhile and is hostile: what comes back can be torn, and ends.  Must
 * not know asyncio or threads.  Dicts, sets and attributes are in cpython_dict.h.
 *
 * All return 0 or: -EPROTO it is no such object, or garbage; -ENOENT nothing there; -E2BIG over a
 * cap; -EFAULT it cannot be read; -ESRCH the process is gone; -ENOMEM.  Objects are addresses in
 * the process; nothing is owned.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_OBJECTS_H
#define STALLPROF_RUNTIME_CPYTHON_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "runtime/cpython_reader.h"

#define CPYTHON_ITEMS_MAX     (1u << 20) /* of a sequence or set */
#define CPYTHON_TYPE_NAME_MAX 64
#define CPYTHON_BASES_MAX     64

struct cpython_type {
	uint64_t addr;
	uint64_t flags;
	uint64_t base; /* its first base; 0: object itself */
	uint64_t basicsize;
	int64_t dictoffset;
	char name[CPYTHON_TYPE_NAME_MAX]; /* tp_name, cut; printable ASCII or "?" for other bytes */
};

/* The type of an object. */
int cpython_type_of(struct cpython_reader *rd, uint64_t object, struct cpython_type *ret_type);

/* 0 when the object is an instance of the type of that tp_name or of one derived from it.  A name
 * without a dot is a type of the interpreter itself: a class of a program never matches it. */
int cpython_is(struct cpython_reader *rd, uint64_t object, const char *name);
bool cpython_is_none(struct cpython_reader *rd, uint64_t object);

/* str: appends its first `limit` characters as UTF-8 (see cpython_text_add). */
int cpython_str(struct cpython_reader *rd, uint64_t object, size_t limit, struct str *text);
/* The same into a buffer, cut at a character; NUL-terminated. */
int cpython_str_copy(struct cpython_reader *rd, uint64_t object, char *buf, size_t room);
/* 0 when the object is the str `text`; -ENOENT: another one. */
int cpython_str_is(struct cpython_reader *rd, uint64_t object, const char *text);

/* int; -ERANGE: does not fit. */
int cpython_int(struct cpython_reader *rd, uint64_t object, int64_t *ret_number);

/* list or tuple. */
struct cpython_items {
	uint64_t at;
	uint64_t count;
};
int cpython_items(struct cpython_reader *rd, uint64_t object, struct cpython_items *ret_items);
/* -ENOENT: i is past the end. */
int cpython_item(struct cpython_reader *rd, const struct cpython_items *items, uint64_t i,
		 uint64_t *ret_object);

/* collections.deque. */
int cpython_deque_length(struct cpython_reader *rd, uint64_t object, uint64_t *ret_length);
/* _queue.SimpleQueue. */
int cpython_queue_length(struct cpython_reader *rd, uint64_t object, uint64_t *ret_length);
/* What a weak reference refers to; -ENOENT: it is dead. */
int cpython_weakref(struct cpython_reader *rd, uint64_t object, uint64_t *ret_object);
/* A bound method: its function and its object. */
int cpython_method(struct cpython_reader *rd, uint64_t object, uint64_t *ret_function,
		   uint64_t *ret_self);
/* The object of a bound builtin method; -ENOENT: a plain builtin function. */
int cpython_builtin_self(struct cpython_reader *rd, uint64_t object, uint64_t *ret_self);
/* The code object of a Python function. */
int cpython_function_code(struct cpython_reader *rd, uint64_t object, uint64_t *ret_code);
/* functools.partial: what it calls. */
int cpython_partial_function(struct cpython_reader *rd, uint64_t object, uint64_t *ret_function);

#endif
