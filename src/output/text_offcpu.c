/* text_offcpu.c: the text of an off-CPU profile.
 *
 * Three tables of the same waits: by system call, by thread, by stack.  Knows no loops and no
 * stalls.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output/text.h"
#include "output/units.h"

#define FRAMES_SHOWN 5

static int row_words(const struct text *t, const struct offcpu_row *row, struct str *s)
{
	struct why why = {
		.klass = row->klass,
		.share = 1,
		.syscall = row->syscall,
		.target = row->target,
	};
	int r;

	if (row->overflow)
		return str_add(s, "the rest, for which the table had no room");
	if (row->by == OFFCPU_BY_THREAD) {
		r = str_printf(s, "%s [%" PRIu32 "]  ", row->comm, row->tid);
		return r ? r : why_words(s, &why);
	}
	r = why_words(s, &why);
	if (r == 0 && row->by == OFFCPU_BY_STACK)
		r = str_printf(s, "  in %s", proc_comm(t->p, row->proc));
	return r;
}

/* "16us .:=#@. 2.1s": a column for each doubling, more ink for more waits (by the logarithm). */
static int row_hist(const struct offcpu_row *row, struct str *s)
{
	static const char ink[] = ".:-=+*#%@";
	int first = 0, last = OFFCPU_HIST_BUCKETS - 1;
	uint32_t most = 0;
	int r;

	while (first < last && !row->hist[first])
		first++;
	while (last > first && !row->hist[last])
		last--;
	for (int i = first; i <= last; i++)
		most = row->hist[i] > most ? row->hist[i] : most;
	if (!most)
		return 0;
	r = str_printf(s, "%s [", DURATION(1ULL << first));
	for (int i = first; i <= last && r == 0; i++) {
		unsigned bits = 32 - __builtin_clz(most), own;

		own = row->hist[i] ? 32 - __builtin_clz(row->hist[i]) : 0;
		r = str_add_char(s, own ? ink[(own * 8) / bits] : ' ');
	}
	return r ? r : str_printf(s, "] %s", DURATION(2ULL << last));
}

static int print_row(const struct text *t, const struct offcpu_row *row)
{
	cleanup(str_releasep) struct str words = { 0 };
	cleanup(str_releasep) struct str line = { 0 };
	cleanup(str_releasep) struct str cut = { 0 };
	int r = row_words(t, row, &words);

	if (r == 0)
		r = str_printf(&line, "  %-8s %-7s %-7s %-7s %s", DURATION(row->sum_ns),
			       COUNT(row->count),
			       DURATION(row->count ? row->sum_ns / row->count : 0),
			       DURATION(row->max_ns), str_text(&words));
	if (r == 0)
		r = text_clip(&cut, str_text(&line), t->width);
	if (r == 0)
		fprintf(t->f, "%s\n", str_text(&cut));
	return r;
}

/* Under a stack: how long its waits were, and its innermost frames on one line. */
static int print_stack(const struct text *t, const struct offcpu_row *row)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r = row_hist(row, &s);

	if (r == 0 && s.len)
		text_wrap(t, 11, 11, str_text(&s));
	if (r || row->stack < 0)
		return r;
	if (t->verbose)
		return text_stack(t, row->stack, 11, SIZE_MAX);
	str_clear(&s);
	const struct stack *st = &t->p->stacks[row->stack];
	size_t shown = 0;

	for (size_t i = 0; i < st->n_frames && shown < FRAMES_SHOWN && r == 0; i++) {
		/* every wait has the scheduler's frames on top; they tell nothing apart */
		if (st->frames[i].kind == FRAME_KERNEL)
			continue;
		r = shown++ ? str_add(&s, " < ") : 0;
		if (r == 0)
			r = frame_short(&s, &t->paths, &st->frames[i]);
	}
	if (r == 0 && s.len)
		text_wrap(t, 11, 13, str_text(&s));
	return r;
}

static int print_table(const struct text *t, enum offcpu_by by, const char *title)
{
	const struct profile *p = t->p;
	cleanup(str_releasep) struct str cut = { 0 };
	size_t shown = 0, more = 0;
	uint64_t more_ns = 0;
	int r;

	r = text_clip(&cut, title, t->width - 35);
	fprintf(t->f, "\n%s  SUM      COUNT   AVG     MAX     %s%s\n", t->color ? "\033[1m" : "",
		str_text(&cut), t->color ? "\033[0m" : "");
	for (size_t i = 0; i < p->n_offcpu && r == 0; i++) {
		const struct offcpu_row *row = &p->offcpu[i];

		if (row->by != by)
			continue;
		if (shown++ >= t->show) {
			more++;
			more_ns += row->sum_ns;
			continue;
		}
		r = print_row(t, row);
		if (r == 0 && by == OFFCPU_BY_STACK)
			r = print_stack(t, row);
	}
	if (r == 0 && more)
		fprintf(t->f, "  %-8s and %zu more\n", DURATION(more_ns), more);
	return r;
}

int text_offcpu(const struct text *t)
{
	int r;

	if (!t->p->n_offcpu) {
		text_wrap(
			t, 2, 2,
			"No wait was seen: no thread left its CPU within the limits that -m and -M "
			"set.");
		return 0;
	}
	r = print_table(t, OFFCPU_BY_SYSCALL, "BY SYSTEM CALL");
	if (r == 0)
		r = print_table(t, OFFCPU_BY_THREAD, "BY THREAD");
	return r ? r
		 : print_table(t, OFFCPU_BY_STACK,
			       "BY STACK (in brackets: waits by length, columns double)");
}
