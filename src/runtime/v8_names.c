/* v8_names.c: see v8_names.h. */
#include "runtime/v8_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "bpf/control.h"
#include "runtime/name_cache.h"

#define SCOPE_SLOTS 16 /* looked at behind the variables of a scope */
#define LOCALS_MAX  65536

/* A line that was found. */
struct line {
	const struct v8_function *function;
	uint64_t code;
	int32_t off;
	uint32_t line;
};

struct v8_names {
	struct v8_heap *h;
	struct v8_scripts *scripts;
	struct name_cache functions;
	struct line lines[V8_LINES_CACHED];
};

static void function_free(void *function)
{
	struct v8_function *f = function;

	free(f->fn);
	free(f);
}

int v8_names_new(struct v8_heap *h, struct v8_scripts *scripts, struct v8_names **ret_names)
{
	cleanup(v8_names_freep) struct v8_names *n = calloc(1, sizeof(*n));

	if (!n || name_cache_init(&n->functions, function_free) < 0)
		return -ENOMEM;
	n->h = h;
	n->scripts = scripts;
	*ret_names = steal(n);
	return 0;
}

struct v8_names *v8_names_free(struct v8_names *n)
{
	if (!n)
		return NULL;
	name_cache_release(&n->functions);
	free(n);
	return NULL;
}

void v8_names_trim(struct v8_names *n)
{
	if (!name_cache_full(&n->functions) && !v8_scripts_full(n->scripts))
		return;
	name_cache_empty(&n->functions);
	memset(n->lines, 0, sizeof(n->lines));
	v8_scripts_empty(n->scripts);
}

/* The name that V8 inferred from what the function was assigned to tells more than its own where it
 * ends in that: "shop.cart.add". */
static int prefer_inferred(struct v8_names *n, uint64_t slot, struct str *text)
{
	cleanup(str_releasep) struct str inferred = { 0 };
	size_t len = text->len;
	int r;

	if (!v8_is_string(n->h, slot))
		return 0;
	r = v8_string_add(n->h, slot, V8_NAME_MAX, &inferred);
	if (r < 0 || inferred.len <= len + 1 || inferred.len >= V8_NAME_MAX ||
	    !str_ends(inferred.text, text->text) || inferred.text[inferred.len - len - 1] != '.')
		return r;
	str_clear(text);
	return str_add(text, inferred.text);
}

/* The first string at or behind a slot of a scope, up to the end of the object: the next one begins
 * with its map.  The function's own name comes first, with a number behind it, then the one that V8
 * inferred. */
static int name_in_slots(struct v8_names *n, uint64_t at, struct str *text)
{
	uint64_t slots[SCOPE_SLOTS];
	const struct v8_layout *l = n->h->l;
	size_t i, count = SCOPE_SLOTS;
	int r = v8_heap_read(n->h, at, slots, sizeof(slots));

	/* the last object of a page ends before that many */
	if (r == -EFAULT) {
		count = 5;
		r = v8_heap_read(n->h, at, slots, count * 8);
	}
	for (i = 0; r == 0 && i < count && !text->len; i++) {
		uint32_t type = v8_type(n->h, slots[i]);

		if (type == (uint32_t)l->type_map || type == (uint32_t)l->type_scope)
			break;
		if (!v8_is_settled(n->h, slots[i]))
			r = -EPROTO;
		if (type < (uint32_t)l->not_string)
			r = v8_string_add(n->h, slots[i], V8_NAME_MAX, text);
		if (r == 0 && text->len && i + 2 < count)
			r = prefer_inferred(n, slots[i + 2], text);
	}
	return r;
}

static int read_scope_name(struct v8_names *n, uint64_t scope, struct str *text)
{
	const struct v8_layout *l = n->h->l;
	uint64_t at = v8_address(scope) + 8, locals, first;
	int r = v8_heap_word(n->h, at + 8ull * (uint32_t)l->scope_locals, &locals);

	if (r < 0)
		return r;
	if (!v8_is_smi(locals) || v8_smi(locals) < 0 || v8_smi(locals) > LOCALS_MAX)
		return -EPROTO;
	at += 8ull * (uint32_t)l->scope_first;
	if (v8_smi(locals) >= JIT_VARIABLES_MAX) {
		r = v8_heap_word(n->h, at, &first);
		if (r < 0)
			return r;
		if (v8_type(n->h, first) >= (uint32_t)l->not_string)
			return name_in_slots(n, at + 8 + 8ull * (uint32_t)v8_smi(locals), text);
	}
	return name_in_slots(n, at + 16ull * (uint32_t)v8_smi(locals), text);
}

/* As V8 itself says, but for the code of a file outside of every function: "<module>". */
static const char *name_of_nameless(const struct v8_function *f, uint32_t literal)
{
	if (f->script && f->script->evaluated)
		return "eval";
	return f->script && literal <= f->script->wrapped ? "<module>" : "<anonymous>";
}

