/* resolver.c: see resolver.h.
 *
 * Every frame is named as soon as its stack is seen, because the process may be gone a moment
 * later.
 */
#include "runtime/resolver_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recording/chunk.h"
#include "runtime/native_loop.h"
#include "runtime/native_names.h"
#include "target/ksyms.h"

int resolver_host_open(const char *proc, struct resolver_host **ret_host)
{
	cleanup(resolver_host_closep) struct resolver_host *h = calloc(1, sizeof(*h));
	cleanup(str_releasep) struct str path = { 0 };
	int r;

	if (!h)
		return -ENOMEM;
	r = native_names_new(&h->names);
	if (r == 0)
		r = native_lines_new(h->names, &h->lines);
	if (r == 0)
		r = late_lines_new(h->lines, &h->late);
	if (r == 0)
		r = str_printf(&path, "%s/kallsyms", proc);
	if (r < 0)
		return r;
	r = ksyms_open(str_text(&path), &h->ksyms);
	if (r == -ENOMEM)
		return r;
	*ret_host = steal(h);
	return 0;
}

struct resolver_host *resolver_host_close(struct resolver_host *h)
{
	if (!h)
		return NULL;
	ksyms_close(h->ksyms);
	late_lines_free(h->late);
	native_lines_free(h->lines);
	native_names_free(h->names);
	free(h);
	return NULL;
}

void resolver_host_reap(struct resolver_host *h)
{
	lines_reap(native_lines_source(h->lines));
}

bool resolver_host_has_kernel(const struct resolver_host *h)
{
	return h->ksyms != NULL;
}

static void detach(struct resolver *r)
{
	if (r->session)
		r->session = r->runtime->close(r->session);
	memset(&r->facts, 0, sizeof(r->facts));
	r->runtime = NULL;
	r->retry = false;
	r->loop_kind = r->native_loop = NULL;
}

static int attach(struct resolver *r)
{
	int error;

	r->runtime = runtime_detect(r->p);
	if (!r->runtime)
		return 0;
	error = r->runtime->attach(r->p, &r->facts, &r->session);
	r->retry = error == -EAGAIN;
	return error == -ENOMEM ? error : 0;
}

int resolver_open(struct resolver_host *host, struct process *p, struct resolver **ret_resolver)
{
	cleanup(resolver_closep) struct resolver *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->host = host;
	r->p = p;
	r->frames = host->frames;
	error = attach(r);
	if (error < 0)
		return error;
	*ret_resolver = steal(r);
	return 0;
}

struct resolver *resolver_close(struct resolver *r)
{
	if (!r)
		return NULL;
	detach(r);
	free(r);
	return NULL;
}

int resolver_refresh(struct resolver *r)
{
	int error = process_refresh(r->p);

	if (error < 0)
		return error;
	detach(r);
	return attach(r);
}

int resolver_executed(struct resolver *r, uint64_t at)
{
	process_executed(r->p, at);
	native_names_executed(r->host->names, r->p);
	return resolver_refresh(r);
}

const char *resolver_runtime(const struct resolver *r)
{
	return r->runtime ? r->runtime->name : "";
}

const char *resolver_version(const struct resolver *r)
{
	return r->facts.version;
}

const char *resolver_why(const struct resolver *r)
{
	return r->session ? "" : r->facts.why;
}

const char *resolver_remark(const struct resolver *r)
{
	return r->session ? r->facts.why : "";
}

bool resolver_attached(const struct resolver *r)
{
	return r->session != NULL;
}

bool resolver_retry(const struct resolver *r)
{
	return r->retry;
}

bool resolver_renew(struct resolver *r)
{
	return r->session && r->runtime->renew && r->runtime->renew(r->session, &r->facts);
}

const struct walk_plan *resolver_plan(const struct resolver *r)
{
	return &r->facts.plan;
}

const struct jit_plan *resolver_jit(const struct resolver *r)
{
	return &r->facts.jit;
}

const char *resolver_loop_kind(const struct resolver *r)
{
	return r->loop_kind;
}

