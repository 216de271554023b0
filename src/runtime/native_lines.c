/* native_lines.c: see native_lines.h. */
#include "runtime/native_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"

_Static_assert(NATIVE_LINES_MAX >= LINES_DEPTH_MAX, "every chain fits");

struct native_lines {
	struct native_names *names;
	struct lines *lines;
	bool kept;
};

int native_lines_new(struct native_names *names, struct native_lines **ret_lines)
{
	struct native_lines *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->names = names;
	r = lines_new(&l->lines);
	if (r < 0) {
		free(l);
		return r;
	}
	*ret_lines = l;
	return 0;
}

struct native_lines *native_lines_free(struct native_lines *l)
{
	if (l)
		lines_free(l->lines);
	free(l);
	return NULL;
}

/* Asks for all places that lie in the file of the first one, and strikes them out. */
static void fetch_file(struct native_lines *l, struct native_place *first, size_t count)
{
	uint64_t addresses[STACK_USER_MAX];
	const struct symbols *s = first->symbols;
	size_t n = 0, i;

	for (i = 0; i < count; i++) {
		if (first[i].symbols != s)
			continue;
		addresses[n++] = first[i].address;
		first[i].symbols = NULL;
	}
	lines_fetch(l->lines, s, addresses, n);
}

struct native_place native_lines_place(struct native_lines *l, const struct process *p,
				       const struct mapping *m, uint64_t inside)
{
	struct native_place place = { 0 };

	place.symbols = native_names_place(l->names, p, m, inside, &place.address);
	return place;
}

void native_lines_begin(struct native_lines *l, const struct process *p, const uint64_t *insides,
			size_t count, bool hurried)
{
	struct native_place asked[STACK_USER_MAX] = { 0 };
	size_t i;

	if (!l->kept)
		lines_trim(l->lines);
	lines_begin(l->lines, hurried || lines_waiting(l->lines) ? 0 : LINES_STACK_MS);
	if (count > STACK_USER_MAX)
		count = STACK_USER_MAX;
	for (i = 0; i < count; i++) {
		const struct mapping *m = maps_find(&p->maps, insides[i]);

		if (m)
			asked[i] = native_lines_place(l, p, m, insides[i]);
	}
	for (i = 0; i < count; i++)
		if (asked[i].symbols)
			fetch_file(l, &asked[i], count - i);
}

static bool starts_with_any(const char *text, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (str_starts(text, *prefixes))
			return true;
	return false;
}

/* The standard library that comes built with rustc is told of by the path in its own tree, and by
 * /rustc/ where its code was made in the user's program. */
bool native_lines_installed(const char *source)
{
	static const char *const prefixes[] = { "/usr/include/",
						"/usr/lib/",
						"/rustc/",
						"/usr/share/cargo/registry/",
						"/rust/deps/",
						"library/std/src/",
						"library/core/src/",
						"library/alloc/src/",
						NULL };

	return starts_with_any(source, prefixes) || strstr(source, "/rustlib/src/") ||
	       strstr(source, "/.cargo/registry/") || strstr(source, "/.cargo/git/checkouts/");
}

/* Of "<type as trait>::method" the trait, of any other name "". */
static const char *trait_of(const char *fn)
{
	int depth = 0;

	for (; *fn; fn++) {
		if (*fn == '<')
			depth++;
		else if (*fn == '-' && fn[1] == '>')
			fn++; /* what a function returns */
		else if (*fn == '>' && --depth == 0)
			break;
		else if (depth == 1 && str_starts(fn, " as "))
			return fn + strlen(" as ");
	}
	return "";
}

/* Only Rust has names that begin with an angle bracket; alone core and alloc are names that a C++
 * program may have given to parts of its own.  The user's trait of the library's type is the
 * user's. */
bool native_lines_standard(const char *fn)
{
	static const char *const prefixes[] = { "std::", "__gnu_cxx::", "core::ops::function::",
						"core::panicking::", NULL };
	static const char *const crates[] = { "std::", "core::", "alloc::", NULL };
	const char *trait;

	if (*fn != '<')
		return starts_with_any(fn, prefixes);
	trait = trait_of(fn);
	return starts_with_any(fn + 1, crates) && (!*trait || starts_with_any(trait, crates));
}

enum lines_state native_lines_find(struct native_lines *l, const struct native_place *place,
				   struct chunk_frame ret_frames[NATIVE_LINES_MAX],
				   size_t *ret_count)
{
	const struct line_place *places;
	enum lines_state state;
	size_t count, i;

	if (!place->symbols)
		return LINES_NONE;
	state = lines_find(l->lines, place->symbols, place->address, &places, &count);
	if (state != LINES_KNOWN)
		return state;
	for (i = 0; i < count; i++) {
		struct chunk_frame *f = &ret_frames[i];

		*f = (struct chunk_frame){ .kind = FRAME_NATIVE, .module = "" };
		f->fn = native_names_readable(l->names, places[i].fn);
		f->file = places[i].file;
		f->line = places[i].line;
		f->flags = (i + 1 < count ? FRAME_INLINED : 0) |
			   (native_lines_installed(f->file) ? FRAME_LIBRARY : 0);
	}
	*ret_count = count;
	return state;
}

void native_lines_keep(struct native_lines *l, bool keep)
{
	l->kept = keep;
}

struct lines *native_lines_source(struct native_lines *l)
{
	return l->lines;
}
