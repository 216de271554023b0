/* unwind.h: native stacks without frame pointers: what user space does for them.
 *
 * Owns when tables are built and published, when mappings are read anew, and what a stack that
 * arrives must go through before it is named.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_H
#define STALLPROF_CAPTURE_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/unwind.h"

struct capture;
struct watched;
struct unwind;

/* What cannot be had is told and no error: stacks are walked by frame pointers then.  0, -ENOMEM.
 */
int unwind_open(struct capture *c);
void unwind_close(struct capture *c);

/* For a process that is watched from now on; cheap, because attach must be quick.  0, -ENOMEM. */
int unwind_add(struct capture *c, struct watched *w);
void unwind_exec(struct capture *c, struct watched *w);
/* The kernel side forgets the process. */
void unwind_forget(struct capture *c, uint32_t tgid);
/* We do, too. */
void unwind_release(struct watched *w);

/* For poll, besides the ring: readable when code was mapped.  -1: not to be waited for now. */
int unwind_fd(const struct capture *c);
/* It was readable. */
void unwind_woken(struct capture *c, uint64_t now);
/* Before the first hook: the tables that nearly every stack of the processes at hand goes through.
 * Without them all but a burst of the stacks of the first moments would end at once. */
void unwind_prepare(struct capture *c);
/* A slice of what is to be done.  When to come back: CLOCK_MONOTONIC ns, UINT64_MAX: no need. */
uint64_t unwind_work(struct capture *c, uint64_t now);

/* Keeps the copy for the body that follows. */
void unwind_snapshot(struct capture *c, const struct event_snapshot *e);
/* Before a stack is named: names are those of the code that was there when it was taken, or none.
 */
void unwind_stack(struct capture *c, struct watched *w, struct event_stack *s);

/* For a stack out of the kernel side's memory, which goes by its hash while its wait lasts: one
 * that cannot be trusted as it is, or whose copy is still in the ring, gets another hash, which no
 * other stack has. */
void unwind_rehash(struct capture *c, struct event_stack *s);

void unwind_losses(struct capture *c);

#endif
