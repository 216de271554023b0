/* v8_layout.c: see v8_layout.h. */
#include "runtime/v8_layout.h"

#include <errno.h>
#include <string.h>

#define PREFIX	"v8dbg_"
#define VERSION "_ZN2v88internal7Version6"

enum {
	N_MAJOR,
	N_MINOR,
	N_BUILD,
	N_SIZES,
	N_FIRST,
	N_LAST,
	N_ENTRY,
	N_RETURN,
	N_RETURN_2,
	N_METADATA,
	N_CONSTANTS
};

static const char *const names[] = {
	[N_MAJOR] = VERSION "major_E",
	[N_MINOR] = VERSION "minor_E",
	[N_BUILD] = VERSION "build_E",
	[N_SIZES] = "_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE",
	/* the first and the last handler of a bytecode; what lies between are handlers, too */
	[N_FIRST] = "Builtins_WideHandler",
	[N_LAST] = "Builtins_AbortExtraWideHandler",
	/* the first and the last of what a function calls from; a frame that was optimised once
	 * returns to the last */
	[N_ENTRY] = "Builtins_InterpreterEntryTrampoline",
	[N_RETURN] = "Builtins_BaselineOrInterpreterEnterAtNextBytecode",
	[N_RETURN_2] = "Builtins_InterpreterEnterAtNextBytecode",
	/* begins with a std::string, the version */
	[N_METADATA] = "_ZN4node11per_process8metadataE",
#define X(field, needed, name) PREFIX name,
	V8_CONSTANTS(X)
#undef X
#define X(field, name) PREFIX name,
		V8_OTHER_NAMES(X)
#undef X
			NULL,
};

struct row {
	size_t field;
	bool needed;
};

