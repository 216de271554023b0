/* rows.c: --off-cpu: read the kernel's tables at the end and emit their rows. */
#include "capture/internal.h"

#include <string.h>

#include <bpf/bpf.h>

#include "stallprof.skel.h"

/* The value of any of the three tables: the common part comes first. */
union row {
	struct offcpu_value value;
	struct offcpu_stack_row stack;
	struct offcpu_thread_row thread;
};

static void row_emit(struct capture *c, const struct offcpu_key *key, const union row *row)
{
	struct event_offcpu e = {
		.head = { .kind = EVENT_OFFCPU,
			  .size = sizeof(e),
			  .tgid = key->tgid,
			  .tid = key->tid },
		.key = *key,
		.value = row->value,
		.target = { .fd = -1 },
	};

	if (!row->value.count)
		return;
	e.head.ts = now_ns();
	if (key->by == OFFCPU_BY_THREAD)
		memcpy(e.comm, row->thread.comm, sizeof(e.comm));
	if (key->by == OFFCPU_BY_STACK) {
		e.target = row->stack.target;
		name_target(c, key->tgid, &e.target);
	}
	emit_event(c, &e.head);
}

static void table_emit(struct capture *c, struct bpf_map *map)
{
	struct offcpu_key key, *previous = NULL;
	union row row;
	size_t size = bpf_map__value_size(map);

	while (bpf_map__get_next_key(map, previous, &key, sizeof(key)) == 0) {
		memset(&row, 0, sizeof(row));
		if (size <= sizeof(row) &&
		    bpf_map__lookup_elem(map, &key, sizeof(key), &row, size, 0) == 0)
			row_emit(c, &key, &row);
		previous = &key;
	}
}

void rows_finish(struct capture *c)
{
	cleanup(str_releasep) struct str why = { 0 };

	c->skel->bss->closing = 1;
	if (threads_pass(c, &why) < 0)
		emit_missing(c, "waits that were still open", str_text(&why), "");
	table_emit(c, c->skel->maps.by_stack);
	table_emit(c, c->skel->maps.by_syscall);
	table_emit(c, c->skel->maps.by_thread);
}
