/* command.h: what a command of stallprof is.
 *
 * One row of the table in main.c.  The texts are plain sentences; --help and the manual page are
 * made from them.  Must not know which commands there are.
 */
#ifndef STALLPROF_CLI_COMMAND_H
#define STALLPROF_CLI_COMMAND_H

#include "base/version.h"
#include "cli/options.h"

enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
};

struct example {
	const char *line; /* NULL ends the list */
	const char *says;
};

struct command {
	const char *name;     /* NULL: the one that needs no name */
	const char *operands; /* "FILE", "" */
	const char *summary;  /* one phrase */
	const char *about;    /* paragraphs for the manual page, parted by empty lines */
	const struct example *examples;
	const struct opt *opts;
	int (*run)(const struct command *self, int argc, char **argv); /* argv without names */
};

extern const struct command command_watch, command_record, command_report, command_tasks,
	command_check, command_schema;

/* Parses for a command.  True: go on.  False: --help was shown or the usage error printed, and
 * *ret_status is what to exit with.  Either way the caller releases opts and operands. */
bool command_parse(const struct command *c, void *opts, int argc, char **argv,
		   struct operands *ret_operands, int *ret_status);

/* Finds the command in argv and runs it; the exit status.  `table` ends in NULL, its first entry
 * is the one without a name. */
int command_main(const struct command *const *table, int argc, char **argv);

/* The texts, made from the rows: --help of one command, that of the whole program, and the manual
 * page in roff.  0 or -ENOMEM. */
int help_add(struct str *s, const struct command *c);
int help_all_add(struct str *s, const struct command *const *table);
int man_add(struct str *s, const struct command *const *table);

/* Writes to standard output, says so when that fails; the exit status. */
int print_out(const struct str *s);

#endif
