/* walk_host.c: see walk_host.h. */
#include "runtime/walk_host.h"

/* The walker's interface has no room for whose memory it reads; one walk at a time per thread. */
static _Thread_local const struct process *walked;

#define walk_read(dst, size, addr) process_read_all(walked, addr, dst, size)
#include "bpf/walk_python.h"

size_t walk_host(const struct process *p, const struct walk_plan *plan, uint64_t thread_pointer,
		 struct interp_frame *out, uint16_t *ret_flags)
{
	struct walk_state state;
	uint16_t n, flags;

	walked = p;
	walk_python(plan, thread_pointer, &state, out, &n, &flags);
	walked = NULL;
	if (ret_flags)
		*ret_flags = flags;
	return n;
}
