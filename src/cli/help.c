/* help.c: --help, made from the rows of a command.
 *
 * Examples first, and everything on one screen of 40 lines and 100 columns.  Prints nothing.
 */
#include "cli/command.h"

#include <string.h>

#define TERM_WIDTH 32 /* columns of the examples and options before their explanation */

/* "  left      right", the right column in line. */
static int add_row(struct str *s, const char *left, const char *right)
{
	return str_printf(s, "  %-*s  %s", TERM_WIDTH, left, right);
}

static int add_example(struct str *s, const struct example *e)
{
	int r = strlen(e->line) > TERM_WIDTH + 10
			? str_printf(s, "  %s\n  %*s", e->line, TERM_WIDTH + 10, "")
			: str_printf(s, "  %-*s", TERM_WIDTH + 10, e->line);

	return r < 0 ? r : str_printf(s, "  %s\n", e->says);
}

static int add_option(struct str *s, const struct opt *o)
{
	cleanup(str_releasep) struct str left = { 0 };
	int r = o->letter ? str_printf(&left, "-%c, ", o->letter) : str_add(&left, "    ");

	if (r == 0)
		r = str_printf(&left, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	if (r == 0)
		r = add_row(s, left.text, o->help);
	if (r == 0 && o->fallback)
		r = str_printf(s, " [%s]", o->fallback);
	return r < 0 ? r : str_add_char(s, '\n');
}

static int add_head(struct str *s, const struct command *c)
{
	int r = str_printf(s, "stallprof%s%s: %s\n\nExamples:\n", c->name ? " " : "",
			   c->name ? c->name : "", c->summary);

	for (const struct example *e = c->examples; r == 0 && e->line; e++)
		r = add_example(s, e);
	return r;
}

static int add_options(struct str *s, const struct command *c)
{
	int r = c->opts->name ? str_add(s, "\nOptions:\n") : 0;

	for (const struct opt *o = c->opts; r == 0 && o->name; o++)
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
		r = str_printf(s, "  %-*s  %s\n", TERM_WIDTH, (*c)->name, (*c)->summary);
	return r < 0 ? r
		     : str_add(s, "\nTIME is a number with ns us ms s m h; without a unit, "
				  "seconds.\n");
}
