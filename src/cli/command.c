/* command.c: finds the command that was asked for and parses its options.
 *
 * Owns what all commands share on the command line: --help, --version, --help-man and the words for
 * a command that does not exist.  Must not know any command by name.
 */
#include "cli/command.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

int print_out(const struct str *s)
{
	fwrite(str_text(s), 1, s->len, stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_DONE;
	log_error("standard output: %s: send it somewhere that takes it", strerror(errno));
	return STATUS_FAILED;
}

static int print_made(int r, const struct str *s)
{
	if (r == 0)
		return print_out(s);
	log_error("%s", strerror(-r));
	return STATUS_FAILED;
}

bool command_parse(const struct command *c, void *opts, int argc, char **argv,
		   struct operands *ret_operands, int *ret_status)
{
	cleanup(str_releasep) struct str text = { 0 };
	int r = options_parse(c->opts, opts, argc, argv, ret_operands, &text);

	if (r == 1) {
		str_clear(&text);
		*ret_status = print_made(help_add(&text, c), &text);
	} else if (r == -EINVAL) {
		log_error("%s", str_text(&text));
		*ret_status = STATUS_USAGE;
	} else if (r < 0) {
		log_error("options: %s", strerror(-r));
		*ret_status = STATUS_FAILED;
	}
	return r == 0;
}

static const char *next_command(const void *ctx, size_t i)
{
	const struct command *const *table = ctx;

	return table[i] ? table[i]->name : NULL;
}

/* A first word that is no command: what people type who have not read the help. */
static int refuse_word(const struct command *const *named, const char *word)
{
	const char *meant = nearest(word, next_command, named);

	if (meant)
		log_error("%s: unknown command: did you mean stallprof %s?", word, meant);
	else if (strspn(word, "0123456789,") == strlen(word))
		log_error("%s: unknown command: to watch a process write stallprof -p %s", word,
			  word);
	else
		log_error("%s: unknown command: to start a program write stallprof -- %s", word,
			  word);
	return STATUS_USAGE;
}

int command_main(const struct command *const *table, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "--";
	cleanup(str_releasep) struct str text = { 0 };

	if (strcmp(word, "--version") == 0)
		return print_made(str_add(&text, "stallprof " STALLPROF_VERSION "\n"), &text);
	if (strcmp(word, "--help-man") == 0)
		return print_made(man_add(&text, table), &text);
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return print_made(help_all_add(&text, table), &text);
	if (word[0] == '-')
		return table[0]->run(table[0], argc - 1, argv + 1);
	for (const struct command *const *c = table + 1; *c; c++)
		if (strcmp((*c)->name, word) == 0)
			return (*c)->run(*c, argc - 2, argv + 2);
	return refuse_word(table + 1, word);
}
