/* help.c: --help, made from the rows of a command.
 *
 * Examples first, and everything on one screen of 40 lines and 100 columns.  Prints nothing.
 */
#include "cli/command.h"

#include <string.h>

#define WIDTH	      100
#define EXAMPLE_WIDTH 46 /* the longest example that still has its explanation beside it */
#define OPTION_WIDTH  26

/* "  left   text", the text broken between words and kept in its column. */
static int add_row(struct str *s, const char *left, int left_width, const char *text)
{
	size_t room = WIDTH - left_width - 4;
	int r = str_printf(s, "  %-*s  ", left_width, left);

	while (r == 0 && strlen(text) > room) {
		size_t n = room;

		while (n > 0 && text[n] != ' ')
			n--;
		if (n == 0)
			break;
		r = str_add_mem(s, text, n);
		if (r == 0)
			r = str_printf(s, "\n%*s", left_width + 4, "");
		text += n + 1;
	}
	return r < 0 ? r : str_printf(s, "%s\n", text);
}

static int add_option(struct str *s, const struct opt *o)
{
	cleanup(str_releasep) struct str left = { 0 }, text = { 0 };
	int r = o->letter ? str_printf(&left, "-%c, ", o->letter) : str_add(&left, "    ");

	if (r == 0)
		r = str_printf(&left, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	if (r == 0)
		r = str_add(&text, o->help);
	if (r == 0 && o->fallback)
		r = str_printf(&text, " [%s]", o->fallback);
	return r < 0 ? r : add_row(s, left.text, OPTION_WIDTH, text.text);
}

static int add_head(struct str *s, const struct command *c)
{
	int r = str_printf(s, "stallprof%s%s: %s\n\nExamples:\n", c->name ? " " : "",
			   c->name ? c->name : "", c->summary);

	for (const struct example *e = c->examples; r == 0 && e->line; e++)
		r = add_row(s, e->line, EXAMPLE_WIDTH, e->says);
	return r;
}

static int add_options(struct str *s, const struct command *c)
{
	int r = c->opts->name ? str_add(s, "\nOptions:\n") : 0;

	for (const struct opt *o = c->opts; r == 0 && o->name; o++)
		if (o->kind != OPT_ELSEWHERE)
			r = add_option(s, o);
	return r;
}

int help_add(struct str *s, const struct command *c)
{
	int r = add_head(s, c);

	return r < 0 ? r : add_options(s, c);
}

int help_all_add(struct str *s, const struct command *const *table)
{
	int r = help_add(s, table[0]);

	if (r == 0)
		r = str_add(s, "\nCommands (stallprof COMMAND --help tells more):\n");
	for (const struct command *const *c = table + 1; r == 0 && *c; c++)
		r = add_row(s, (*c)->name, OPTION_WIDTH, (*c)->summary);
	return r < 0 ? r
		     : str_add(s, "\nTIME is a number with ns us ms s m h; alone it is seconds. "
				  "Manual: stallprof --help-man | man -l -\n");
}
