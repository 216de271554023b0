/* resolver_frames.c: from the raw parts of one stack to its frames, named and in order.
 *
 * Owns which frames are shown and what each native one is to the interpreter; the order of the two
 * is resolver_merge.h's.
 */
#include "runtime/resolver_state.h"

#include <errno.h>
#include <string.h>

#include "runtime/path.h"
#include "runtime/resolver_merge.h"
#include "target/native.h"

#define PROBE_FRAMES_MAX 8 /* how deep a probe is looked for */

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

/* The program that runs is the user's, wherever it lies. */
static bool is_library(const struct process *p, const char *path)
{
	return strcmp(path, p->exe) != 0 && path_is_installed(path, p->root);
}

/* A return address belongs to the call before it, which may be the last instruction of its
 * function.  The innermost frame and one that a signal interrupted have the instruction itself. */
static uint64_t place_of(const struct event_stack *stack, size_t i)
{
	uint64_t addr = USER_ADDRESS(stack->user[i]);

	return i == 0 || stack->user[i] & USER_EXACT ? addr : addr - 1;
}

/* No tables were there: everything but the innermost frame was found by frame pointer. */
static bool by_pointer_only(const struct event_stack *stack)
{
	return stack->user_stop == UNWIND_STOP_KERNEL || stack->user_stop == UNWIND_STOP_BUSY;
}

static bool is_guessed(const struct event_stack *stack, size_t i)
{
	return i && (stack->user[i] & USER_GUESSED || by_pointer_only(stack));
}

/* What stands in the concrete function that `like` is, innermost first; all of it or nothing. */
static void add_inlined(struct resolver *r, const struct chunk_frame *inlined, size_t count,
			const struct chunk_frame *like)
{
	size_t i;

	if (count > RESOLVER_INLINED_MAX - r->inlined)
		return;
	for (i = 0; i < count; i++) {
		struct chunk_frame *f = add_frame(r, FRAME_NATIVE);

		if (!f)
			return;
		*f = inlined[i];
		f->flags |= like->flags;
		f->module = like->module;
		f->path = like->path;
		if (!*f->file)
			f->file = like->file;
		r->inlined++;
	}
}

/* What CHUNK_STACK_LINES calls a frame: inlined ones are not counted, for more of them may be found
 * by then. */
static uint32_t number_of(const struct resolver *r, const struct chunk_frame *frame)
{
	const struct chunk_frame *f;
	uint32_t n = 0;

	for (f = r->frames; f < frame; f++)
		n += f->kind == FRAME_NATIVE && !(f->flags & FRAME_INLINED);
	return n;
}

/* What has no lines yet; f: the frame, like: what the functions inlined there share with it. */
static void add_late(struct resolver *r, const struct chunk_frame *f,
		     const struct chunk_frame *like, const struct native_place *place,
		     enum lines_state state)
{
	struct late_frame late = {
		.place = *place,
		.frame = number_of(r, f),
		.flags = like->flags,
		.nameless = !*f->fn,
	};

	if (state == LINES_LATER || state == LINES_LOST)
		late_lines_add(r->host->late, &late, state);
}

/* The concrete function has the name of its symbol, which tells parts and clones apart. */
static void add_native_frame(struct resolver *r, const struct event_stack *stack, size_t i)
{
	uint64_t addr = USER_ADDRESS(stack->user[i]), inside = place_of(stack, i);
	struct chunk_frame lines[NATIVE_LINES_MAX], *f, like = { .kind = FRAME_NATIVE };
	const struct mapping *m = maps_find(&r->p->maps, inside);
	struct native_place place = { 0 };
	enum lines_state state;
	size_t n = 0;

	if (m)
		place = native_lines_place(r->host->lines, r->p, m, inside);
	state = native_lines_find(r->host->lines, &place, lines, &n);
	like.flags = is_guessed(stack, i) ? FRAME_GUESSED : 0;
	like.fn = m ? "" : "<unknown>";
	like.path = m ? m->path : NULL;
	like.file = m ? m->path : "";
	like.module = !m ? "" : m->path[0] ? mapping_basename(m) : "[anonymous]";
	like.offset = addr;
	if (m && is_library(r->p, m->path))
		like.flags |= FRAME_LIBRARY;
	if (n)
		add_inlined(r, lines, n - 1, &like);
	f = add_frame(r, FRAME_NATIVE);
	if (!f)
		return;
	*f = like;
	if (m)
		native_names_find(r->host->names, r->p, m, inside, addr, f);
	add_late(r, f, &like, &place, state);
	if (n && !*f->fn && *lines[n - 1].fn) {
		f->fn = lines[n - 1].fn;
		f->module_number = 0; /* nothing to name later */
	}
	if (native_lines_standard(f->fn))
		f->flags |= FRAME_LIBRARY;
	if (n && lines[n - 1].line) {
		f->flags |= lines[n - 1].flags & FRAME_LIBRARY;
		f->file = lines[n - 1].file;
		f->line = lines[n - 1].line;
	}
}

