/* cpython_live.c: see cpython_live.h. */
#include "runtime/cpython_live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "target/elf_query.h"

#define SEARCH_NS 1000000000ull /* between two searches for a module that is not loaded yet */
#define READS_MAX 32768		/* of one question: some 50 ms; an honest program takes a hundred */

int cpython_live_open(struct process *p, const struct cpython_offsets *o,
		      const struct walk_plan *plan, uint64_t runtime,
		      struct cpython_live **ret_live)
{
	cleanup(cpython_live_closep) struct cpython_live *live = calloc(1, sizeof(*live));
	const struct cpython_layout *row = cpython_layout_find(o->minor);
	uint8_t block[CPYTHON_STATED_SIZE];
	int r;

	if (!live)
		return -ENOMEM;
	if (!row)
		return -EPROTO;
	live->p = p;
	live->o = o;
	live->plan = *plan;
	live->runtime = runtime;
	live->layout = *row;
	if (row->minor >= 13) {
		r = process_read_all(p, runtime, block, sizeof(block));
		if (r == 0)
			r = cpython_layout_stated(&live->layout, block, sizeof(block), NULL);
		if (r < 0)
			return r;
	}
	r = cpython_reader_init(&live->reader, cpython_read_process, p, o, &live->layout);
	if (r < 0)
		return r;
	live->loops =
		(struct cpython_loops){ .rd = &live->reader, .pid = p->ns_pid, .clock = now_ns };
	live->threads.rd = &live->reader;
	*ret_live = steal(live);
	return 0;
}

struct cpython_live *cpython_live_close(struct cpython_live *live)
{
	if (!live)
		return NULL;
	cpython_threads_release(&live->threads);
	cpython_reader_release(&live->reader);
	free(live);
	return NULL;
}

/* 0: the file says where asyncio keeps what, as the process has it in memory. */
static int try_asyncio(struct cpython_live *live, const struct mapping *m)
{
	static const char *const names[] = { ".AsyncioDebug", NULL };
	uint64_t words[CPYTHON_ASYNCIO_WORDS];
	struct elf_facts facts;
	int r = elf_query_mapping(live->p, m, names, &facts);

	if (r < 0 || facts.symbols[0].size < sizeof(words))
		return r < 0 ? r : -ENOENT;
	r = process_read_all(live->p, elf_facts_bias(&facts, live->p, m) + facts.symbols[0].value,
			     words, sizeof(words));
	return r < 0 ? r : cpython_layout_stated(&live->layout, NULL, 0, words);
}

/* asyncio's C module is a file of its own, loaded when it is first imported, or a part of the
 * interpreter. */
void cpython_live_prepare(struct cpython_live *live)
{
	uint64_t last = 0, now = now_ns();
	size_t i;

	if (live->layout.running != RUNNING_STATED || live->layout.running_loop ||
	    (live->searched && now - live->searched < SEARCH_NS))
		return;
	live->searched = now;
	process_refresh_maps(live->p);
	for (i = 0; i < live->p->maps.list.count; i++) {
		const struct mapping *m = &live->p->maps.list.items[i];
		const char *name = mapping_basename(m);

		if (!m->ino || m->ino == last || m->path[0] != '/' ||
		    (!str_starts(name, "_asyncio") && !str_starts(name, "python") &&
		     !str_starts(name, "libpython") && strcmp(m->path, live->p->exe) != 0))
			continue;
		last = m->ino;
		if (try_asyncio(live, m) == 0)
			return;
	}
}

int cpython_live_begin(struct cpython_live *live, uint64_t thread_pointer, uint64_t *ret_state,
		       uint64_t *ret_interp)
{
	struct cpython_reader *rd = &live->reader;
	uint64_t state, interp, pointer;
	int r;

	cpython_reader_begin(rd);
	r = cpython_read_word(rd, thread_pointer + (uint64_t)live->plan.slot_off, &state);
	if (r < 0)
		return r == -ESRCH ? r : -ENODATA;
	if (!state)
		return -ENODATA;
	r = cpython_read_word(rd, state + live->o->state_thread_id, &pointer);
	if (r == 0)
		r = cpython_read_word(rd, state + live->o->state_interp, &interp);
	if (r < 0)
		return r == -ESRCH ? r : -ENODATA;
	if (pointer != thread_pointer) /* a slot that is not set yet, or no longer */
		return -ENODATA;
	*ret_state = state;
	*ret_interp = interp;
	return 0;
}

/* Whatever did not fit changed while it was read. */
static int outcome(int r)
{
	return r == 0 || r == -ESRCH || r == -ENOMEM ? r : -ENODATA;
}

int cpython_live_loop(struct cpython_live *live, uint64_t thread_pointer,
		      struct runtime_loop *ret_loop)
{
	uint64_t state, interp;
	int r;

	cpython_live_prepare(live);
	r = cpython_live_begin(live, thread_pointer, &state, &interp);
	if (r < 0)
		return r;
	cpython_reader_limit(&live->reader, READS_MAX);
	return outcome(cpython_loop_now(&live->loops, interp, state, ret_loop));
}

int cpython_live_thread(struct cpython_live *live, uint64_t thread_pointer,
			struct runtime_thread *ret_thread)
{
	uint64_t state, interp;
	int r = cpython_live_begin(live, thread_pointer, &state, &interp);

	if (r < 0)
		return r;
	cpython_reader_limit(&live->reader, READS_MAX);
	return outcome(cpython_thread_now(&live->threads, interp, state, thread_pointer, now_ns(),
					  ret_thread));
}
