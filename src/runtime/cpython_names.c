/* cpython_names.c: see cpython_names.h. */
#include "runtime/cpython_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "base/str.h"
#include "bpf/control.h"
#include "runtime/cpython_lines.h"
#include "runtime/cpython_text.h"
#include "runtime/name_cache.h"
#include "runtime/path.h"

struct cpython_names {
	struct process *p;
	const struct cpython_offsets *o;
	uint64_t code_type;
	uint64_t text_type;
	uint64_t bytes_type;
	struct name_cache codes;
};

static void code_free(void *code)
{
	struct cpython_code *c = code;

	free(c->lines);
	free(c->fn);
	free(c->file);
	free(c);
}

int cpython_names_new(struct process *p, const struct cpython_offsets *o, uint64_t code_type,
		      uint64_t text_type, uint64_t bytes_type, struct cpython_names **ret_names)
{
	cleanup(cpython_names_freep) struct cpython_names *n = calloc(1, sizeof(*n));

	if (!n || name_cache_init(&n->codes, code_free) < 0)
		return -ENOMEM;
	n->p = p;
	n->o = o;
	n->code_type = code_type;
	n->text_type = text_type;
	n->bytes_type = bytes_type;
	*ret_names = steal(n);
	return 0;
}

struct cpython_names *cpython_names_free(struct cpython_names *n)
{
	if (!n)
		return NULL;
	name_cache_release(&n->codes);
	free(n);
	return NULL;
}

void cpython_names_trim(struct cpython_names *n)
{
	if (name_cache_full(&n->codes))
		name_cache_empty(&n->codes);
}

/* As the walker computes it: see enum walk_tag. */
int cpython_names_tag(const struct cpython_names *n, const uint8_t *object, uint32_t *ret)
{
	const struct cpython_offsets *o = n->o;
	uint32_t hash = 0, tag = 0, at;
	int r;

	if (o->code_version) {
		*ret = (uint32_t)word_at(object, o->code_version);
		return 0;
	}
	r = process_read_all(n->p, word_at(object, o->code_name) + CPYTHON_TEXT_HASH, &hash,
			     sizeof(hash));
	for (at = o->code_firstlineno; at <= o->code_lines; at += 8)
		tag = walk_tag_mix(tag, word_at(object, at));
	*ret = walk_tag_mix(tag, hash);
	return r;
}

/* Reads a string object; -EPROTO when it is none. */
static int read_text(const struct cpython_names *n, uint64_t addr, char **ret)
{
	cleanup(str_releasep) struct str text = { 0 };
	uint8_t head[CPYTHON_TEXT_STATE + 4], data[CPYTHON_NAME_MAX * 4];
	struct cpython_text_form form;
	uint64_t count;
	uint32_t state;
	int r = process_read_all(n->p, addr, head, sizeof(head));

	if (r < 0)
		return r;
	memcpy(&state, head + CPYTHON_TEXT_STATE, sizeof(state));
	count = word_at(head, CPYTHON_TEXT_LENGTH);
	if (word_at(head, CPYTHON_OB_TYPE) != n->text_type || !cpython_text_form(state, &form))
		return -EPROTO;
	if (count > CPYTHON_NAME_MAX)
		count = CPYTHON_NAME_MAX;
	r = process_read_all(n->p, addr + (form.ascii ? n->o->text_ascii : n->o->text_compact),
			     data, count * form.width);
	if (r == 0)
		r = cpython_text_add(&text, form, data, count);
	if (r < 0)
		return r;
	*ret = strdup(str_text(&text));
	return *ret ? 0 : -ENOMEM;
}

/* A line table that cannot be had costs the exact line only. */
static int read_lines(const struct cpython_names *n, uint64_t addr, struct cpython_code *code)
{
	uint8_t head[CPYTHON_BYTES_SIZE + 8];
	uint64_t size;
	int r = process_read_all(n->p, addr, head, sizeof(head));

	if (r < 0)
		return r;
	size = word_at(head, CPYTHON_BYTES_SIZE);
	if (word_at(head, CPYTHON_OB_TYPE) != n->bytes_type)
		return -EPROTO;
	if (!size || size > CPYTHON_LINES_MAX)
		return 0;
	code->lines = malloc(size);
	if (!code->lines)
		return -ENOMEM;
	code->n_lines = (uint32_t)size;
	return process_read_all(n->p, addr + CPYTHON_BYTES_DATA, code->lines, size);
}

