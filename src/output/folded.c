/* folded.c: one line for each distinct stack, weight in microseconds.
 *
 * The form that flamegraph.pl and its relatives read; the lines add up to the total stalled time.
 * Owns merging and order; the spelling of a frame is in words.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "output/words.h"
#include "output/writer.h"

struct line {
	char *text;
	uint64_t us;
};

struct lines {
	VEC(struct line) all;
};

static void lines_release(struct lines *lines)
{
	for (size_t i = 0; i < lines->all.count; i++)
		free(lines->all.items[i].text);
	vec_release(&lines->all);
}

static int stack_text(struct str *s, const struct profile *p, int proc, int stack, const char *tip)
{
	const struct stack *st = stack >= 0 ? &p->stacks[stack] : NULL;
	int r = folded_name(s, proc_comm(p, proc));

	if (r == 0 && (!st || !st->n_frames))
		r = str_add(s, ";[no stack]");
	for (size_t i = st ? st->n_frames : 0; i-- > 0 && r == 0;) {
		r = str_add_char(s, ';');
		if (r == 0)
			r = frame_folded(s, &st->frames[i]);
	}
	if (r == 0)
		r = str_add_char(s, ';');
	return r ? r : folded_name(s, *tip ? tip : "[unexplained]");
}

static int add_line(struct lines *lines, const struct profile *p, int proc, int stack,
		    const char *tip, uint64_t us)
{
	cleanup(str_releasep) struct str s = { 0 };
	int r;

	if (us == 0) /* takes nothing from the sum */
		return 0;
	r = stack_text(&s, p, proc, stack, tip);
	if (r == 0)
		r = vec_add(&lines->all, { .text = s.text, .us = us });
	if (r == 0)
		s = (struct str){ 0 }; /* the line owns it now */
	return r;
}

static int add_all(struct lines *lines, const struct profile *p)
{
	int r = 0;

	for (size_t i = 0; i < p->n_samples && r == 0; i++) {
		const struct sample *s = &p->samples[i];

		r = add_line(lines, p, s->proc, s->stack, s->tip, s->us);
	}
	for (size_t i = 0; i < p->n_offcpu && r == 0; i++) {
		const struct offcpu_row *row = &p->offcpu[i];

		if (row->by == OFFCPU_BY_STACK)
			r = add_line(lines, p, row->proc, row->stack, row->tip, row->us);
	}
	return r;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

int folded_write(const struct profile *p, const struct writer_opts *o, FILE *f)
{
	struct lines lines = { 0 };
	int r = add_all(&lines, p);
	const struct line *all = lines.all.items;
	size_t count = lines.all.count;

	(void)o;
	if (r == 0 && count)
		qsort(lines.all.items, count, sizeof(*all), compare_lines);
	for (size_t i = 0; i < count && r == 0;) {
		const char *text = all[i].text;
		uint64_t us = 0;

		for (; i < count && strcmp(all[i].text, text) == 0; i++)
			us += all[i].us;
		fprintf(f, "%s %" PRIu64 "\n", text, us);
	}
	lines_release(&lines);
	return r ? r : writer_status(f);
}
