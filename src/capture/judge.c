/* judge.c: is this poll a loop's, and is this period an iteration of it?
 *
 * The kernel side records that a thread came back to the same poll.  Here the named stacks decide:
 * a worker that asks one socket again and again is no loop, and a program that is starting up, or
 * has left its loop, is not stalled.
 */
#include "capture/internal.h"

#include <string.h>

/* What kind of loop a program runs when its stack does not say: by the name of its executable. */
const char *judge_program(const struct watched *w)
{
	static const char *const known[][2] = {
		{ "redis-server", "redis" },
		{ "redis-check-rdb", "redis" }, /* what Debian's redis-server is a link to */
		{ "nginx", "nginx" },
		{ "node", "libuv" },
	};
	const char *slash = strrchr(w->process->exe, '/');
	const char *name = slash ? slash + 1 : w->process->exe;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i][0]) == 0)
			return known[i][1];
	return "unknown";
}

/* An epoll file or ring that a thread comes back to makes a loop.  A poll or select from one call
 * depth may also be a worker that asks one socket again and again: there the stack must show a
 * known loop, or the thread be the main one of a program whose frames cannot tell. */
bool judge_loop(const struct capture *c, const struct watched *w, const struct event_loop *e)
{
	if (stack_loop_kind(c, e->stack) || stack_native_loop(c, e->stack) ||
	    e->home == HOME_EPOLL || e->home == HOME_URING)
		return true;
	if (c->loops[e->loop].flags & LOOP_DESIGNATED)
		return true;
	return e->head.tid == e->head.tgid && !*resolver_runtime(w->resolver);
}

static bool is_poll(int call)
{
	static const int calls[] = { 7, 23, 232, 270, 271, 281, 426, 441 };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i] == call)
			return true;
	return false;
}

/* A thread that was there before us, has been at no poll since, and shows a loop in its stack.  One
 * that did poll may have been in its home: the kernel side will recognise that. */
bool judge_seeded(const struct capture *c, const struct event_stall *e)
{
	bool loop = false;

	for (int i = 0; i < e->n_parts; i++) {
		if (is_poll(e->parts[i].syscall))
			return false;
		loop |= stack_loop_kind(c, e->parts[i].stack) != NULL;
	}
	return loop;
}

/* Whether a loop that native frames show was not running: all stacks of the period are whole, and
 * none has it. */
static bool native_elsewhere(const struct capture *c, const struct event_stall *e)
{
	bool any = false;

	for (int i = 0; i < e->n_parts; i++) {
		uint64_t stack = e->parts[i].stack;

		if (stack && (stack_native_loop(c, stack) || !stack_walked(c, stack)))
			return false;
		any |= stack != 0;
	}
	return any;
}

/* Whether the stall is the loop's own.  Where the runtime shows its loop in the stack, a period in
 * which no stack has it was spent elsewhere: before the loop ran, after it, or between two runs.
 * So was the last one of a thread, if no stack was left to tell.
 * Without such a runtime a period that began before we came counts on the main thread only, and not
 * where native frames show that the loop did not run yet. */
bool judge_shown(const struct capture *c, const struct slot *s, const struct event_stall *e)
{
	bool shown = false, known = false;
	uint64_t inside = 0;

	if (!s->runtime_loop && e->flags & STALL_CLIPPED)
		return s->tid == s->tgid && !(s->native_loop && native_elsewhere(c, e));
	if (!s->runtime_loop)
		return true;
	for (int i = 0; i < e->n_parts; i++) {
		const struct stall_part *p = &e->parts[i];

		if (stack_loop_kind(c, p->stack)) {
			shown = true;
			inside += p->ns;
		} else if (stack_whole(c, p->stack)) {
			known = true;
		}
	}
	/* A loop's last iteration reaches to the end of its thread: a glimpse of the loop does not
	 * make a stall of what came after, where an interpreter that ends shows no frames.  Samples
	 * begin when a period is a fifth of the threshold old. */
	if (shown && e->flags & STALL_LAST)
		return inside >= e->threshold - e->threshold / 4;
	if (shown)
		return true;
	return !known && !(e->flags & (STALL_CLIPPED | STALL_LAST));
}

/* The bucket formula of event.h. */
static unsigned int hist_bucket(uint64_t ns)
{
	uint64_t us = ns >> 10;
	unsigned int e, bucket;

	if (!us)
		return 0;
	e = 63 - __builtin_clzll(us);
	bucket = 1 + 4 * e + (e >= 2 ? us >> (e - 2) & 3 : us << (2 - e) & 3);
	return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

/* Lower bound of the longest period in the histogram, 0 without one. */
static uint64_t hist_longest(const struct event_loop_stats *stats)
{
	for (unsigned int i = HIST_BUCKETS - 1; i > 0; i--)
		if (stats->hist[i])
			return (256ULL << ((i - 1) / 4)) * (4 + (i - 1) % 4);
	return 0;
}

bool judge_stall(struct capture *c, struct slot *s, const struct event_stall *e)
{
	if (judge_shown(c, s, e)) {
		if (e->ns > s->longest_ns) {
			s->longest_ns = e->ns;
			s->longest_at = e->start;
		}
		return true;
	}
	s->outside++;
	s->outside_ns += e->ns;
	s->outside_hist[hist_bucket(e->ns)]++;
	if (e->ns > s->outside_longest)
		s->outside_longest = e->ns;
	return false;
}

/* Takes the periods outside the loop out of what the kernel side counted. */
void judge_correct(const struct slot *s, struct event_loop_stats *stats)
{
	if (!s->outside)
		return;
	stats->iterations -= s->outside < stats->iterations ? s->outside : stats->iterations;
	stats->busy_ns -= s->outside_ns < stats->busy_ns ? s->outside_ns : stats->busy_ns;
	stats->stalls -= s->outside < stats->stalls ? s->outside : stats->stalls;
	stats->stalled_ns -= s->outside_ns < stats->stalled_ns ? s->outside_ns : stats->stalled_ns;
	for (int i = 0; i < HIST_BUCKETS; i++)
		if (stats->hist[i] >= s->outside_hist[i])
			stats->hist[i] -= s->outside_hist[i];
	if (stats->longest_ns != s->outside_longest)
		return;
	stats->longest_ns = s->longest_ns;
	stats->longest_at = s->longest_at;
	if (stats->longest_ns)
		return;
	/* Nothing else reached the threshold; of shorter periods only the bucket is known. */
	stats->longest_ns = hist_longest(stats);
	stats->longest_at = stats->first;
}