static int read_name(struct v8_names *n, struct v8_function *f, uint32_t literal)
{
	cleanup(str_releasep) struct str text = { 0 };
	const struct v8_layout *l = n->h->l;
	int r = 0;

	if (v8_type(n->h, f->words[0]) == (uint32_t)l->type_scope)
		r = read_scope_name(n, f->words[0], &text);
	else if (v8_is_string(n->h, f->words[0]))
		r = v8_string_add(n->h, f->words[0], V8_NAME_MAX, &text);
	else if (v8_is_object(f->words[0])) /* it was dropped, or is being moved */
		r = -EPROTO;
	if (r == 0 && !text.len)
		r = str_add(&text, name_of_nameless(f, literal));
	if (r < 0)
		return r;
	f->fn = text.text;
	text.text = NULL;
	return 0;
}

/* What a frame's object is, read in one piece. */
struct shared {
	uint64_t words[3];
	uint16_t cookie;
	uint32_t literal; /* which function of its script it is */
};

/* As the walker does, whatever stands in the script's place. */
static int read_script_id(struct v8_names *n, uint64_t script, uint64_t *ret_id)
{
	*ret_id = 0;
	if (!n->h->l->script_id || !v8_is_object(script))
		return 0;
	return v8_heap_word(n->h, v8_address(script) + n->h->l->script_id, ret_id);
}

/* As the walker does, whatever stands in the scope's place; 0: not there. */
static uint64_t read_name_hash(struct v8_names *n, uint64_t scope)
{
	const struct v8_layout *l = n->h->l;
	uint64_t at = v8_address(scope) + 8, count, slots[JIT_NAME_SLOTS], name;
	size_t i;

	if (!v8_is_object(scope) ||
	    v8_heap_word(n->h, at + 8ull * (uint32_t)l->scope_locals, &count) < 0 ||
	    !v8_is_smi(count) || count >> 32 >= JIT_VARIABLES_MAX ||
	    v8_heap_read(n->h, at + 8ull * (uint32_t)l->scope_first + 16 * (count >> 32), slots,
			 sizeof(slots)) < 0)
		return 0;
	for (i = 0; i < JIT_NAME_SLOTS; i++)
		if (v8_is_object(slots[i]) &&
		    v8_heap_word(n->h, v8_address(slots[i]) + V8_STRING_HASH, &name) == 0 &&
		    JIT_IS_NAME(name))
			return name;
	return 0;
}

static int read_shared(struct v8_names *n, uint64_t object, struct shared *ret)
{
	const struct v8_layout *l = n->h->l;
	uint64_t at = v8_address(object), id = 0;
	struct jit_shared s;
	int r;

	if (v8_type(n->h, object) != (uint32_t)l->type_shared)
		return n->h->gone ? -ESRCH : -EPROTO;
	r = v8_heap_read(n->h, at + (uint64_t)l->shared_name, &s, sizeof(s));
	/* the same place in all versions known: right behind the map */
	if (r == 0)
		r = v8_heap_word(n->h, at + 8, &ret->words[2]);
	if (r == 0)
		r = read_script_id(n, s.script, &id);
	if (r < 0)
		return r;
	ret->words[0] = s.scope;
	ret->words[1] = s.script;
	ret->cookie = jit_cookie(s.ids, id, read_name_hash(n, s.scope));
	ret->literal = (uint32_t)(s.ids[1] >> 32);
	return 0;
}

static int read_function(struct v8_names *n, struct v8_function *f, const struct shared *s)
{
	int r = 0;

	memcpy(f->words, s->words, sizeof(f->words));
	f->builtin = v8_is_smi(s->words[2]);
	if (!f->builtin)
		r = v8_scripts_get(n->scripts, s->words[1], &f->script);
	/* a function under a debugger has something else in the script's place */
	if (r == -EPROTO && v8_is_settled(n->h, s->words[1]))
		r = 0;
	return r < 0 ? r : read_name(n, f, s->literal);
}

static bool is_same(const struct v8_function *f, const struct shared *s)
{
	return memcmp(f->words, s->words, sizeof(f->words)) == 0 &&
	       (!f->cookie || f->cookie == s->cookie);
}

/* Reads it all, then the object again: what changed meanwhile is not what was read. */
static int read_whole(struct v8_names *n, struct v8_function *f, const struct shared *s)
{
	struct shared again;
	int r = read_function(n, f, s);

	if (r == 0)
		r = read_shared(n, f->shared, &again);
	if (r == 0 && !is_same(f, &again))
		r = -EPROTO;
	return r;
}

