/* v8.c: Node.js as a row of the table of runtimes; see runtime.h.
 *
 * Owns attach: find the file that holds V8, read its constants, fill the plan by which the kernel
 * side notes V8's frames; and what is shown of each such frame.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "runtime/v8_code.h"
#include "runtime/v8_names.h"

#define FP_COUNT -24 /* StandardFrameConstants::kArgCOffset since V8 9.2 */

struct runtime_session {
	struct process *p;
	struct v8_layout layout;
	struct v8_heap heap;
	struct v8_scripts *scripts;
	struct v8_names *names;
	const struct event_stack *stack; /* whose frames are named now */
	/* Of the frame named last: its function, and where it is. */
	const struct v8_function *function;
	struct v8_place places[V8_PLACES_MAX];
	size_t n_places, next;
};

static int read_process(const void *memory, uint64_t addr, void *buf, size_t len)
{
	return process_read_all(memory, addr, buf, len);
}

/* Files that can hold V8, by name: Debian's library, and the program itself. */
static bool is_candidate(const struct process *p, const struct mapping *m)
{
	const char *name = mapping_basename(m);

	return m->ino && m->path[0] == '/' &&
	       (str_starts(name, "libnode.so") || strcmp(m->path, p->exe) == 0);
}

/* 0; -ENOENT: no V8 in it; -EPROTO: one that is not supported, *ret_why says why. */
static int find_layout(const struct process *p, struct v8_layout *l, const char **ret_why)
{
	uint64_t dev = 0, ino = 0;
	size_t i;

	*ret_why = "";
	for (i = 0; i < p->maps.list.count; i++) {
		const struct mapping *m = &p->maps.list.items[i];
		struct elf_facts facts;
		int r;

		if (!is_candidate(p, m) || (m->ino == ino && m->dev == dev))
			continue;
		dev = m->dev;
		ino = m->ino;
		r = elf_query_mapping(p, m, v8_layout_names(), &facts);
		if (r == 0)
			r = v8_layout_read(l, facts.symbols, elf_facts_bias(&facts, p, m),
					   read_process, p, ret_why);
		if (r == 0 || r == -EPROTO || r == -ENOMEM)
			return r;
	}
	return -ENOENT;
}

static int detect(struct process *p)
{
	struct v8_layout l;
	const char *why;
	int r = find_layout(p, &l, &why);

	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOENT ? 0 : r;
	return 1;
}

static void fill_plan(const struct v8_layout *l, struct jit_plan *plan)
{
	const int32_t kinds[] = { l->frame_entry,    l->frame_construct_entry,
				  l->frame_exit,     l->frame_builtin_exit,
				  l->frame_internal, l->frame_construct,
				  l->frame_regexp };
	size_t i;

	*plan = (struct jit_plan){
		.enabled = 1,
		.fp_kind = (int16_t)l->fp_context,
		.fp_function = (int16_t)l->fp_function,
		.fp_count = FP_COUNT,
		.fp_off = (int16_t)l->fp_bytecode_off,
		.function_shared = (uint16_t)l->function_shared,
		.shared_words = (uint16_t)l->shared_name,
		.script_id = l->script_id,
		.scope_count = (uint16_t)(8 + 8 * l->scope_locals),
		.scope_variables = (uint16_t)(8 + 8 * l->scope_first),
		.name_hash = V8_STRING_HASH,
		.entry = l->entry,
		.handlers = l->handlers,
	};
	if (l->offset_register != 9)
		plan->handlers.end = 0;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i] > 0 && kinds[i] < JIT_KINDS)
			plan->kinds |= 1ull << kinds[i];
}

static void write_facts(const struct v8_layout *l, struct runtime_facts *facts)
{
	if (l->node[0])
		snprintf(facts->version, sizeof(facts->version), "%s", l->node);
	else
		snprintf(facts->version, sizeof(facts->version), "V8 %u.%u", l->version[0] % 1000,
			 l->version[1] % 1000);
	if (!l->hidden)
		snprintf(facts->why, sizeof(facts->why),
			 "lines of V8 %u.%u are not known, functions are named without them",
			 l->version[0], l->version[1]);
	facts->placed = true;
	fill_plan(l, &facts->jit);
}

static struct runtime_session *close_session(struct runtime_session *s)
{
	if (!s)
		return NULL;
	v8_names_free(s->names);
	v8_scripts_free(s->scripts);
	free(s);
	return NULL;
}

static int attach(struct process *p, struct runtime_facts *facts,
		  struct runtime_session **ret_session)
{
	struct runtime_session *s = calloc(1, sizeof(*s));
	const char *why = "";
	int r = s ? find_layout(p, &s->layout, &why) : -ENOMEM;

