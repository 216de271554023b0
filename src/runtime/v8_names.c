/* v8_names.c: see v8_names.h. */
#include "runtime/v8_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "bpf/control.h"

#define SLOTS	    16384 /* of the hash table, a power of two */
#define ENTRIES_MAX 8192
#define SCOPE_SLOTS 16 /* looked at behind the variables of a scope */
#define INLINE_MAX  75 /* more local variables have a table of their own (scope-info.h) */
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
	struct v8_function **slots;
	VEC(struct v8_function *) list; /* all of them, also those that are in no slot */
	struct line lines[V8_LINES_CACHED];
};

int v8_names_new(struct v8_heap *h, struct v8_scripts *scripts, struct v8_names **ret_names)
{
	struct v8_names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->slots = calloc(SLOTS, sizeof(struct v8_function *));
	if (!n->slots) {
		free(n);
		return -ENOMEM;
	}
	n->h = h;
	n->scripts = scripts;
	*ret_names = n;
	return 0;
}

static void function_free(struct v8_function *f)
{
	free(f->fn);
	free(f);
}

static void empty(struct v8_names *n)
{
	size_t i;

	for (i = 0; i < n->list.count; i++)
		function_free(n->list.items[i]);
	n->list.count = 0;
	memset(n->slots, 0, SLOTS * sizeof(struct v8_function *));
	memset(n->lines, 0, sizeof(n->lines));
	v8_scripts_empty(n->scripts);
}

struct v8_names *v8_names_free(struct v8_names *n)
{
	if (!n)
		return NULL;
	empty(n);
	vec_release(&n->list);
	free(n->slots);
	free(n);
	return NULL;
}

void v8_names_trim(struct v8_names *n)
{
	if (n->list.count > ENTRIES_MAX || v8_scripts_full(n->scripts))
		empty(n);
}

/* The first string at or behind a slot of a scope, up to the end of the object: the next one begins
 * with its map.  The function's own name comes first, then one that V8 inferred from what the
 * function was assigned to. */
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
		if (type < (uint32_t)l->not_string)
			r = v8_string_add(n->h, slots[i], V8_NAME_MAX, text);
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
	if (v8_smi(locals) >= INLINE_MAX) {
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

static int read_shared(struct v8_names *n, uint64_t object, struct shared *ret)
{
	const struct v8_layout *l = n->h->l;
	uint64_t at = v8_address(object), ids[2];
	int r;

	if (v8_type(n->h, object) != (uint32_t)l->type_shared)
		return n->h->gone ? -ESRCH : -EPROTO;
	r = v8_heap_word(n->h, at + (uint64_t)l->shared_name, &ret->words[0]);
	if (r == 0)
		r = v8_heap_word(n->h, at + (uint64_t)l->shared_script, &ret->words[1]);
	/* the same place in all versions known: right behind the map */
	if (r == 0)
		r = v8_heap_word(n->h, at + 8, &ret->words[2]);
	if (r == 0)
		r = v8_heap_read(n->h, at + (uint64_t)l->shared_length, ids, sizeof(ids));
	if (r < 0)
		return r;
	ret->cookie = jit_cookie(ids[0], ids[1]);
	ret->literal = (uint32_t)(ids[1] >> 32);
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
	if (r == -EPROTO)
		r = 0;
	return r < 0 ? r : read_name(n, f, s->literal);
}

static size_t slot_of(uint64_t shared, uint16_t cookie)
{
	uint64_t hash = (shared ^ (uint64_t)cookie << 48) * 0x9e3779b97f4a7c15ull;

	return hash >> 50; /* the upper 14 bits: SLOTS */
}

static void insert(struct v8_names *n, struct v8_function *f)
{
	size_t at = slot_of(f->shared, f->cookie);

	if (n->list.count >= SLOTS / 2 + STACK_PYTHON_MAX) /* only between two trims */
		return;
	while (n->slots[at])
		at = (at + 1) % SLOTS;
	n->slots[at] = f;
}

/* The newest that is like it: an object that changed was read again and stands behind. */
static const struct v8_function *find(const struct v8_names *n, uint64_t shared, uint16_t cookie)
{
	const struct v8_function *last = NULL;
	size_t at;

	for (at = slot_of(shared, cookie); n->slots[at]; at = (at + 1) % SLOTS)
		if (n->slots[at]->shared == shared && n->slots[at]->cookie == cookie)
			last = n->slots[at];
	return last;
}

static bool is_same(const struct v8_function *f, const struct shared *s)
{
	return memcmp(f->words, s->words, sizeof(f->words)) == 0 &&
	       (!f->cookie || f->cookie == s->cookie);
}

int v8_names_get(struct v8_names *n, uint64_t shared, uint16_t cookie,
		 const struct v8_function **ret_function)
{
	const struct v8_function *known;
	struct shared s;
	struct v8_function *f;
	int r = read_shared(n, shared, &s);

	/* what is there now is all that is known of it */
	if (!cookie && r == 0)
		cookie = s.cookie;
	known = cookie ? find(n, shared, cookie) : NULL;
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
		r = read_function(n, f, &s);
	f->moved = r == -EPROTO;
	f->unread = r < 0 && !f->moved;
	if (r == -ENOMEM || vec_add(&n->list, f) < 0) {
		function_free(f);
		return -ENOMEM;
	}
	if (r == 0)
		insert(n, f);
	*ret_function = f;
	return 0;
}

int v8_bytes(struct v8_heap *h, uint64_t array, uint8_t **ret_bytes, uint32_t *ret_len)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	uint32_t len;
	int r = v8_array_length(h, array, V8_TABLE_MAX, &len);

	if (r < 0)
		return r;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	if (len)
		r = v8_heap_read(h, v8_address(array) + (uint64_t)h->l->array_data, bytes, len);
	if (r < 0)
		return r;
	*ret_len = len;
	*ret_bytes = steal(bytes);
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

uint32_t v8_names_line_at(struct v8_names *n, const struct v8_function *f, int32_t at)
{
	return f->script ? v8_scripts_line(n->scripts, f->script, at) : 0;
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

uint32_t v8_names_line(struct v8_names *n, const struct v8_function *f, int32_t raw_offset)
{
	struct line *known =
		&n->lines[slot_of(f->shared + (uint32_t)raw_offset * 8u, 0) % V8_LINES_CACHED];
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
