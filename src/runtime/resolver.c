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
#include "runtime/native_names.h"
#include "target/ksyms.h"
#include "target/native.h"

#define PROBE_FRAMES_MAX 8 /* how deep a probe is looked for */

struct resolver_host {
	struct ksyms *ksyms; /* NULL: not readable */
	struct native_names *names;
};

int resolver_host_open(const char *proc, struct resolver_host **ret_host)
{
	cleanup(resolver_host_closep) struct resolver_host *h = calloc(1, sizeof(*h));
	cleanup(str_releasep) struct str path = { 0 };
	int r;

	if (!h)
		return -ENOMEM;
	r = native_names_new(&h->names);
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
	native_names_free(h->names);
	free(h);
	return NULL;
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
	r->loop_kind = NULL;
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

bool resolver_retry(const struct resolver *r)
{
	return r->retry;
}

const struct walk_plan *resolver_plan(const struct resolver *r)
{
	return &r->facts.plan;
}

const char *resolver_loop_kind(const struct resolver *r)
{
	return r->loop_kind;
}

bool resolver_rooted(const struct resolver *r)
{
	const struct chunk_frame *f = r->count ? &r->frames[r->count - 1] : NULL;

	return f && f->kind == FRAME_PYTHON &&
	       (strcmp(f->fn, "<module>") == 0 || str_ends(f->fn, "_bootstrap"));
}

static struct chunk_frame *add_frame(struct resolver *r, enum frame_kind kind)
{
	struct chunk_frame *f;

	if (r->count >= RESOLVER_FRAMES_MAX)
		return NULL;
	f = &r->frames[r->count++];
	*f = (struct chunk_frame){ .kind = kind, .fn = "", .file = "", .module = "" };
	return f;
}

/* The stack was taken inside a probe: what is above the probe's own frames, named or not (a program
 * loaded after the names were read has none), belongs to it and is not what the thread did. */
static size_t skip_probe(const struct resolver *r, const struct event_stack *stack)
{
	size_t i, first = 0;

	for (i = 0; i < stack->n_kernel && i < PROBE_FRAMES_MAX; i++) {
		const char *name = ksyms_find(r->host->ksyms, stack->kernel[i]);

		if (name && ksym_is_probe(name))
			first = i + 1;
	}
	return first;
}

static void add_kernel(struct resolver *r, const struct event_stack *stack)
{
	size_t i;

	for (i = skip_probe(r, stack); i < stack->n_kernel; i++) {
		const char *name = ksyms_find(r->host->ksyms, stack->kernel[i]);
		struct chunk_frame *f = add_frame(r, FRAME_KERNEL);

		if (!f)
			return;
		f->fn = name ? name : "<unknown>";
	}
}

static bool is_system_path(const char *path)
{
	static const char *const prefixes[] = { "/usr/lib", "/lib", "/usr/local/lib/lib", "[v" };
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (str_starts(path, prefixes[i]))
			return true;
	return strstr(path, "/site-packages/") || strstr(path, "/dist-packages/");
}

/* A return address belongs to the call before it, which may be the last instruction of its
 * function. */
static void add_native_frame(struct resolver *r, uint64_t addr, bool leaf)
{
	uint64_t inside = leaf ? addr : addr - 1;
	struct chunk_frame *f = add_frame(r, FRAME_NATIVE);
	const struct mapping *m = process_map(r->p, inside);

	if (!f)
		return;
	f->flags = leaf ? 0 : FRAME_GUESSED;
	if (!m) {
		f->fn = "<unknown>";
		f->offset = addr;
		return;
	}
	if (is_system_path(m->path))
		f->flags |= FRAME_LIBRARY;
	f->module = m->path[0] ? mapping_basename(m) : "[anonymous]";
	f->file = m->path;
	native_names_find(r->host->names, r->p, m, inside, addr, f);
}

static bool in_interpreter(const struct resolver *r, uint64_t addr)
{
	return addr >= r->facts.text_start && addr < r->facts.text_end;
}

/* Frame pointers lead astray in code built without them: the instruction itself is certain, what
 * follows must look like a call.  Below the first frame of the interpreter itself there is nothing
 * that its Python frames do not tell better. */
static void add_native(struct resolver *r, const struct event_stack *stack)
{
	size_t i, n, kept = 0;

	/* First look at all of them: that may read the mappings anew, which named frames point
	 * into. */
	for (n = 0; n < stack->n_user; n++) {
		uint64_t addr = stack->user[n];

		if (n == 0 ? !native_executable(r->p, addr) : !native_plausible(r->p, addr))
			break;
	}
	for (i = 0; i < n; i++) {
		uint64_t addr = stack->user[i];
		bool leaf = i == 0;

		if (stack->n_python && in_interpreter(r, addr - !leaf)) {
			if (!kept)
				add_native_frame(r, addr, leaf);
			return;
		}
		add_native_frame(r, addr, leaf);
		kept++;
	}
}

static int add_python(struct resolver *r, const struct event_stack *stack)
{
	size_t i;

	if (r->session)
		r->runtime->begin(r->session);
	for (i = 0; i < stack->n_python; i++) {
		struct chunk_frame *f = add_frame(r, FRAME_PYTHON);
		int error;

		if (!f)
			return 0;
		f->fn = "<unknown>";
		if (!r->session)
			continue;
		error = r->runtime->name_frame(r->session, &stack->python[i], f);
		if (error == -ENOENT)
			r->count--;
		else if (error < 0)
			return error;
	}
	return 0;
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
		error = chunk_put_u32(payload, stack->flags);
	if (error == 0)
		error = chunk_put_u32(payload, (uint32_t)r->count);
	for (i = 0; error == 0 && i < r->count; i++)
		error = chunk_put_frame(payload, &r->frames[i]);
	return error < 0 ? error : encode_nameless(r, payload);
}

int resolver_stack(struct resolver *r, const struct event_stack *stack, struct str *payload)
{
	int error;

	if (stack->n_kernel > STACK_KERNEL_MAX || stack->n_user > STACK_USER_MAX ||
	    stack->n_python > STACK_PYTHON_MAX)
		return -EINVAL;
	r->count = 0;
	r->loop_kind = NULL;
	native_names_begin(r->host->names);
	add_kernel(r, stack);
	add_native(r, stack);
	error = add_python(r, stack);
	if (error == 0)
		error = encode(r, stack, payload);
	if (error < 0)
		return error;
	/* Last: it may read the mappings anew, which frames point into. */
	r->loop_kind = runtime_loop_kind(r->p, r->frames, r->count);
	return 0;
}

int resolver_modules(struct resolver *r, int (*put)(void *ctx, const struct str *payload),
		     void *ctx)
{
	return native_names_modules(r->host->names, put, ctx);
}
