/* children.c: waits for a child process that are not a wait4.
 *
 * Node's execSync and spawnSync run a loop of their own until the child is gone: what the kernel
 * sees is a wait on an epoll file.  The frame of Node's library says what it is for, and who woke
 * the thread which child.
 */
#include "model/state.h"

bool stack_awaits_child(const struct stack *stack)
{
	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct frame *f = &stack->frames[i];

		if (f->kind == FRAME_JS && strcmp(f->fn, "spawnSync") == 0 &&
		    strcmp(f->file, "node:internal/child_process") == 0)
			return true;
	}
	return false;
}

int child_into_target(struct model *m, uint32_t tgid, const struct stack *stack,
		      const struct wait_owner *waker, struct target *t)
{
	struct wait_target child = { .kind = TARGET_CHILD, .fd = -1 };

	if (t->kind != TARGET_EPOLL || !stack_awaits_child(stack))
		return 0;
	if (waker->role == OWNER_WAKER && waker->tgid && waker->tgid != tgid) {
		child.pid = waker->tgid;
		memcpy(child.name, waker->comm, sizeof(waker->comm));
		child.name[sizeof(waker->comm) - 1] = 0;
	}
	return target_make(m, tgid, &child, t);
}
