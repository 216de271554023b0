/* options.h: command line options as typed rows.
 *
 * A command declares its options once, as rows next to the struct that they fill.  Parsing, --help,
 * the usage errors and the manual page all come from these rows.  Owns the row and the parser; must
 * not know any command, and prints nothing.
 */
#ifndef STALLPROF_CLI_OPTIONS_H
#define STALLPROF_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "base/vec.h"

struct ids {
	pid_t *items; /* owned */
	size_t count;
	size_t room;
};

struct texts {
	const char **items; /* the array is owned, the texts belong to argv */
	size_t count;
	size_t room;
};

/* The kind says what type stands at `offset`. */
enum opt_kind {
	OPT_FLAG = 0,	   /* bool */
	OPT_TIME = 1,	   /* uint64_t, nanoseconds, never 0 once given */
	OPT_TEXT = 2,	   /* const char *, the last one given counts */
	OPT_TEXTS = 3,	   /* struct texts, each one given is added */
	OPT_IDS = 4,	   /* struct ids, added likewise */
	OPT_ELSEWHERE = 5, /* of another command: refused with its help, not listed; no value */
	OPT_KIND_COUNT = 6,
};

struct opt {
	const char *name; /* long name without dashes; NULL ends the table */
	char letter;	  /* short name; 0: none */
	enum opt_kind kind;
	size_t offset;	      /* of the value in the struct of the command */
	const char *arg;      /* "TIME"; NULL for a flag */
	const char *help;     /* one phrase for --help */
	const char *fallback; /* what holds without the option, NULL: nothing to say */
	const char *more;     /* further sentences for the manual page, or NULL */
};

/* What is left when the options are taken out. */
struct operands {
	struct texts words;   /* before "--" */
	char *const *command; /* what follows "--", ends in NULL; NULL: there was no "--" */
};

void operands_release(struct operands *o);

/* Fills `values` and the operands from argv[0..argc), which ends in NULL.  Options may stand
 * anywhere before "--".  0; 1: --help was asked for; -EINVAL: one line in ret_why that names the
 * option and the cure; -ENOMEM. */
int options_parse(const struct opt *rows, void *values, int argc, char *const *argv,
		  struct operands *ret_operands, struct str *ret_why);

/* Frees what options_parse allocated in `values`. */
void options_release(const struct opt *rows, void *values);

/* "1,2,3" added to the list.  Only positive decimal numbers; -EINVAL, -ERANGE over INT_MAX,
 * -ENOMEM; on failure the list is unchanged. */
int ids_parse(const char *text, struct ids *list);

/* The candidate that is one or two typing mistakes away from `word`, or that it begins; else NULL.
 * `next` gives candidate i, NULL behind the last. */
const char *nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
		    const void *ctx);

#endif
