/* explain.c: from the parts of a stall to its explanation.
 *
 * Owns the choice of the stack, the user's frame, the cause, and the key under which like stalls
 * are counted together.  Never the longest single wait: always the largest sum.
 */
#include "model/state.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

static int by_weight(const void *a, const void *b)
{
	const struct stall_stack *x = a, *y = b;

	if (x->weight_ns != y->weight_ns)
		return x->weight_ns > y->weight_ns ? -1 : 1;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

/* Sums the parts by stack, heaviest first; klass -1 takes all.  Returns how many. */
static size_t weigh_stacks(const struct stall *s, int klass, struct stall_stack *ret)
{
	size_t n = 0, k;

	for (size_t i = 0; i < s->n_parts; i++) {
		const struct part *p = &s->parts[i];

		if (p->stack < 0 || (klass >= 0 && (int)p->klass != klass))
			continue;
		for (k = 0; k < n && ret[k].stack != p->stack; k++)
			;
		if (k == n)
			ret[n++] = (struct stall_stack){ .stack = p->stack };
		ret[k].weight_ns += p->dur_ns;
	}
	if (n)
		qsort(ret, n, sizeof(*ret), by_weight);
	return n;
}

bool is_script(const struct frame *f)
{
	return f->kind == FRAME_PYTHON || f->kind == FRAME_JS;
}

bool stack_has_script(const struct stack *stack)
{
	for (size_t i = 0; i < stack->n_frames; i++)
		if (is_script(&stack->frames[i]))
			return true;
	return false;
}

/* A system call from the program's own file, and not by a frame that has lines: in a static program
 * libc stands in that file, mostly without lines, which the frames that called it may have. */
static const struct frame *behind_static_libc(const struct stack *stack, size_t leaf)
{
	const struct frame *f = &stack->frames[leaf];

	if (f->line || leaf == 0 || !str_starts(stack->frames[leaf - 1].fn, "entry_SYSCALL"))
		return f;
	for (size_t i = leaf; i < stack->n_frames; i++) {
		const struct frame *outer = &stack->frames[i];

		if (outer->line && !outer->library && strcmp(outer->module, f->module) == 0)
			return outer;
	}
	return f;
}

/* In a program with an interpreter only its frames are the user's, also where they could not be
 * read: native ones belong to the interpreter or an extension, even those that no list calls a
 * library. */
const struct frame *user_frame(const struct stack *stack)
{
	bool script = stack_has_script(stack) || stack->flags & STACK_PYTHON_LOST;

	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct frame *f = &stack->frames[i];

		if (!f->library && (script ? is_script(f) : f->kind == FRAME_NATIVE))
			return script ? f : behind_static_libc(stack, i);
	}
	return NULL;
}

/* An address in the interpreter's own file, which has no symbols: nothing to a reader, where the
 * frame that it runs can be told. */
static bool is_interpreter(const struct frame *f)
{
	return f->kind == FRAME_NATIVE && !*f->fn &&
	       (str_starts(f->module, "python3") || str_starts(f->module, "libpython3") ||
		!strcmp(f->module, "node") || !strcmp(f->module, "nodejs"));
}

const struct frame *leaf_frame(const struct stack *stack)
{
	bool script = stack_has_script(stack);

	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct frame *f = &stack->frames[i];

		if (f->kind != FRAME_KERNEL && !(script && is_interpreter(f)))
			return f;
	}
	return NULL;
}

const struct frame *script_leaf(const struct stack *stack)
{
	for (size_t i = 0; i < stack->n_frames; i++)
		if (is_script(&stack->frames[i]))
			return &stack->frames[i];
	return leaf_frame(stack);
}

static enum quality graded(bool any, bool hurt)
{
	return !any ? QUALITY_NONE : hurt ? QUALITY_PARTIAL : QUALITY_FULL;
}

/* Functions that nothing calls: a native stack that ends in one is whole. */
static bool is_root(const char *fn)
{
	static const char *const roots[] = { "_start",
					     "__libc_start_main",
					     "__libc_start_call_main",
					     "start_thread",
					     "clone",
					     "clone3",
					     "__clone",
					     "__clone3" };

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (strcmp(fn, roots[i]) == 0)
			return true;
	return false;
}

/* Walked by table the native part tells itself whether it reached the outermost frame.  By frame
 * pointer only it is whole when it was not guessed and ends in a root. */
static bool native_whole(const struct model *m, int index)
{
	const struct stack *stack = &m->stacks.items[index];
	const char *last = "";

	if (stack->flags & (STACK_USER_LOST | STACK_USER_CUT | STACK_UNMERGED))
		return false;
	if (stack->user_stop != UNWIND_STOP_KERNEL && stack->user_stop != UNWIND_STOP_BUSY)
		return stack->user_stop == UNWIND_STOP_ROOT;

	for (size_t i = 0; i < stack->n_frames; i++)
		if (stack->frames[i].kind == FRAME_NATIVE)
			last = stack->frames[i].fn;
	return is_root(last) && !m->stack_infos.items[index].guessed;
}

static void grade(const struct model *m, int index, struct stall *s)
{
	const struct stack *stack = &m->stacks.items[index];
	bool any[FRAME_KIND_COUNT] = { false };
	uint16_t flags = stack->flags;

	for (size_t i = 0; i < stack->n_frames; i++)
		any[stack->frames[i].kind] = true;
	s->python = graded(any[FRAME_PYTHON] || any[FRAME_JS],
			   flags & (STACK_PYTHON_LOST | STACK_PYTHON_CUT));
	/* V8's frames are native ones with a name. */
	s->native = graded(any[FRAME_NATIVE] || any[FRAME_JS], !native_whole(m, index));
	/* A stack sampled in user mode has no kernel part, and misses none. */
	s->kernel = graded(!(flags & STACK_KERNEL_LOST), flags & STACK_KERNEL_CUT);
}