static bool is_placed(const struct resolver *r, const struct event_stack *stack, size_t i)
{
	size_t k;

	for (k = 0; r->facts.placed && k < stack->n_python; k++)
		if (stack->python[k].tag == i)
			return true;
	return false;
}

/* Looks like a return address.  Some interpreters that were made at run time return to where
 * nothing was called (HotSpot's): what the perf map names is accepted, too. */
static bool is_plausible(struct resolver *r, uint64_t place)
{
	const struct mapping *m;

	if (native_plausible(r->p, place + 1))
		return true;
	m = process_map(r->p, place);
	return m && native_names_made(r->host->names, r->p, m, place);
}

/* Frame pointers lead astray in code built without them: the instruction itself is certain, what
 * was found by a table too, and what the runtime knows for its own; anything else must look like a
 * call.  How many frames there are up to the first that does not.  Looks at all of them: that may
 * read the mappings anew, which named frames point into. */
static size_t count_native(struct resolver *r, const struct event_stack *stack)
{
	size_t n;

	for (n = 0; n < stack->n_user; n++) {
		uint64_t place = place_of(stack, n);

		if (is_guessed(stack, n) && !is_placed(r, stack, n)) {
			if (!is_plausible(r, place))
				break;
		} else if (!native_executable(r->p, place) && by_pointer_only(stack)) {
			break;
		}
	}
	return n;
}

static bool in_code(const struct runtime_code *code, uint64_t addr)
{
	return addr >= code->start && addr < code->end;
}

static bool starts_with_any(const char *name, const char *const *prefixes)
{
	for (; prefixes && *prefixes; prefixes++)
		if (str_starts(name, *prefixes))
			return true;
	return false;
}

static enum merge_kind kind_of(const struct resolver *r, uint64_t place)
{
	static const char *const startup[] = { "libc.so", "libc-",  "libpthread",
					       "ld-",	  "python", NULL };
	const struct mapping *m = maps_find(&r->p->maps, place);
	const char *name = m ? mapping_basename(m) : "";

	if (in_code(&r->facts.eval[0], place) || in_code(&r->facts.eval[1], place))
		return MERGE_EVAL;
	if (place >= r->facts.text_start && place < r->facts.text_end)
		return MERGE_OWN;
	if (starts_with_any(name, r->facts.plumbing))
		return MERGE_PLUMBING;
	if (starts_with_any(name, r->facts.switches))
		return MERGE_SWITCH;
	if (r->session && m && native_names_trampoline(r->host->names, r->p, m, place))
		return MERGE_OWN;
	return starts_with_any(name, startup) ? MERGE_STARTUP : MERGE_FOREIGN;
}

/* The functions into which the one named last was put.  1; -ENOMEM. */
static int add_outer(struct resolver *r)
{
	struct chunk_frame *f;
	int error = 0;

	while (error == 0 && r->runtime->name_outer && (f = add_frame(r, FRAME_PYTHON)))
		error = r->runtime->name_outer(r->session, f);
	if (error < 0)
		r->count--;
	return error == -ENOENT || error == 0 ? 1 : error;
}

/* Names one frame of the interpreter.  1: it stands for its native frame; 0: it is left out;
 * -ENOMEM. */
