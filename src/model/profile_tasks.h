/* profile_tasks.h: the part of profile.h about the tasks of event loops.
 *
 * Plain data with the same promises; include profile.h instead.
 */
#ifndef STALLPROF_MODEL_PROFILE_TASKS_H
#define STALLPROF_MODEL_PROFILE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One frame or thing that a task waits in. */
enum await_kind {
	AWAIT_FRAME = 1,  /* a coroutine: fn, file, line */
	AWAIT_TASK = 2,	  /* another task: `task` */
	AWAIT_GATHER = 3, /* asyncio.gather of the tasks that follow */
	AWAIT_FUTURE = 4, /* I/O, a timer, a thread: fn says what, where known */
	AWAIT_LOCK = 5,	  /* asyncio.Lock, Semaphore, Event...: fn is the type, address tells it */
};

struct await {
	enum await_kind kind;
	bool library; /* AWAIT_FRAME: the runtime or an installed package */
	const char *fn, *file;
	uint32_t line;
	int task;	  /* AWAIT_TASK: index into the tasks of the list, -1: none */
	uint64_t address; /* AWAIT_LOCK */
};

enum task_state {
	TASK_PENDING = 0, /* suspended */
	TASK_RUNNING = 1,
	TASK_READY = 2, /* will be stepped by a callback in the ready queue; or not begun */
	TASK_DONE = 3,
	TASK_CANCELLED = 4,
};

struct task {
	const char *name;
	const char *coro;
	enum task_state state;
	const char *file; /* of the coroutine, where it stands now */
	uint32_t line;
	size_t n_awaits;
	struct await *awaits; /* from its coroutine inward */
	size_t n_awaited_by;
	int *awaited_by; /* indexes of the tasks that wait for it */
	bool truncated;	 /* the chain went on */
};

/* Tasks that wait for the same lock. */
struct task_lock {
	const char *type; /* "Lock", "Semaphore", "Condition", "Event", "Queue" */
	uint64_t address;
	int owner; /* index of the task that holds it, -1: not known */
	size_t n_waiters;
	int *waiters;
};

/* All tasks of one loop at one moment. */
struct task_list {
	int proc;
	uint32_t tid;	  /* 0: not known */
	const char *kind; /* "asyncio", "uvloop" */
	uint64_t wall_ns;
	uint64_t ready, scheduled; /* UINT64_MAX: not known */
	uint64_t vanished;	   /* tasks that were gone, or had moved on, when they were read */
	uint64_t skipped;	   /* tasks that were not read: too many, or no time left */
	size_t n_tasks;
	struct task *tasks;
	size_t n_locks;
	struct task_lock *locks; /* most waiters first */
};

#endif