/* In the order of the names, from N_CONSTANTS on. */
static const struct row rows[] = {
#define X(field, needed, name) { offsetof(struct v8_layout, field), needed },
	V8_CONSTANTS(X)
#undef X
#define X(field, name) { offsetof(struct v8_layout, field), false },
		V8_OTHER_NAMES(X)
#undef X
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* V8 of Node.js 18, 20, 22 and 24.  Between them it changes with every minor version. */
static const struct v8_private hidden[] = {
	{ .major = 10,
	  .minor = 2,
	  .shared_data = 8,
	  .bytecode_positions = 32,
	  .code_bytecode = 16,
	  .code_positions = 24,
	  .inlined_at = 7,
	  .inlined_functions = 2,
	  .code_flags = 48,
	  .code_size = 40,
	  .header = 128 },
	{ .major = 11,
	  .minor = 3,
	  .shared_data = 8,
	  .bytecode_positions = 32,
	  .code_bytecode = 16,
	  .code_positions = 24,
	  .inlined_at = 7,
	  .inlined_functions = 2,
	  .code_start = 40,
	  .code_flags = 48,
	  .code_size = 56,
	  .header = 16,
	  .code = 8 },
	{ .major = 12,
	  .minor = 4,
	  .shared_data = 8,
	  .bytecode_positions = 24,
	  .code_bytecode = 8,
	  .code_positions = 16,
	  .inlined_at = 7,
	  .inlined_functions = 2,
	  .code_start = 40,
	  .code_flags = 48,
	  .code_size = 52,
	  .header = 32,
	  .code = 8 },
	{ .major = 13,
	  .minor = 6,
	  .shared_data = 8,
	  .bytecode_positions = 24,
	  .code_bytecode = 8,
	  .code_positions = 16,
	  .inlined_at = 8,
	  .inlined_functions = 3,
	  .code_start = 40,
	  .code_flags = 52,
	  .code_size = 56,
	  .header = 32,
	  .code = 8 },
};

struct source {
	uint64_t bias;
	v8_read_fn *read;
	const void *memory;
};

const char *const *v8_layout_names(void)
{
	return names;
}

static int read_at(const struct source *s, const struct elf_symbol *symbol, void *buf, size_t len)
{
	return s->read(s->memory, s->bias + symbol->value, buf, len);
}

/* 0; -EPROTO: a constant that is needed is not there. */
static int read_constants(struct v8_layout *l, const struct elf_symbol *symbols,
			  const struct source *s)
{
	bool found[sizeof(*l)] = { false }; /* by field */
	size_t i;
	int r;

	for (i = 0; i < ROWS; i++) {
		const struct elf_symbol *symbol = &symbols[N_CONSTANTS + i];
		int32_t *field = (int32_t *)((char *)l + rows[i].field);

		if (!symbol->value || found[rows[i].field])
			continue;
		r = read_at(s, symbol, field, sizeof(*field));
		if (r < 0)
			return r;
		found[rows[i].field] = true;
	}
	for (i = 0; i < ROWS; i++)
		if (rows[i].needed && !found[rows[i].field])
			return -EPROTO;
	return 0;
}

/* Offsets that lead out of an object mean a binary that is not what it claims. */
static bool is_sane(const struct v8_layout *l)
{
	size_t i;

	for (i = 0; i < ROWS; i++) {
		int32_t value = *(const int32_t *)((const char *)l + rows[i].field);

		if (value < -512 || value > 8192)
			return false;
	}
	return l->fp_context < 0 && l->fp_function < 0 && l->fp_bytecode_off < 0 &&
	       l->fp_bytecode_off % 8 == 0 && l->fp_context % 8 == 0 && l->fp_function % 8 == 0 &&
	       l->object_map == 0 && l->shared_length > 0 &&
	       l->shared_flags == l->shared_length + 8 && l->array_data > 0 &&
	       /* as struct jit_shared has them, in all versions known */
	       l->shared_name > 0 && l->shared_script == l->shared_name + 16 &&
	       l->shared_length == l->shared_script + 8 && l->string_length == V8_STRING_HASH + 4 &&
	       l->bytecode_data > 0 && l->scope_first > 0 && l->scope_locals >= 0;
}

static void read_version(struct v8_layout *l, const struct elf_symbol *symbols,
			 const struct source *s)
{
	size_t i;

	for (i = 0; i < 3; i++)
		if (!symbols[N_MAJOR + i].value ||
		    read_at(s, &symbols[N_MAJOR + i], &l->version[i], 4) < 0)
			l->version[i] = 0;
	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (hidden[i].major == l->version[0] && hidden[i].minor == l->version[1])
			l->hidden = &hidden[i];
}

static void read_sizes(struct v8_layout *l, const struct elf_symbol *symbol, const struct source *s)
{
	uint8_t all[3 * V8_BYTECODES_MAX];
	uint64_t n = symbol->size / 3, i;

	if (!symbol->value || !n || n > V8_BYTECODES_MAX || symbol->size % 3 ||
	    read_at(s, symbol, all, symbol->size) < 0)
		return;
	for (i = 0; i < symbol->size; i++)
		l->bytecode_sizes[i / n][i % n] = all[i];
	l->n_bytecodes = (uint32_t)n;
}

/* "20.20.2" */
static void read_node(struct v8_layout *l, const struct elf_symbol *symbol, const struct source *s)
{
	uint64_t string[2]; /* where it is, how long */
	char text[V8_VERSION_MAX] = "";

	if (!symbol->value || read_at(s, symbol, string, sizeof(string)) < 0 || !string[1] ||
	    string[1] >= sizeof(text) || s->read(s->memory, string[0], text, string[1]) < 0 ||
	    strspn(text, "0123456789.") != string[1])
		return;
	memcpy(l->node, text, sizeof(text));
}

static struct jit_code code_between(const struct elf_symbol *first, const struct elf_symbol *last)
{
	if (!first->value || last->value < first->value)
		return (struct jit_code){ 0 };
	return (struct jit_code){ first->value, last->value + last->size };
}

int v8_layout_read(struct v8_layout *l, const struct elf_symbol *symbols, uint64_t bias,
		   v8_read_fn *read, const void *memory, const char **ret_why)
{
	const struct source s = { .bias = bias, .read = read, .memory = memory };
	int r;

	memset(l, 0, sizeof(*l));
	*ret_why = "";
	if (!symbols[N_CONSTANTS].value)
		return -ENOENT;
	r = read_constants(l, symbols, &s);
	if (r == -EPROTO || (r == 0 && !is_sane(l))) {
		*ret_why = "this build of V8 is not a known one";
		return -EPROTO;
	}
	if (r < 0)
		return r;
	if (l->tagged_size != 8 || l->smi_shift != 31) {
		*ret_why = "V8 with compressed pointers is not supported";
		return -EPROTO;
	}
	/* the id has its place between these two, since 2014 */
	if (l->script_eval_from == l->script_line_ends + 16)
		l->script_id = (uint16_t)(l->script_line_ends + 8);
	read_version(l, symbols, &s);
	read_sizes(l, &symbols[N_SIZES], &s);
	read_node(l, &symbols[N_METADATA], &s);
	l->handlers = code_between(&symbols[N_FIRST], &symbols[N_LAST]);
	l->entry = code_between(&symbols[N_ENTRY], &symbols[N_RETURN]);
	if (!l->entry.end)
		l->entry = code_between(&symbols[N_ENTRY], &symbols[N_RETURN_2]);
	return 0;
}
