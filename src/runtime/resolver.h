/* resolver.h: from raw stacks to named ones, while the process lives.
 *
 * Owns the policy of what becomes of kernel, native and interpreter frames of one stack.  Produces
 * the payload of CHUNK_STACK_NAMES.  Must not know libbpf or files.
 */
#ifndef STALLPROF_RUNTIME_RESOLVER_H
#define STALLPROF_RUNTIME_RESOLVER_H

#include <poll.h>
#include <stdbool.h>

#include "base/str.h"
#include "bpf/control.h"
#include "runtime/runtime.h"
#include "target/process.h"

#define RESOLVER_INLINED_MAX \
	256 /* frames of one stack that the compiler inlined; more are left out */
#define RESOLVER_FRAMES_MAX \
	(STACK_KERNEL_MAX + STACK_USER_MAX + STACK_PYTHON_MAX + RESOLVER_INLINED_MAX)

/* What all processes of a host share: kernel names, symbol tables. */
struct resolver_host;

/* proc: "/proc" (kallsyms is read below it).  Missing kernel names are no error: see
 * resolver_host_has_kernel.  0 or -ENOMEM. */
int resolver_host_open(const char *proc, struct resolver_host **ret_host);
struct resolver_host *resolver_host_close(struct resolver_host *h);
DEFINE_CLEANUP(struct resolver_host *, resolver_host_close)

/* Source lines of native code that were not known in time when a stack was named.  What to poll for
 * them, and how many these are: */
#define RESOLVER_LATE_MAX 6
size_t resolver_late_polled(const struct resolver_host *h, struct pollfd ret[RESOLVER_LATE_MAX]);
/* Takes those that are there, or waits for them until that time (now_ns; 0: it does not), and hands
 * out, as payloads of CHUNK_STACK_LINES, the stacks of which all is known; `last`: all that are
 * left, too.  To be called now and then.  0 or what put returned. */
int resolver_late(struct resolver_host *h, uint64_t until, bool last,
		  int (*put)(void *ctx, const struct str *payload), void *ctx);

/* Now and then: takes leave of workers that ended because nothing was asked of them. */
void resolver_host_reap(struct resolver_host *h);
bool resolver_host_has_kernel(const struct resolver_host *h); /* false: kallsyms hides addresses */

/* One observed process. */
struct resolver;

/* Detects the runtime and attaches to it.  host and p are borrowed until close.  A runtime that
 * cannot be attached is no error: native frames only, and resolver_why says why.  0 or -ENOMEM. */
int resolver_open(struct resolver_host *host, struct process *p, struct resolver **ret_resolver);
struct resolver *resolver_close(struct resolver *r);
DEFINE_CLEANUP(struct resolver *, resolver_close)

/* Later, when the runtime was not ready yet (-EAGAIN at first): rereads the process and attaches
 * anew.  The plan may have changed.  0, -ESRCH, -ENOMEM. */
int resolver_refresh(struct resolver *r);
/* The same after an exec, at that time of CLOCK_MONOTONIC. */
int resolver_executed(struct resolver *r, uint64_t at);

const char *resolver_runtime(const struct resolver *r); /* "python", or "" */
const char *resolver_version(const struct resolver *r); /* "3.11.2", or "" */
/* Why the runtime's frames are missing though it was recognised; "" if they are not. */
const char *resolver_why(const struct resolver *r);
/* What the runtime's frames will not show though they are there; "" if they show all. */
const char *resolver_remark(const struct resolver *r);
/* A runtime was recognised and its frames can be shown. */
bool resolver_attached(const struct resolver *r);
/* True when `why` may go away by itself: call resolver_refresh some time later. */
bool resolver_retry(const struct resolver *r);
/* The plan may grow old while the program runs: true when it, or the remark, was brought up to
 * date. */
bool resolver_renew(struct resolver *r);
/* For proc_conf.plan; enabled is 0 without an attached runtime.  Valid until refresh. */
const struct walk_plan *resolver_plan(const struct resolver *r);
const struct jit_plan *resolver_jit(const struct resolver *r); /* the same, for proc_conf.jit */

/* Names every frame of the stack and appends to payload the encoding of CHUNK_STACK_NAMES.
 * Works, with less to show, after the process is gone.  0, -ENOMEM, -EINVAL (counts over the
 * limits). */
int resolver_stack(struct resolver *r, const struct event_stack *stack, struct str *payload);

/* Reads what the runtime knows of the stack's frames, so that resolver_stack need not ask for it
 * later, when it may be gone: code objects live as long as a call. */
void resolver_touch(struct resolver *r, const struct event_stack *stack);

/* Hands out, as payloads of CHUNK_MODULE, the modules that stacks resolved so far refer to and that
 * were not handed out yet, whichever process had them.  0 or what put returned. */
int resolver_modules(struct resolver *r, int (*put)(void *ctx, const struct str *payload),
		     void *ctx);

/* The loop kind of the stack resolved last by its interpreter's frames ("asyncio", "uvloop"), or
 * NULL: where no stack shows it the interpreter is not in that loop. */
const char *resolver_loop_kind(const struct resolver *r);
/* The same by its native frames ("libuv", "nginx"), which may be cut or nameless: NULL tells
 * nothing. */
const char *resolver_native_loop(const struct resolver *r);

/* Whether the outermost frame of the stack resolved last is where a thread begins.  Frames that a
 * greenlet, or native code with a thread of its own, entered do not show who called them. */
bool resolver_rooted(const struct resolver *r);

/* What the runtime says of the live process; see runtime.h.  -ENOTSUP: no runtime is attached, or
 * it has no such thing. */
int resolver_loop_now(struct resolver *r, uint64_t thread_pointer, struct runtime_loop *ret_loop);
int resolver_thread_now(struct resolver *r, uint64_t thread_pointer,
			struct runtime_thread *ret_thread);
/* Whether the process's runtime is one that has tasks, attached or not. */
bool resolver_has_tasks(const struct resolver *r);
int resolver_tasks(struct resolver *r, int (*put)(void *ctx, const struct str *payload), void *ctx);
/* The stack of another thread as it is now, read from outside: only the interpreter's part, hash
 * included.  Frames; 0: none, or there is no runtime. */
size_t resolver_walk(struct resolver *r, uint64_t thread_pointer, struct event_stack *ret_stack);

#endif