static int add_interp_frame(struct resolver *r, const struct interp_frame *frame)
{
	struct chunk_frame *f = add_frame(r, FRAME_PYTHON);
	int error;

	if (!f)
		return 0;
	f->fn = "<unknown>";
	if (!r->session)
		return 1;
	error = r->runtime->name_frame(r->session, frame, f);
	if (error == -ENOENT || error == -ENODATA)
		r->count--;
	if (error == -ENOENT)
		return 0;
	return error < 0 ? (error == -ENODATA ? 1 : error) : add_outer(r);
}

/* Asks for the lines of all frames that will be shown, so that each file is asked once.  Nothing is
 * waited for where an interpreter runs: the names of the next stacks' code may go meanwhile. */
static void fetch_lines(struct resolver *r, const struct event_stack *stack,
			const struct merge_item *items, size_t count)
{
	uint64_t places[STACK_USER_MAX];
	size_t n = 0, i;

	for (i = 0; i < count; i++)
		if (!items[i].interp)
			places[n++] = place_of(stack, items[i].index);
	native_lines_begin(r->host->lines, r->p, places, n, r->session != NULL);
}

static int add_items(struct resolver *r, const struct event_stack *stack,
		     const struct merge_item *items, size_t count)
{
	size_t named = 0; /* frames of the interpreter since the last native one */
	size_t i;

	for (i = 0; i < count; i++) {
		int stands = 0;

		if (items[i].interp)
			stands = add_interp_frame(r, &stack->python[items[i].index]);
		else if (!r->facts.placed || !named)
			add_native_frame(r, stack, items[i].index);
		if (stands < 0)
			return stands;
		named = items[i].interp ? named + (size_t)stands : 0;
	}
	return 0;
}

/* Native code calls the outermost interpreter frame, too.  A list that ends otherwise is not the
 * thread's: CPython 3.11 and 3.12 link a new one a few instructions before they put anything into
 * it, and what is read then has been left there by an earlier call.  One read from outside, while
 * it changes, shows what it shows. */
static bool is_stale(const struct event_stack *stack)
{
	return stack->n_python && stack->n_user &&
	       !(stack->flags & (STACK_PYTHON_LOST | STACK_PYTHON_CUT)) &&
	       !(stack->python[stack->n_python - 1].code & 1);
}

/* The module of the last native frame, where there should be more. */
static const char *module_of_end(const struct resolver *r, const struct event_stack *stack,
				 size_t count)
{
	const struct mapping *m;

	if (!count || by_pointer_only(stack) ||
	    (stack->user_stop == UNWIND_STOP_ROOT && count == stack->n_user))
		return "";
	m = maps_find(&r->p->maps, place_of(stack, count - 1));
	return m ? mapping_basename(m) : "";
}

int resolver_frames(struct resolver *r, const struct event_stack *stack)
{
	uint8_t kinds[STACK_USER_MAX];
	struct merge_item items[MERGE_MAX];
	struct merge_input in = {
		.native = kinds,
		.interp = stack->python,
		.n_interp = stack->n_python,
		.guessed = by_pointer_only(stack),
		.truncated = stack->flags & (STACK_PYTHON_LOST | STACK_PYTHON_CUT),
	};
	struct merge_found found = { .merged = true };
	size_t i, count;

	add_kernel(r, stack);
	in.n_native = count_native(r, stack);
	if (in.n_native < stack->n_user && !in.guessed)
		r->flags |= STACK_USER_CUT;
	r->user_stop = stack->user_stop;
	r->user_end = module_of_end(r, stack, in.n_native);
	in.rooted = stack->user_stop == UNWIND_STOP_ROOT && in.n_native == stack->n_user;
	if (!r->facts.placed && is_stale(stack)) {
		in.n_interp = 0;
		r->flags |= STACK_PYTHON_LOST;
	}
	for (i = 0; i < in.n_native; i++)
		kinds[i] = kind_of(r, place_of(stack, i));
	if (r->session)
		r->runtime->begin(r->session, stack);
	count = r->facts.placed ? merge_placed(&in, items) : merge_frames(&in, items, &found);
	if (!found.merged && !in.guessed)
		r->flags |= STACK_UNMERGED;
	if (found.rooted) {
		r->flags &= (uint16_t)~STACK_USER_CUT;
		r->user_stop = UNWIND_STOP_ROOT;
		r->user_end = "";
	}
	fetch_lines(r, stack, items, count);
	return add_items(r, stack, items, count);
}
