/* task_list.c: see task_list.h. */
#include "runtime/task_list.h"

#include <stdlib.h>

#include "recording/chunk.h"

static int put_addresses(struct str *payload, const uint64_t *items, size_t count)
{
	int r = chunk_put_u32(payload, (uint32_t)count);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = chunk_put_u64(payload, items[i]);
	return r;
}

static int put_await(struct str *payload, const struct await_data *a)
{
	int r = chunk_put_u32(payload, a->kind);

	if (r == 0)
		r = chunk_put_u32(payload, a->library);
	if (r == 0)
		r = chunk_put_str(payload, a->fn);
	if (r == 0)
		r = chunk_put_str(payload, a->file);
	if (r == 0)
		r = chunk_put_u32(payload, a->line);
	if (r == 0)
		r = chunk_put_u64(payload, a->address);
	return r;
}

static int put_task(struct str *payload, const struct task_data *t)
{
	int r = chunk_put_str(payload, t->name);

	if (r == 0)
		r = chunk_put_str(payload, t->coro);
	if (r == 0)
		r = chunk_put_u32(payload, t->state);
	if (r == 0)
		r = chunk_put_u32(payload, t->truncated);
	if (r == 0)
		r = chunk_put_u64(payload, t->address);
	if (r == 0)
		r = chunk_put_u32(payload, (uint32_t)t->awaits.count);
	for (size_t i = 0; r == 0 && i < t->awaits.count; i++)
		r = put_await(payload, &t->awaits.items[i]);
	if (r == 0)
		r = put_addresses(payload, t->awaited_by.items, t->awaited_by.count);
	return r;
}

static int put_lock(struct str *payload, const struct lock_data *l)
{
	int r = chunk_put_str(payload, l->type);

	if (r == 0)
		r = chunk_put_u64(payload, l->address);
	if (r == 0)
		r = chunk_put_u64(payload, l->owner);
	if (r == 0)
		r = put_addresses(payload, l->waiters.items, l->waiters.count);
	return r;
}

static int put_head(struct str *payload, const struct task_list_data *list)
{
	int r = chunk_put_u64(payload, list->ts);

	if (r == 0)
		r = chunk_put_u32(payload, list->tgid);
	if (r == 0)
		r = chunk_put_u64(payload, list->thread_pointer);
	if (r == 0)
		r = chunk_put_u32(payload, list->tid);
	if (r == 0)
		r = chunk_put_str(payload, list->kind);
	if (r == 0)
		r = chunk_put_u64(payload, list->ready);
	if (r == 0)
		r = chunk_put_u64(payload, list->scheduled);
	if (r == 0)
		r = chunk_put_u64(payload, list->vanished);
	if (r == 0)
		r = chunk_put_u64(payload, list->skipped);
	return r;
}

int task_list_write(const struct task_list_data *list, struct str *payload)
{
	int r = put_head(payload, list);

	if (r == 0)
		r = chunk_put_u32(payload, (uint32_t)list->tasks.count);
	for (size_t i = 0; r == 0 && i < list->tasks.count; i++)
		r = put_task(payload, &list->tasks.items[i]);
	if (r == 0)
		r = chunk_put_u32(payload, (uint32_t)list->locks.count);
	for (size_t i = 0; r == 0 && i < list->locks.count; i++)
		r = put_lock(payload, &list->locks.items[i]);
	return r;
}

void task_list_release(struct task_list_data *list)
{
	for (size_t i = 0; i < list->tasks.count; i++) {
		vec_release(&list->tasks.items[i].awaits);
		vec_release(&list->tasks.items[i].awaited_by);
	}
	for (size_t i = 0; i < list->locks.count; i++)
		vec_release(&list->locks.items[i].waiters);
	vec_release(&list->tasks);
	vec_release(&list->locks);
}
