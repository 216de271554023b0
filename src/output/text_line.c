/* text_line.c: lines and cells that stay inside their width.
 *
 * Knows what a line is, not what it says.
 */
#include <errno.h>
#include <string.h>

#include "output/text.h"

/* The end of the longest piece of `words` that fits: behind a bar of a list, else before spaces, or
 * inside a word too long. */
static const char *line_end(const char *words, size_t columns)
{
	const char *end = words, *space = NULL, *bar = NULL, *next;

	for (size_t n = 0; *end; end = next) {
		next = text_next(end, &n);
		if (*end == ' ' && end > words && end[-1] != ' ')
			space = end;
		if (space == end && end[-1] == '|')
			bar = end;
		if (n > columns && end > words)
			break;
	}
	return !*end ? end : bar ? bar : space ? space : end;
}

static void print_line(const struct text *t, size_t indent, const char *from, const char *to)
{
	fprintf(t->f, "%*s%.*s\n", (int)indent, "", (int)(to - from), from);
}

void text_wrap(const struct text *t, size_t first, size_t rest, const char *words)
{
	size_t indent = first;

	do {
		const char *end = line_end(words, t->width - indent);

		print_line(t, indent, words, end);
		for (words = end; *words == ' '; words++)
			;
		indent = rest;
	} while (*words);
}

void text_labelled(const struct text *t, const char *label, const char *words)
{
	const size_t indent = 10;
	const char *end = line_end(words, t->width - indent);

	fprintf(t->f, "  %-7s %.*s\n", label, (int)(end - words), words);
	for (; *end == ' '; end++)
		;
	if (*end)
		text_wrap(t, indent, indent, end);
}

void text_title(const struct text *t, const char *line)
{
	if (t->color)
		fputs("\033[1m", t->f);
	text_wrap(t, 0, 4, line);
	if (t->color)
		fputs("\033[0m", t->f);
}

int text_cell(struct str *line, const char *cell, size_t columns)
{
	size_t before = line->len, used;
	int r = text_clip(line, cell, columns);

	/* one short where the last that fits only by half is wide */
	used = line->len > before ? text_columns(line->text + before) : 0;
	for (; used < columns && r == 0; used++)
		r = str_add_char(line, ' ');
	return r;
}

int text_stack(const struct text *t, int stack, size_t indent, size_t most)
{
	const struct stack *st = &t->p->stacks[stack];
	int r = 0;

	for (size_t i = 0; i < st->n_frames && i < most && r == 0; i++) {
		cleanup(str_releasep) struct str s = { 0 };
		cleanup(str_releasep) struct str cut = { 0 };

		r = frame_short(&s, &t->paths, &st->frames[i]);
		if (r == 0)
			r = text_clip(&cut, str_text(&s), t->width - indent);
		if (r == 0)
			fprintf(t->f, "%*s%s\n", (int)indent, "", str_text(&cut));
	}
	if (r == 0 && st->n_frames > most)
		fprintf(t->f, "%*sand %zu outer frames\n", (int)indent, "", st->n_frames - most);
	return r;
}
