/* gaps.c: what the native parts of stacks lack, and why, summed over a recording.
 *
 * A stall says of its own stack how good it is; the reasons are told once for all.  So is how many
 * stacks lack source lines only because there was no time to find them.
 */
#include "model/state.h"

#include <string.h>

#define GAPS_MAX 256 /* reasons and modules are few in any true capture */

const char *gap_why(const struct stack *stack)
{
	static const char *const stops[UNWIND_STOP_COUNT] = {
#define X(name, number, text) [number] = text,
		UNWIND_STOPS(X)
#undef X
	};

	if (stack->user_stop == UNWIND_STOP_KERNEL)
		return "";
	if (stack->user_stop >= UNWIND_STOP_COUNT)
		return "for a reason that this version does not know";
	if (*stops[stack->user_stop])
		return stops[stack->user_stop];
	if (stack->flags & STACK_USER_CUT)
		return "found by frame pointer what is no call";
	return stack->flags & STACK_UNMERGED ? "not in step with the interpreter's frames" : "";
}

static int by_stacks(const void *a, const void *b)
{
	const struct native_gap *x = a, *y = b;
	int r = strcmp(x->why, y->why);

	if (x->stacks != y->stacks)
		return x->stacks > y->stacks ? -1 : 1;
	return r ? r : strcmp(x->module, y->module);
}

static int add_gap(struct model *m, const char *why, const char *module)
{
	for (size_t i = 0; i < m->gaps.count; i++) {
		struct native_gap *g = &m->gaps.items[i];

		if (strcmp(g->why, why) == 0 && strcmp(g->module, module) == 0) {
			g->stacks++;
			return 0;
		}
	}
	if (m->gaps.count >= GAPS_MAX) {
		m->lost_items++;
		return 0;
	}
	return vec_add(&m->gaps, { why, module, 1 });
}

/* Counts a stack once, and only one that has a share in what is told. */
static void count_unlined(struct model *m, int stack)
{
	if (stack < 0 || !m->stack_infos.items[stack].unlined)
		return;
	m->stack_infos.items[stack].unlined = false;
	m->profile.unlined_stacks++;
}

int gaps_seal(struct model *m)
{
	for (size_t i = 0; i < m->samples.count; i++)
		count_unlined(m, m->samples.items[i].stack);
	for (size_t i = 0; i < m->offcpu.count; i++)
		count_unlined(m, m->offcpu.items[i].stack);
	for (size_t i = 0; i < m->stacks.count; i++) {
		const struct stack *stack = &m->stacks.items[i];
		const char *why = gap_why(stack);

		m->profile.native_stacks += stack->user_stop != UNWIND_STOP_KERNEL;
		if (*why && add_gap(m, why, stack->user_end) < 0)
			return -ENOMEM;
	}
	if (m->gaps.count)
		qsort(m->gaps.items, m->gaps.count, sizeof(m->gaps.items[0]), by_stacks);
	return 0;
}
