/* cpython_task_locks.c: see cpython_task_locks.h. */
#include "runtime/cpython_task_locks.h"

#include <errno.h>
#include <string.h>

#include "runtime/cpython_ends.h"

#define LOCKS_MAX 4096 /* later ones are in their tasks' rows only */

static struct lock_data *lock_find(struct task_list_data *list, uint64_t address)
{
	for (size_t i = 0; i < list->locks.count; i++)
		if (list->locks.items[i].address == address)
			return &list->locks.items[i];
	return NULL;
}

static int add_waiter(struct task_list_data *list, const struct await_data *a, uint64_t task)
{
	struct lock_data *lock = lock_find(list, a->address);
	int r = 0;

	if (!lock && list->locks.count < LOCKS_MAX) {
		r = vec_add(&list->locks, { .type = a->fn, .address = a->address });
		lock = r == 0 ? &list->locks.items[list->locks.count - 1] : NULL;
	}
	return lock ? vec_add(&lock->waiters, task) : r;
}

/* The others have nobody inside: an Event is set, a Queue is filled. */
static bool can_be_held(const struct lock_data *lock)
{
	return strcmp(lock->type, "Lock") == 0 || strcmp(lock->type, "Semaphore") == 0 ||
	       strcmp(lock->type, "BoundedSemaphore") == 0;
}

static bool waits_for(const struct lock_data *lock, uint64_t task)
{
	for (size_t i = 0; i < lock->waiters.count; i++)
		if (lock->waiters.items[i] == task)
			return true;
	return false;
}

/* The function of a method that `async with` will call when it is left. */
static bool is_exit(struct cpython_tasks_reader *tr, uint64_t function)
{
	const struct cpython_code *code;
	uint64_t address;

	return cpython_function_code(tr->rd, function, &address) == 0 &&
	       cpython_task_code(tr, address, &code) == 0 && str_ends(code->fn, "__aexit__");
}

/* The object whose __aexit__ stands at `i`: a bound method, or from 3.14 on a function with the
 * object behind it. */
static uint64_t entered_at(struct cpython_tasks_reader *tr, const uint64_t *slots, size_t n,
			   size_t i)
{
	uint64_t function, self;

	if (cpython_method(tr->rd, slots[i], &function, &self) == 0)
		return is_exit(tr, function) ? self : 0;
	if (tr->rd->l->awaited < AWAITED_POINTER_8 || i + 1 >= n)
		return 0;
	return is_exit(tr, slots[i]) ? slots[i + 1] : 0;
}

struct holds {
	uint64_t locks[CHAIN_SLOTS_MAX * 4];
	size_t count;
};

static void add_holds(struct cpython_tasks_reader *tr, const struct coro_at *at,
		      const struct coro_at *inner, struct holds *h)
{
	uint64_t slots[CHAIN_SLOTS_MAX], size = at->stack_top - at->stack;
	size_t n = size / 8 < CHAIN_SLOTS_MAX ? size / 8 : CHAIN_SLOTS_MAX;

	if (!at->stack_top || at->state != CORO_SUSPENDED ||
	    cpython_read(tr->rd, at->stack_top - 8 * n, slots, 8 * n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		slots[i] &= CPYTHON_REF_MASK;
	for (size_t i = 0; i < n && h->count < sizeof(h->locks) / sizeof(h->locks[0]); i++) {
		uint64_t lock = slots[i] ? entered_at(tr, slots, n, i) : 0;

		/* what is awaited is the way in: __aenter__ of the same lock */
		if (lock && !(inner && inner->first == lock))
			h->locks[h->count++] = lock;
	}
}

static int look(struct cpython_tasks_reader *tr, uint64_t task, struct holds *h)
{
	struct await_chain chain;
	uint64_t coro;
	int r;

	cpython_reader_begin(tr->rd);
	cpython_reader_limit(tr->rd, TASK_READS_MAX);
	h->count = 0;
	chain.count = 0;
	r = cpython_task_coro(tr->rd, task, &coro);
	if (r == 0)
		r = cpython_await_chain(tr->rd, coro & CPYTHON_REF_MASK, &chain);
	for (uint32_t i = 0; i < chain.count && r == 0; i++)
		add_holds(tr, &chain.coros[i], i + 1 < chain.count ? &chain.coros[i + 1] : NULL, h);
	return r;
}

/* Twice the same, as with all that is read of a task. */
static void find_holds(struct cpython_tasks_reader *tr, uint64_t task, struct holds *h)
{
	struct holds again;

	if (look(tr, task, h) < 0 || look(tr, task, &again) < 0 || h->count != again.count ||
	    memcmp(h->locks, again.locks, h->count * sizeof(h->locks[0])) != 0)
		h->count = 0;
}

/* One holder is named; a semaphore with several has none of them named as the one. */
static void claim(struct task_list_data *list, uint64_t address, uint64_t task, uint64_t several)
{
	struct lock_data *lock = lock_find(list, address);

	if (!lock || !can_be_held(lock) || waits_for(lock, task) || lock->owner == task)
		return;
	lock->owner = lock->owner ? several : task;
}

static void find_owners(struct cpython_tasks_reader *tr, struct task_list_data *list,
			uint64_t (*clock)(void), uint64_t until)
{
	const uint64_t several = 1; /* no address */
	struct holds h;
	size_t i;
	bool all; /* else a semaphore may have others inside that were not looked at */

	for (i = 0; i < list->tasks.count && clock() < until; i++) {
		find_holds(tr, list->tasks.items[i].address, &h);
		for (size_t k = 0; k < h.count; k++)
			claim(list, h.locks[k], list->tasks.items[i].address, several);
	}
	all = i == list->tasks.count;
	for (i = 0; i < list->locks.count; i++)
		if (list->locks.items[i].owner == several ||
		    (!all && strcmp(list->locks.items[i].type, "Lock") != 0))
			list->locks.items[i].owner = 0;
}

int cpython_task_locks(struct cpython_tasks_reader *tr, struct task_list_data *list,
		       uint64_t (*clock)(void), uint64_t until)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < list->tasks.count; i++) {
		const struct task_data *t = &list->tasks.items[i];

		for (size_t k = 0; k < t->awaits.count && r == 0; k++)
			if (t->awaits.items[k].kind == AWAIT_DATA_LOCK)
				r = add_waiter(list, &t->awaits.items[k], t->address);
	}
	for (size_t i = 0; i < list->locks.count; i++)
		any = any || can_be_held(&list->locks.items[i]);
	if (any && r == 0)
		find_owners(tr, list, clock, until);
	return r;
}