int v8_names_get(struct v8_names *n, uint64_t shared, uint16_t cookie,
		 const struct v8_function **ret_function)
{
	const struct v8_function *known;
	struct name_cache_entry e;
	struct shared s;
	struct v8_function *f;
	int r = read_shared(n, shared, &s);

	/* what is there now is all that is known of it */
	if (!cookie && r == 0)
		cookie = s.cookie;
	known = cookie ? name_cache_find(&n->functions, shared, cookie) : NULL;
	if (known && (r == -ESRCH || (r == 0 && is_same(known, &s)))) {
		*ret_function = known;
		return 0;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->shared = shared;
	f->cookie = cookie;
	if (r == 0 && cookie && cookie != s.cookie)
		r = -EPROTO;
	if (r == 0)
		r = read_whole(n, f, &s);
	f->moved = r == -EPROTO;
	f->unread = r < 0 && !f->moved;
	e = (struct name_cache_entry){ shared, cookie, r == 0, f };
	if (r == -ENOMEM || name_cache_add(&n->functions, &e, 0) < 0) {
		function_free(f);
		return -ENOMEM;
	}
	*ret_function = f;
	return 0;
}

int v8_names_bytecode(struct v8_names *n, const struct v8_function *f, uint64_t *ret_bytecode)
{
	const struct v8_layout *l = n->h->l;
	uint64_t word = f->words[2];
	int r = 0;

	if (!l->hidden)
		return -EPROTO;
	if (v8_type(n->h, word) == (uint32_t)l->type_code)
		r = v8_field(n->h, word, l->type_code, l->hidden->code_bytecode, &word);
	if (r < 0)
		return r;
	if (v8_type(n->h, word) != (uint32_t)l->type_bytecode)
		return -EPROTO;
	*ret_bytecode = word;
	return 0;
}

bool v8_position_in(struct v8_heap *h, uint64_t table, int32_t offset, struct v8_position *ret)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	uint32_t len;

	return v8_bytes(h, table, &bytes, &len) == 0 && v8_position_find(bytes, len, offset, ret);
}

/* An evaluated text goes with its functions, and another one may be there by now: before the
 * parameters of the function stands its name.  True also of one that has none. */
static bool is_in_text(struct v8_names *n, const struct v8_function *f)
{
	const struct v8_layout *l = n->h->l;
	const char *dot = strrchr(f->fn, '.'), *name = dot ? dot + 1 : f->fn;
	struct v8_position p;
	uint64_t bytecode, table, source;

	if (strcmp(name, "eval") == 0 || *name == '<')
		return true;
	if (v8_names_bytecode(n, f, &bytecode) < 0 ||
	    v8_field(n->h, bytecode, l->type_bytecode, l->hidden->bytecode_positions, &table) < 0 ||
	    !v8_position_in(n->h, table, -1, &p) ||
	    v8_field(n->h, f->words[1], l->type_script, l->script_source, &source) < 0)
		return false;
	return v8_string_has_before(n->h, source, (uint32_t)p.at, name);
}

uint32_t v8_names_line_at(struct v8_names *n, const struct v8_function *f, int32_t at)
{
	if (!f->script || (f->script->evaluated && !is_in_text(n, f)))
		return 0;
	return v8_scripts_line(n->scripts, f->script, at);
}

static uint32_t find_line(struct v8_names *n, const struct v8_function *f, int32_t raw_offset)
{
	const struct v8_layout *l = n->h->l;
	/* the frame counts from the tagged pointer to the bytecode */
	int32_t offset = raw_offset - (l->bytecode_data - 1);
	uint64_t bytecode, table, length;
	struct v8_position p;

	if (offset < 0 || v8_names_bytecode(n, f, &bytecode) < 0 ||
	    v8_field(n->h, bytecode, l->type_bytecode, l->array_length, &length) < 0 ||
	    !v8_is_smi(length) || offset >= v8_smi(length) ||
	    v8_field(n->h, bytecode, l->type_bytecode, l->hidden->bytecode_positions, &table) < 0)
		return 0;
	return v8_position_in(n->h, table, offset, &p) ? v8_names_line_at(n, f, p.at) : 0;
}

uint32_t v8_names_only_line(struct v8_names *n, const struct v8_function *f)
{
	const struct v8_layout *l = n->h->l;
	_cleanup_free_ uint8_t *bytes = NULL;
	uint64_t bytecode, table;
	int32_t first, last;
	uint32_t len, line;

	if (f->moved || f->unread || !f->script || v8_names_bytecode(n, f, &bytecode) < 0 ||
	    v8_field(n->h, bytecode, l->type_bytecode, l->hidden->bytecode_positions, &table) < 0 ||
	    v8_bytes(n->h, table, &bytes, &len) < 0 ||
	    !v8_position_range(bytes, len, &first, &last))
		return 0;
	line = v8_names_line_at(n, f, first);
	return line == v8_names_line_at(n, f, last) ? line : 0;
}

uint32_t v8_names_line(struct v8_names *n, const struct v8_function *f, int32_t raw_offset)
{
	struct line *known =
		&n->lines[(f->shared / 8 + (uint32_t)raw_offset * 7919u) % V8_LINES_CACHED];
	uint32_t line;

	if (raw_offset < 0 || f->moved || f->unread || !f->script)
		return 0;
	if (known->function == f && known->off == raw_offset && known->code == f->words[2])
		return known->line;
	line = find_line(n, f, raw_offset);
	if (line)
		*known = (struct line){ f, f->words[2], raw_offset, line };
	return line;
}
