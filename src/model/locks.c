/* locks.c: what a thread waits in, by the frames of the standard library around the wait.
 *
 * A futex has an address and no name.  Where Python's own threading and queue modules stand between
 * the wait and the user's code, their frames tell what it is; a bare Lock has no frame, and stays
 * nameless.  In a native program it is the function of libc that the program called: not each futex
 * is a lock.  Owns the tables of those frames.
 */
#include "model/state.h"

#include <string.h>

/* `inner`: the function just inside, NULL where the frame itself waits. */
static const struct lock_row {
	const char *file, *fn, *inner, *text;
} rows[] = {
	{ "threading.py", "Condition.wait", NULL, "threading.Condition.wait" },
	{ "threading.py", "Condition.wait_for", "wait", "threading.Condition.wait_for" },
	{ "threading.py", "Event.wait", "wait", "threading.Event.wait" },
	{ "threading.py", "Semaphore.acquire", "wait", "threading.Semaphore.acquire" },
	{ "threading.py", "Barrier._wait", "wait_for", "threading.Barrier.wait" },
	{ "threading.py", "Barrier.wait", "_wait", "threading.Barrier.wait" },
	{ "threading.py", "Thread._wait_for_tstate_lock", NULL, "threading.Thread.join" },
	{ "threading.py", "Thread.join", "_wait_for_tstate_lock", "threading.Thread.join" },
	{ "threading.py", "Thread.join", NULL, "threading.Thread.join" },
	{ "queue.py", "Queue.get", "wait", "queue.Queue.get" },
	{ "queue.py", "Queue.put", "wait", "queue.Queue.put" },
	{ "queue.py", "Queue.join", "wait", "queue.Queue.join" },
	{ "concurrent/futures/_base.py", "Future.result", "wait",
	  "concurrent.futures.Future.result" },
	{ "concurrent/futures/_base.py", "Future.exception", "wait",
	  "concurrent.futures.Future.exception" },
	{ "concurrent/futures/_base.py", "wait", "wait", "concurrent.futures.wait" },
	{ "concurrent/futures/thread.py", "_worker", NULL, "queue.SimpleQueue.get" },
};

static const char *bare(const char *fn)
{
	const char *dot = strrchr(fn, '.');

	return dot ? dot + 1 : fn;
}

/* Before 3.11 a frame has no qualified name, and "wait" has to do for "Condition.wait". */
static bool same_fn(const char *frame, const char *row)
{
	return !strcmp(frame, strchr(frame, '.') ? row : bare(row));
}

static bool same_file(const char *file, const char *row)
{
	size_t n = strlen(file), end = strlen(row);

	return n > end && file[n - end - 1] == '/' && !strcmp(file + n - end, row);
}

static const struct lock_row *find(const struct frame *f, const struct frame *inner)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct lock_row *row = &rows[i];

		if (!row->inner != !inner || (inner && strcmp(bare(inner->fn), row->inner)))
			continue;
		if (same_fn(f->fn, row->fn) && same_file(f->file, row->file))
			return row;
	}
	return NULL;
}

/* Names of libc from its start on, without the underscores that stand before inner ones.  What may
 * follow is a version or a part: pthread_cond_wait@@GLIBC_2.3.2, new_sem_wait_slow64.constprop.0.
 */
static const struct native_row {
	const char *fn, *text;
} native_rows[] = {
	{ "pthread_mutex_lock", "pthread_mutex_lock" },
	{ "pthread_mutex_timedlock", "pthread_mutex_timedlock" },
	{ "pthread_mutex_clocklock", "pthread_mutex_clocklock" },
	{ "pthread_rwlock_rdlock", "pthread_rwlock_rdlock" },
	{ "pthread_rwlock_wrlock", "pthread_rwlock_wrlock" },
	{ "pthread_cond_wait", "pthread_cond_wait" },
	{ "pthread_cond_timedwait", "pthread_cond_timedwait" },
	{ "pthread_cond_clockwait", "pthread_cond_clockwait" },
	{ "pthread_barrier_wait", "pthread_barrier_wait" },
	{ "pthread_join", "pthread_join" },
	{ "pthread_clockjoin_ex", "pthread_join" },
	{ "sem_wait", "sem_wait" },
	{ "new_sem_wait", "sem_wait" },
	{ "sem_timedwait", "sem_timedwait" },
	{ "sem_clockwait", "sem_clockwait" },
};

static const char *native_row_text(const char *fn)
{
	fn += strspn(fn, "_");
	for (size_t i = 0; i < sizeof(native_rows) / sizeof(native_rows[0]); i++) {
		size_t len = strlen(native_rows[i].fn);

		if (!strncmp(fn, native_rows[i].fn, len) && (!fn[len] || strchr("@_.", fn[len])))
			return native_rows[i].text;
	}
	return NULL;
}

/* The outermost of them is what was called: a condition takes its mutex again inside its wait. */
static const char *native_lock_name(const struct stack *stack)
{
	const char *name = "";

	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct frame *f = &stack->frames[i];
		const char *text = f->kind == FRAME_NATIVE ? native_row_text(f->fn) : NULL;

		if (f->kind == FRAME_NATIVE && !f->library)
			break;
		name = text ? text : name;
	}
	return name;
}

const char *lock_name(const struct stack *stack)
{
	const struct frame *inner = NULL;
	const char *name = "";

	if (!stack_has_script(stack) && !(stack->flags & STACK_PYTHON_LOST))
		return native_lock_name(stack);
	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct frame *f = &stack->frames[i];
		const struct lock_row *row;

		if (f->kind != FRAME_PYTHON)
			continue;
		row = f->library ? find(f, inner) : NULL;
		if (!row)
			break;
		name = row->text;
		inner = f;
	}
	return name;
}

int lock_into_target(struct model *m, const struct stack *stack, struct target *t)
{
	const char *name = t->kind == TARGET_FUTEX ? lock_name(stack) : "";

	if (!*name)
		return 0;
	t->text = t->group = intern_text(&m->texts, name);
	return t->text ? 0 : -ENOMEM;
}