	memset(facts, 0, sizeof(*facts));
	if (r == 0) {
		s->p = p;
		v8_heap_init(&s->heap, &s->layout, read_process, p);
		r = v8_scripts_new(&s->heap, p->cwd, &s->scripts);
	}
	if (r == 0)
		r = v8_names_new(&s->heap, s->scripts, &s->names);
	if (r < 0) {
		snprintf(facts->why, sizeof(facts->why), "%s", *why ? why : strerror(-r));
		close_session(s);
		return r;
	}
	write_facts(&s->layout, facts);
	*ret_session = s;
	return 0;
}

static void begin(struct runtime_session *s, const struct event_stack *stack)
{
	s->stack = stack;
	v8_heap_begin_stack(&s->heap);
	v8_names_trim(s->names);
}

/* Frames that V8 puts between others to change from native code to its own and back; code for a
 * regular expression has no function. */
static int name_kind(const struct runtime_session *s, uint64_t kind, struct chunk_frame *f)
{
	const struct v8_layout *l = &s->layout;

	if (l->frame_regexp && kind == (uint64_t)l->frame_regexp) {
		f->fn = "[regexp]";
		f->flags = FRAME_LIBRARY;
		return 0;
	}
	return -ENODATA;
}

/* The address in the frame's code; 0: not known. */
static uint64_t place_of(const struct runtime_session *s, const struct interp_frame *frame)
{
	if (!s->stack || frame->tag >= s->stack->n_user)
		return 0;
	return USER_ADDRESS(s->stack->user[frame->tag]);
}

/* Fills s->places for a frame of code that V8 compiled. */
static void find_places(struct runtime_session *s, const struct interp_frame *frame,
			const struct v8_function *f)
{
	uint64_t place = place_of(s, frame);
	const struct mapping *m = place ? maps_find(&s->p->maps, place) : NULL;

	/* V8's own code lies in a file, what it compiles does not */
	if (frame->off >= 0 || !place || (m && m->path[0] == '/'))
		return;
	s->n_places = v8_code_places(&s->heap, s->names, f, place,
				     frame->tag && !(s->stack->user[frame->tag] & USER_EXACT),
				     s->places);
}

static void show(const struct v8_function *f, uint32_t line, struct chunk_frame *ret_frame)
{
	*ret_frame = (struct chunk_frame){ .kind = FRAME_JS, .fn = "", .file = "", .module = "" };
	if (f->unread || f->moved) {
		ret_frame->fn = f->unread ? "<unknown>" : "<moved>";
		ret_frame->flags = f->moved ? FRAME_STALE : 0;
		return;
	}
	ret_frame->fn = f->fn;
	if (f->script) {
		ret_frame->file = f->script->file;
		ret_frame->line = line;
	}
	if (!f->script || f->script->library)
		ret_frame->flags = FRAME_LIBRARY;
}

/* The next one of s->places. */
static int name_place(struct runtime_session *s, struct chunk_frame *ret_frame)
{
	const struct v8_place *at = &s->places[s->next++];
	const struct v8_function *f = s->function;
	int r = at->shared ? v8_names_get(s->names, at->shared, 0, &f) : 0;

	if (r < 0)
		return r;
	show(f, v8_names_line_at(s->names, f, at->at), ret_frame);
	if (at->shared)
		ret_frame->flags |= FRAME_INLINED;
	return 0;
}

static int name_outer(struct runtime_session *s, struct chunk_frame *ret_frame)
{
	return s->next < s->n_places ? name_place(s, ret_frame) : -ENOENT;
}

static int name_frame(struct runtime_session *s, const struct interp_frame *frame,
		      struct chunk_frame *ret_frame)
{
	const struct v8_function *f;
	uint32_t line;
	int r;

	s->n_places = s->next = 0;
	*ret_frame = (struct chunk_frame){ .kind = FRAME_JS, .fn = "", .file = "", .module = "" };
	v8_heap_begin(&s->heap);
	if (!(frame->code & 1))
		return name_kind(s, JIT_CODE(frame->code) >> 1, ret_frame);
	/* by now another may be there, and nothing tells */
	if (!JIT_COOKIE(frame->code)) {
		ret_frame->fn = "<unknown>";
		return 0;
	}
	r = v8_names_get(s->names, JIT_CODE(frame->code), JIT_COOKIE(frame->code), &f);
	if (r < 0)
		return r;
	s->function = f;
	find_places(s, frame, f);
	if (s->n_places)
		return name_place(s, ret_frame);
	line = v8_names_line(s->names, f, frame->off);
	/* optimised code that runs itself has rows for its calls only */
	show(f, line ? line : v8_names_only_line(s->names, f), ret_frame);
	return 0;
}

const struct runtime runtime_v8 = {
	.name = "node",
	.detect = detect,
	.attach = attach,
	.begin = begin,
	.name_frame = name_frame,
	.name_outer = name_outer,
	.close = close_session,
};
