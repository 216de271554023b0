/* man.c: the manual page in roff, made from the same rows as --help.
 *
 * Owns the page's order and the escapes of roff.  The texts that belong to no command stand in
 * man_text.h.  Prints nothing.
 */
#include "cli/command.h"

#include <string.h>

#include "cli/man_text.h"
#include "output/writer.h"

/* Text as roff wants it: no line starts with a control character, a hyphen is a real minus sign so
 * that options can be copied from the page.  Empty lines part paragraphs. */
static int add_text(struct str *s, const char *text)
{
	bool fresh = true;
	int r = 0;

	for (const char *c = text; *c && r == 0; c++) {
		if (c[0] == '\n' && c[1] == '\n') {
			r = str_add(s, "\n.PP");
			continue;
		}
		if (fresh && (*c == '.' || *c == '\''))
			r = str_add(s, "\\&");
		if (r == 0)
			r = *c == '\\'	? str_add(s, "\\e")
			    : *c == '-' ? str_add(s, "\\-")
					: str_add_char(s, *c);
		fresh = *c == '\n';
	}
	return r < 0 ? r : str_add_char(s, '\n');
}

static int add_section(struct str *s, const char *title, const char *text)
{
	int r = str_printf(s, ".SH %s\n", title);

	return r < 0 ? r : add_text(s, text);
}

/* A literal block: examples and the stall line. */
static int add_literal(struct str *s, const char *text)
{
	int r = str_add(s, ".PP\n.in +4n\n.nf\n");

	if (r == 0)
		r = add_text(s, text);
	return r < 0 ? r : str_add(s, ".fi\n.in\n.PP\n");
}

static int add_option(struct str *s, const struct opt *o)
{
	cleanup(str_releasep) struct str text = { 0 };
	int r = str_add(s, ".TP\n");

	if (r == 0 && o->letter)
		r = str_printf(s, "\\fB\\-%c\\fR, ", o->letter);
	if (r == 0)
		r = str_add(s, "\\fB\\-\\-");
	for (const char *c = o->name; r == 0 && *c; c++)
		r = *c == '-' ? str_add(s, "\\-") : str_add_char(s, *c);
	if (r == 0)
		r = str_printf(s, "\\fR%s\\fI%s\\fR\n", o->arg ? " " : "", o->arg ? o->arg : "");
	if (r == 0)
		r = str_printf(&text, "%s.\n", o->help);
	if (r == 0 && o->fallback)
		r = str_printf(&text, "Default: %s.\n", o->fallback);
	if (r == 0 && o->more)
		r = str_add(&text, o->more);
	return r < 0 ? r : add_text(s, text.text);
}

static int add_synopsis(struct str *s, const struct command *const *table)
{
	int r = str_add(s, ".SH SYNOPSIS\n");

	for (const struct command *const *c = table; r == 0 && *c; c++) {
		r = str_printf(s, "%s\\fBstallprof%s%s\\fR %s", c == table ? "" : ".br\n",
			       (*c)->name ? " " : "", (*c)->name ? (*c)->name : "",
			       (*c)->opts->name ? "[\\fIOPTION\\fR...] " : "");
		if (r == 0)
			r = add_text(s, (*c)->operands);
	}
	return r;
}

static int add_command(struct str *s, const struct command *c)
{
	int r = str_printf(s, ".SS stallprof%s%s\n", c->name ? " " : "", c->name ? c->name : "");

	if (r == 0)
		r = add_text(s, c->about);
	for (const struct opt *o = c->opts; r == 0 && o->name; o++)
		if (o->kind != OPT_ELSEWHERE)
			r = add_option(s, o);
	return r;
}

/* -F NAME of each writer, with the suffix that stands for it. */
static int add_formats(struct str *s)
{
	int r = str_add(s, ".SH FORMATS\n");

	for (const struct writer *w = NULL; r == 0 && (w = writer_next(w));)
		r = str_printf(s, ".TP\n\\fB%s\\fR (\\fI%s\\fR)\n%s.\n", w->name, w->suffix,
			       w->help);
	return r < 0 ? r
		     : str_add(s,
			       ".TP\n\\fBstall\\fR (\\fI.stall\\fR)\n"
			       "the recording itself, to look at later with stallprof report.\n");
}

static int add_examples(struct str *s, const struct command *const *table)
{
	int r = str_add(s, ".SH EXAMPLES\n");

	for (const struct command *const *c = table; *c; c++)
		for (const struct example *e = (*c)->examples; r == 0 && e->line; e++) {
			r = str_add(s, ".PP\n");
			if (r == 0)
				r = add_text(s, e->says);
			if (r == 0)
				r = add_literal(s, e->line);
		}
	return r;
}

int man_add(struct str *s, const struct command *const *table)
{
	int r = str_add(s, ".TH STALLPROF 1 \"\" \"stallprof " STALLPROF_VERSION
			   "\" \"User Commands\"\n");

	if (r == 0)
		r = add_section(s, "NAME", "stallprof - says why an event loop stalled");
	if (r == 0)
		r = add_synopsis(s, table);
	if (r == 0)
		r = add_section(s, "DESCRIPTION", man_description);
	if (r == 0)
		r = add_examples(s, table);
	if (r == 0)
		r = str_add(s, ".SH COMMANDS AND OPTIONS\n");
	for (const struct command *const *c = table; r == 0 && *c; c++)
		r = add_command(s, *c);
	if (r == 0)
		r = add_formats(s);
	for (const struct man_section *m = man_sections; r == 0 && m->title; m++) {
		r = add_section(s, m->title, m->text);
		if (r == 0 && m->literal)
			r = add_literal(s, m->literal);
		if (r == 0 && m->after)
			r = add_text(s, m->after);
	}
	return r;
}
