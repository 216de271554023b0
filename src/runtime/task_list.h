/* task_list.h: the tasks of one loop at one moment, as they go into CHUNK_TASKS.
 *
 * Owns the layout of that payload and its writer.  Whoever reads a runtime's tasks fills a struct
 * task_list_data; the model decodes the payload.  Numbers of await and state are those of
 * model/profile.h and never change.  Must not know any runtime.
 *
 * Payload, little endian, strings as in recording/chunk.h:
 *	u64 ts, u32 tgid, u64 thread_pointer, u32 tid (0: not known), str kind, u64 ready,
 *	u64 scheduled, u64 vanished, u64 skipped, u32 n_tasks, then for each task:
 *	  str name, str coro, u32 state, u32 truncated, u64 address, u32 n_awaits, for each:
 *	    u32 kind, u32 library, str fn, str file, u32 line, u64 address (of the task, or of the
 *	    lock)
 *	  u32 n_awaited_by, n * u64 address of a task
 *	u32 n_locks, for each: str type, u64 address, u64 owner (address of a task, 0), u32 n,
 *	  n * u64 address of a waiting task
 */
#ifndef STALLPROF_RUNTIME_TASK_LIST_H
#define STALLPROF_RUNTIME_TASK_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

#define TASKS_MAX  16384
#define AWAITS_MAX 64 /* frames of one chain */

/* As in model/profile.h, which this layer does not see. */
enum await_data_kind {
	AWAIT_DATA_FRAME = 1,
	AWAIT_DATA_TASK = 2,
	AWAIT_DATA_GATHER = 3,
	AWAIT_DATA_FUTURE = 4,
	AWAIT_DATA_LOCK = 5,
};
enum task_data_state {
	TASK_STATE_PENDING = 0,
	TASK_STATE_RUNNING = 1,
	TASK_STATE_READY = 2,
};

struct await_data {
	uint32_t kind; /* enum await_data_kind */
	bool library;
	const char *fn, *file;
	uint32_t line;
	uint64_t address;
};

struct task_data {
	const char *name, *coro;
	uint32_t state; /* enum task_data_state */
	bool truncated;
	uint64_t address;
	VEC(struct await_data) awaits;
	VEC(uint64_t) awaited_by;
};

struct lock_data {
	const char *type;
	uint64_t address, owner;
	VEC(uint64_t) waiters;
};

/* Strings are borrowed until the payload is written. */
struct task_list_data {
	uint64_t ts;
	uint32_t tgid, tid;
	uint64_t thread_pointer;
	const char *kind;
	uint64_t ready, scheduled, vanished, skipped;
	VEC(struct task_data) tasks;
	VEC(struct lock_data) locks;
};

/* Appends the payload.  0 or -ENOMEM. */
int task_list_write(const struct task_list_data *list, struct str *payload);
void task_list_release(struct task_list_data *list);

#endif