const char *resolver_native_loop(const struct resolver *r)
{
	return r->native_loop;
}

bool resolver_rooted(const struct resolver *r)
{
	size_t i = r->count;

	while (i && r->frames[i - 1].kind == FRAME_NATIVE)
		i--;
	if (!i || r->frames[i - 1].kind != FRAME_PYTHON)
		return false;
	return strcmp(r->frames[i - 1].fn, "<module>") == 0 ||
	       str_ends(r->frames[i - 1].fn, "_bootstrap");
}

/* The frames that may be named later. */
static int encode_nameless(const struct resolver *r, struct str *payload)
{
	uint32_t n = 0;
	size_t i;
	int error;

	for (i = 0; i < r->count; i++)
		n += r->frames[i].module_number != 0;
	error = chunk_put_u32(payload, n);
	for (i = 0; error == 0 && i < r->count; i++) {
		const struct chunk_frame *f = &r->frames[i];

		if (!f->module_number)
			continue;
		error = chunk_put_u32(payload, (uint32_t)i);
		if (error == 0)
			error = chunk_put_u32(payload, f->module_number);
		if (error == 0)
			error = chunk_put_u64(payload, f->address);
	}
	return error;
}

static int encode(const struct resolver *r, const struct event_stack *stack, struct str *payload)
{
	size_t i;
	int error = chunk_put_u64(payload, stack->hash);

	if (error == 0)
		error = chunk_put_u32(payload, r->flags | (uint32_t)r->user_stop << 16);
	if (error == 0)
		error = chunk_put_u32(payload, (uint32_t)r->count);
	for (i = 0; error == 0 && i < r->count; i++)
		error = chunk_put_frame(payload, &r->frames[i]);
	if (error == 0)
		error = encode_nameless(r, payload);
	return error < 0 ? error : chunk_put_str(payload, r->user_end);
}

int resolver_stack(struct resolver *r, const struct event_stack *stack, struct str *payload)
{
	int error;

	if (stack->n_kernel > STACK_KERNEL_MAX || stack->n_user > STACK_USER_MAX ||
	    stack->n_python > STACK_PYTHON_MAX)
		return -EINVAL;
	r->count = r->inlined = 0;
	r->loop_kind = r->native_loop = NULL;
	r->flags = stack->flags;
	native_names_begin(r->host->names);
	late_lines_begin(r->host->late);
	error = resolver_frames(r, stack);
	if (error == 0)
		error = encode(r, stack, payload);
	if (error < 0)
		return error;
	late_lines_end(r->host->late, stack->hash, r->inlined, RESOLVER_INLINED_MAX);
	r->native_loop = native_loop_kind(r->frames, r->count);
	/* Last: it may read the mappings anew, which frames point into. */
	r->loop_kind = runtime_loop_kind(r->p, r->frames, r->count);
	return 0;
}

void resolver_touch(struct resolver *r, const struct event_stack *stack)
{
	if (!r->session || stack->n_python > STACK_PYTHON_MAX)
		return;
	r->runtime->begin(r->session, stack);
	for (size_t i = 0; i < stack->n_python; i++) {
		struct chunk_frame unused = { .fn = "", .file = "", .module = "", .path = "" };

		if (r->runtime->name_frame(r->session, &stack->python[i], &unused) == -ENOMEM)
			return;
	}
}

int resolver_modules(struct resolver *r, int (*put)(void *ctx, const struct str *payload),
		     void *ctx)
{
	return native_names_modules(r->host->names, put, ctx);
}

size_t resolver_late_polled(const struct resolver_host *h, struct pollfd ret[RESOLVER_LATE_MAX])
{
	return lines_polled(native_lines_source(h->lines), ret);
}

int resolver_late(struct resolver_host *h, uint64_t until, bool last,
		  int (*put)(void *ctx, const struct str *payload), void *ctx)
{
	struct lines *lines = native_lines_source(h->lines);

	lines_collect(lines);
	lines_wait(lines, until);
	return late_lines_put(h->late, last, put, ctx);
}
