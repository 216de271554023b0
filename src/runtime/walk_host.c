/* walk_host.c: see walk_host.h. */
#include "runtime/walk_host.h"

#define walk_read(w, dst, size, addr) process_read_all((w)->host, addr, dst, size)
#include "bpf/walk_python.h"

size_t walk_host(const struct process *p, const struct walk_plan *plan, uint64_t thread_pointer,
		 struct interp_frame *out, uint32_t *ret_flags)
{
	struct walk_scratch scratch = { 0 };
	struct walk_state w = { .plan = plan, .scratch = &scratch, .out = out, .host = p };

	walk_run(&w, thread_pointer);
	if (ret_flags)
		*ret_flags = w.flags;
	return w.count;
}
