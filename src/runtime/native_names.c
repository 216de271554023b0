/* native_names.c: see native_names.h. */
#include "runtime/native_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/vec.h"
#include "runtime/jit_names.h"
#include "target/demangler.h"
#include "target/perf_map.h"
#include "target/symbols.h"

struct module {
	const struct symbols *symbols; /* the same for every process that maps the file */
	char *path;		       /* in the process that was seen first */
};

struct native_names {
	struct symbol_cache *symbols;
	struct demangler *demangler;
	struct perf_maps *perf_maps;
	struct arena made;	    /* names out of them, of one stack: the maps change meanwhile */
	VEC(struct module) modules; /* the number is one more than the index */
	size_t told;
};

int native_names_new(struct native_names **ret_names)
{
	cleanup(native_names_freep) struct native_names *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	r = symbol_cache_new(&n->symbols);
	if (r == 0)
		r = demangler_new(&n->demangler);
	if (r == 0)
		r = perf_maps_new(&n->perf_maps);
	if (r < 0)
		return r;
	*ret_names = steal(n);
	return 0;
}

struct native_names *native_names_free(struct native_names *n)
{
	size_t i;

	if (!n)
		return NULL;
	for (i = 0; i < n->modules.count; i++)
		free(n->modules.items[i].path);
	vec_release(&n->modules);
	arena_release(&n->made);
	perf_maps_free(n->perf_maps);
	demangler_free(n->demangler);
	symbol_cache_free(n->symbols);
	free(n);
	return NULL;
}

/* 0: it cannot be told from other files. */
static uint32_t module_number(struct native_names *n, const struct symbols *s, const char *path)
{
	struct module one = { .symbols = s };
	size_t i;

	if (!*symbols_build_id(s))
		return 0;
	for (i = 0; i < n->modules.count; i++)
		if (n->modules.items[i].symbols == s)
			return (uint32_t)i + 1;
	one.path = strdup(path);
	if (!one.path)
		return 0;
	if (vec_add(&n->modules, one) < 0) {
		free(one.path);
		return 0;
	}
	return (uint32_t)n->modules.count;
}

void native_names_begin(struct native_names *n)
{
	arena_release(&n->made);
}

/* Memory that holds no program file: anonymous, named by the program, or of a file without a name.
 */
static bool may_be_made(const struct mapping *m)
{
	return m->exec && (!m->ino || m->deleted || m->path[0] != '/' ||
			   str_starts(m->path, "/memfd:") || str_starts(m->path, "/dev/"));
}

/* NULL: the perf map is not to be asked, or does not know it. */
static const char *made_name(struct native_names *n, const struct process *p,
			     const struct mapping *m, uint64_t inside)
{
	return may_be_made(m) ? perf_maps_find(n->perf_maps, p, inside) : NULL;
}

void native_names_executed(struct native_names *n, const struct process *p)
{
	perf_maps_executed(n->perf_maps, p);
}

bool native_names_made(struct native_names *n, const struct process *p, const struct mapping *m,
		       uint64_t inside)
{
	return made_name(n, p, m, inside) != NULL;
}

static void find_made(struct native_names *n, const struct process *p, const struct mapping *m,
		      uint64_t inside, struct chunk_frame *f)
{
	const char *name = made_name(n, p, m, inside);
	char *copy = name ? arena_alloc(&n->made, strlen(name) + 1) : NULL;

	if (!copy)
		return;
	strcpy(copy, name);
	f->module = "[jit]";
	f->file = "";
	f->flags = (f->flags & ~FRAME_LIBRARY) | FRAME_JIT;
	jit_name(copy, f);
}

bool native_names_trampoline(struct native_names *n, const struct process *p,
			     const struct mapping *m, uint64_t inside)
{
	const char *name = made_name(n, p, m, inside);

	return name && str_starts(name, "py::");
}

void native_names_find(struct native_names *n, const struct process *p, const struct mapping *m,
		       uint64_t inside, uint64_t shown, struct chunk_frame *f)
{
	uint64_t offset = inside - m->start + m->offset, vaddr;
	const struct symbols *s = symbol_cache_get(n->symbols, p, m);
	const char *name;

	f->offset = offset + (shown - inside);
	if (!s)
		find_made(n, p, m, inside, f);
	if (!s || !symbols_vaddr(s, offset, &vaddr))
		return;
	f->offset = vaddr + (shown - inside);
	name = symbols_find(s, vaddr);
	if (name) {
		f->fn = demangler_name(n->demangler, name);
		return;
	}
	f->module_number = module_number(n, s, m->path);
	f->address = vaddr;
}

const struct symbols *native_names_place(struct native_names *n, const struct process *p,
					 const struct mapping *m, uint64_t inside,
					 uint64_t *ret_address)
{
	const struct symbols *s = symbol_cache_get(n->symbols, p, m);

	return s && symbols_vaddr(s, inside - m->start + m->offset, ret_address) ? s : NULL;
}

const char *native_names_readable(struct native_names *n, const char *name)
{
	return demangler_name(n->demangler, name);
}

int native_names_modules(struct native_names *n, int (*put)(void *ctx, const struct str *payload),
			 void *ctx)
{
	cleanup(str_releasep) struct str payload = { 0 };

	for (; n->told < n->modules.count; n->told++) {
		const struct module *one = &n->modules.items[n->told];
		int r;

		str_clear(&payload);
		r = chunk_put_u32(&payload, (uint32_t)n->told + 1);
		if (r == 0)
			r = chunk_put_str(&payload, symbols_build_id(one->symbols));
		if (r == 0)
			r = chunk_put_str(&payload, one->path);
		if (r == 0)
			r = put(ctx, &payload);
		if (r < 0)
			return r;
	}
	return 0;
}