/* Whether the count of references is one of a living object: that word of freed memory is the
 * allocator's, 0 or the address of the next free piece.  The upper 16 bits are flags in 3.14.
 * Objects that never die begin at 999999999 up to 3.11 and count on from there, or have bit 31. */
static bool is_alive(const uint8_t *object)
{
	uint64_t count = word_at(object, 0) & 0xffffffffffffull;

	return (count >= 1 && count < 1u << 20) ||
	       (count > 999999999 - (1u << 20) && count < 999999999 + (1u << 20)) ||
	       (count >= 1u << 31 && count <= UINT32_MAX);
}

static int read_object(const struct cpython_names *n, uint64_t addr, uint8_t *object)
{
	int r = process_read_all(n->p, addr, object, CPYTHON_CODE_MAX);

	/* the last object of a mapping ends before that many bytes */
	if (r == -EFAULT) {
		memset(object, 0, CPYTHON_CODE_MAX);
		r = process_read_all(n->p, addr, object, n->o->code_lines + 8);
	}
	if (r < 0)
		return r;
	return word_at(object, CPYTHON_OB_TYPE) == n->code_type && is_alive(object) ? 0 : -EPROTO;
}

static int read_strings(const struct cpython_names *n, const uint8_t *object,
			struct cpython_code *code)
{
	const struct cpython_offsets *o = n->o;
	_cleanup_free_ char *path = NULL;
	int r = read_text(n, word_at(object, o->code_qualname ? o->code_qualname : o->code_name),
			  &code->fn);

	if (r == 0)
		r = read_text(n, word_at(object, o->code_filename), &path);
	if (r == 0)
		r = read_lines(n, word_at(object, o->code_lines), code);
	if (r < 0)
		return r;
	code->file = strdup(path_shown(path, n->p->cwd));
	if (!code->file)
		return -ENOMEM;
	code->library = cpython_path_is_library(path, o->minor);
	/* _Py_InitCleanup, from 3.12 on below an __init__ that a specialized call entered: one
	 * string is its file and its name, and it has no line. */
	code->internal = word_at(object, o->code_filename) == word_at(object, o->code_name) &&
			 (uint32_t)word_at(object, o->code_firstlineno) == 0;
	code->coroutine = word_at(object, o->code_flags) & CPYTHON_CO_COROUTINE;
	code->first_line = (uint32_t)word_at(object, o->code_firstlineno);
	return 0;
}

/* Reads it all, then the identity again: what changed meanwhile is not what was read. */
static int read_code(const struct cpython_names *n, uint64_t addr, uint32_t tag,
		     struct cpython_code *code)
{
	uint8_t object[CPYTHON_CODE_MAX];
	uint32_t again = 0;
	int r = read_object(n, addr, object);

	if (r == 0)
		r = cpython_names_tag(n, object, &code->tag);
	if (r < 0)
		return r;
	if (tag && tag != code->tag)
		return -EPROTO;
	r = read_strings(n, object, code);
	if (r == 0)
		r = read_object(n, addr, object);
	if (r == 0)
		r = cpython_names_tag(n, object, &again);
	return r == 0 && again != code->tag ? -EPROTO : r;
}

static size_t weight(const struct cpython_code *c)
{
	return sizeof(*c) + c->n_lines + (c->fn ? strlen(c->fn) : 0) +
	       (c->file ? strlen(c->file) : 0);
}

int cpython_names_get(struct cpython_names *n, uint64_t addr, uint32_t tag,
		      const struct cpython_code **ret_code)
{
	const struct cpython_code *known = tag ? name_cache_find(&n->codes, addr, tag) : NULL;
	struct name_cache_entry e;
	struct cpython_code *code;
	int r;

	if (known) {
		*ret_code = known;
		return 0;
	}
	code = calloc(1, sizeof(*code));
	if (!code)
		return -ENOMEM;
	code->addr = addr;
	r = read_code(n, addr, tag, code);
	code->stale = r == -EPROTO;
	code->unread = r < 0 && !code->stale;
	e = (struct name_cache_entry){ addr, code->tag, r == 0, code };
	if (r == -ENOMEM || name_cache_add(&n->codes, &e, weight(code)) < 0) {
		code_free(code);
		return -ENOMEM;
	}
	*ret_code = code;
	return 0;
}

uint32_t cpython_names_line(const struct cpython_names *n, const struct cpython_code *code,
			    int32_t off)
{
	if (off < 0 || !code->lines)
		return code->first_line;
	return cpython_line(n->o->lines, code->lines, code->n_lines, code->first_line,
			    (uint32_t)off);
}
