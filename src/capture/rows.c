/* rows.c: --off-cpu: read the kernel's tables at the end and emit their rows. */
#include "capture/internal.h"

#include <string.h>

#include <bpf/bpf.h>

#include "stallprof.skel.h"

static void thread_comm(const struct offcpu_key *key, char comm[16])
{
	cleanup(str_releasep) struct str text = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", key->tgid, key->tid);
	if (file_read(path, 64, &text) < 0 || !text.len)
		return;
	text.text[strcspn(text.text, "\n")] = '\0';
	snprintf(comm, 16, "%s", text.text);
}

static void row_emit(struct capture *c, const struct offcpu_key *key, const struct offcpu_stack_row *row)
{
	struct event_offcpu e = {
		.head = { .kind = EVENT_OFFCPU, .size = sizeof(e), .tgid = key->tgid, .tid = key->tid },
		.key = *key,
		.value = row->value,
		.target = row->target,
	};

	if (!row->value.count)
		return;
	e.head.ts = now_ns();
	if (key->by == OFFCPU_BY_THREAD && !key->overflow)
		thread_comm(key, e.comm);
	if (key->by == OFFCPU_BY_STACK)
		name_target(c, key->tgid, &e.target);
	emit_event(c, &e.head);
}

static void table_emit(struct capture *c, struct bpf_map *map)
{
	struct offcpu_key key, *previous = NULL;
	struct offcpu_stack_row row;
	size_t size = bpf_map__value_size(map);

	while (bpf_map__get_next_key(map, previous, &key, sizeof(key)) == 0) {
		memset(&row, 0, sizeof(row));
		row.target.fd = -1;
		if (size <= sizeof(row) &&
		    bpf_map__lookup_elem(map, &key, sizeof(key), &row, size, 0) == 0)
			row_emit(c, &key, &row);
		previous = &key;
	}
}

void rows_emit(struct capture *c)
{
	table_emit(c, c->skel->maps.by_stack);
	table_emit(c, c->skel->maps.by_syscall);
	table_emit(c, c->skel->maps.by_thread);
}
