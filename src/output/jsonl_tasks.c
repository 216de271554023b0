/* jsonl_tasks.c: the record of one loop's tasks.
 *
 * Tasks name each other by their place in the list.  Knows no order but the profile's.
 */
#include <errno.h>
#include <inttypes.h>

#include "output/json.h"
#include "output/tasks_words.h"

static json_t *address_text(uint64_t address)
{
	char text[20];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return json_string(text);
}

static json_t *await_object(const struct await *a)
{
	json_t *o = json_object();
	int r = json_put(o, "kind", json_string(await_kind_name(a->kind)));

	r |= json_put_text(o, "fn", a->fn);
	if (a->kind == AWAIT_FRAME) {
		r |= json_put_text(o, "file", a->file);
		r |= json_put(o, "line", json_integer(a->line));
	}
	if (a->library)
		r |= json_put(o, "library", json_true());
	if (a->kind == AWAIT_TASK && a->task >= 0)
		r |= json_put(o, "task", json_integer(a->task));
	if (a->kind == AWAIT_LOCK)
		r |= json_put(o, "address", address_text(a->address));
	return json_checked(o, r);
}

static json_t *index_list(const int *list, size_t count)
{
	json_t *l = json_array();
	int r = l ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && r == 0; i++)
		r |= json_array_append_new(l, json_integer(list[i]));
	return json_checked(l, r);
}

static json_t *task_object(const struct task_list *list, const struct task *t)
{
	json_t *o = json_object(), *awaits = json_array();
	int r = json_put(o, "id", json_integer(t - list->tasks));

	r |= json_put(o, "name", json_string(t->name));
	r |= json_put(o, "state", json_string(task_state_name(t->state)));
	r |= json_put(o, "coro", json_string(t->coro));
	r |= json_put_text(o, "file", t->file);
	if (t->line)
		r |= json_put(o, "line", json_integer(t->line));
	for (size_t i = 0; i < t->n_awaits && r == 0; i++)
		r |= json_array_append_new(awaits, await_object(&t->awaits[i]));
	r |= json_put(o, "awaits", awaits);
	if (t->n_awaited_by)
		r |= json_put(o, "awaited_by", index_list(t->awaited_by, t->n_awaited_by));
	if (t->truncated)
		r |= json_put(o, "truncated", json_true());
	return json_checked(o, r);
}

static json_t *lock_object(const struct task_lock *lock)
{
	json_t *o = json_object();
	int r = json_put(o, "type", json_string(lock->type));

	r |= json_put(o, "address", address_text(lock->address));
	if (lock->owner >= 0)
		r |= json_put(o, "owner", json_integer(lock->owner));
	r |= json_put(o, "waiters", index_list(lock->waiters, lock->n_waiters));
	return json_checked(o, r);
}

static json_t *loop_object(const struct task_list *list)
{
	json_t *o = json_object();
	int r = list->tid ? json_put(o, "tid", json_integer(list->tid)) : 0;

	r |= json_put(o, "kind", json_string(list->kind));
	return json_checked(o, r);
}

int jsonl_tasks(const struct profile *p, const struct task_list *list, FILE *f)
{
	json_t *record = json_record("tasks"), *tasks = json_array(), *locks = json_array();
	int r = json_put(record, "ts", json_ts(list->wall_ns));

	r |= json_put(record, "proc", json_proc(&p->procs[list->proc], 0));
	r |= json_put(record, "loop", loop_object(list));
	for (size_t i = 0; i < list->n_tasks && r == 0; i++)
		r |= json_array_append_new(tasks, task_object(list, &list->tasks[i]));
	r |= json_put(record, "tasks", tasks);
	for (size_t i = 0; i < list->n_locks && r == 0; i++)
		r |= json_array_append_new(locks, lock_object(&list->locks[i]));
	r |= json_put(record, "locks", locks);
	if (list->ready != UINT64_MAX)
		r |= json_put(record, "ready", json_u64(list->ready));
	if (list->scheduled != UINT64_MAX)
		r |= json_put(record, "scheduled", json_u64(list->scheduled));
	r |= json_put(record, "vanished", json_u64(list->vanished));
	r |= json_put(record, "skipped", json_u64(list->skipped));
	return json_line(record, r, f);
}
