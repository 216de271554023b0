/* cpython_await.h: what one suspended coroutine awaits, down to the end of the chain.
 *
 * Owns the states of coroutines, generators and asynchronous generators, and where each version
 * keeps the object that they await.  Pure reading: the caller decides whether the process stood
 * still meanwhile, by reading twice.  Must not know tasks, loops or names.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_AWAIT_H
#define STALLPROF_RUNTIME_CPYTHON_AWAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/cpython_objects.h"
#include "runtime/task_list.h"

#define CHAIN_SLOTS_MAX 16 /* words of a value stack that are looked at */

enum coro_state {
	CORO_CREATED = 0,
	CORO_SUSPENDED, /* at an await, or at a yield */
	CORO_RUNNING,
	CORO_FINISHED,
};

/* One coroutine or generator, or asynchronous generator, at one moment. */
struct coro_at {
	uint64_t object;
	enum coro_state state;
	uint64_t code;	    /* 0: finished */
	int32_t off;	    /* position in it, bytes, as cpython_names_line wants it */
	uint64_t first;	    /* its first local variable, mostly `self`; 0: none */
	uint64_t awaited;   /* 0: it awaits nothing, or cannot be told */
	uint64_t stack;	    /* where its local variables begin ... */
	uint64_t stack_top; /* ... and its value stack ends; 0: not known */
};

/* 0; -EPROTO: it is none of the three, or torn; errors of reading. */
int cpython_coro_at(struct cpython_reader *rd, uint64_t object, struct coro_at *ret);

struct await_chain {
	struct coro_at coros[AWAITS_MAX]; /* outermost first */
	uint32_t count;
	bool truncated; /* it went on */
	uint64_t end;	/* what the last one awaits: a future where future is set; 0: nothing */
	bool future;
};

/* The chain that begins at a coroutine.  0 and errors as above; -EPROTO also when the first object
 * is no coroutine. */
int cpython_await_chain(struct cpython_reader *rd, uint64_t coro, struct await_chain *ret_chain);

#endif