static enum stall_class largest_class(const struct stall *s)
{
	int largest = 0;

	for (int i = 1; i < CLASS_COUNT; i++)
		if (s->ns[i] > s->ns[largest])
			largest = i;
	return largest;
}

static bool same_cause(const struct part *a, const struct part *b)
{
	return !strcmp(a->syscall, b->syscall) && !strcmp(a->target.group, b->target.group);
}

/* The heaviest part of the heaviest cause of the class; a named cause before any that nobody can
 * name. */
static const struct part *heaviest_part(const struct stall *s, enum stall_class klass)
{
	const struct part *best = NULL;
	uint64_t best_ns = 0;
	bool best_named = false;

	for (size_t i = 0; i < s->n_parts; i++) {
		const struct part *p = &s->parts[i];
		bool named = *p->syscall || *p->target.text;
		uint64_t ns = 0;

		if (p->klass != klass)
			continue;
		for (size_t k = 0; k < s->n_parts; k++)
			if (s->parts[k].klass == klass && same_cause(p, &s->parts[k]))
				ns += s->parts[k].dur_ns;
		if (!best || named > best_named || (named == best_named && ns > best_ns) ||
		    (ns == best_ns && same_cause(p, best) && p->dur_ns > best->dur_ns)) {
			best = p;
			best_ns = ns;
			best_named = named;
		}
	}
	return best;
}

static void explain_why(struct stall *s)
{
	struct why *why = &s->why;
	const struct part *p;

	why->klass = largest_class(s);
	why->share = (double)s->ns[why->klass] / s->dur_ns;
	why->syscall = "";
	why->target = target_none;
	p = heaviest_part(s, why->klass);
	if (p) {
		why->syscall = p->syscall;
		why->target = p->target;
	}
}

/* FNV moves its high bits little for short input; spread them before cutting. */
static uint64_t spread(uint64_t hash)
{
	hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 29);
}

/* Without native functions that were inlined: which of them are known depends on when, and with
 * which debug files, the stack was named.  Inlined script functions are known always. */
static void make_key(const struct stack *stack, struct stall *s)
{
	uint8_t numbers[2] = { s->why.klass, s->why.target.kind };
	uint64_t hash = hash_text(hash_bytes(HASH_START, numbers, sizeof(numbers)), s->why.syscall);
	bool own_script = false, script = stack && stack_has_script(stack);

	for (size_t i = 0; script && i < stack->n_frames; i++)
		if (is_script(&stack->frames[i]) && !stack->frames[i].library)
			own_script = true;
	for (size_t i = 0; stack && i < stack->n_frames; i++) {
		const struct frame *f = &stack->frames[i];
		bool use = own_script ? is_script(f) && !f->library
				      : f->kind == FRAME_NATIVE && !f->inlined;

		if (use && *f->fn)
			hash = hash_text(hash, f->fn);
	}
	snprintf(s->key, sizeof(s->key), "%08" PRIx32, (uint32_t)(spread(hash) >> 32));
}

static void make_id(const struct event_stall *e, struct stall *s)
{
	uint64_t words[] = { e->head.tgid, e->head.tid, e->loop, e->iteration, e->start };
	uint64_t hash = hash_bytes(HASH_START, words, sizeof(words));

	snprintf(s->id, sizeof(s->id), "%012" PRIx64, spread(hash) >> 16);
}

static bool same_function(const struct frame *a, const struct frame *b)
{
	return a && b && a->kind == b->kind && !strcmp(a->fn, b->fn) && !strcmp(a->file, b->file);
}

/* The heaviest stack of the user's function that has the largest sum: code that runs is seen at
 * another instruction each time, and each of these is a stack of its own. */
static int heaviest_stack(const struct model *m, const struct stall_stack *s, size_t n)
{
	uint64_t best_ns = 0;
	int best = s[0].stack;

	for (size_t i = 0; i < n; i++) {
		const struct frame *at = user_frame(&m->stacks.items[s[i].stack]);
		uint64_t ns = s[i].weight_ns;

		for (size_t k = 0; k < n; k++)
			if (k != i && same_function(at, user_frame(&m->stacks.items[s[k].stack])))
				ns += s[k].weight_ns;
		if (ns > best_ns) {
			best_ns = ns;
			best = s[i].stack;
		}
	}
	return best;
}

void explain_place(const struct model *m, struct stall *s)
{
	struct stall_stack of_class[STALL_PARTS_MAX + CLASS_COUNT];
	const struct stack *stack = NULL;
	size_t n_class = weigh_stacks(s, s->why.klass, of_class);

	if (n_class || s->n_stacks) {
		int index = n_class ? heaviest_stack(m, of_class, n_class)
				    : heaviest_stack(m, s->stacks, s->n_stacks);

		stack = &m->stacks.items[index];
		s->at = user_frame(stack);
		s->leaf = leaf_frame(stack);
		grade(m, index, s);
	}
	make_key(stack, s);
}

int explain_stall(struct model *m, const struct event_stall *e, struct stall *s)
{
	s->stacks = calloc(s->n_parts + 1, sizeof(*s->stacks));
	if (!s->stacks)
		return -ENOMEM;
	s->n_stacks = weigh_stacks(s, -1, s->stacks);
	explain_why(s);
	explain_place(m, s);
	make_id(e, s);
	return 0;
}
