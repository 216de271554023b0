/* outputs.h: where results go: formats, files, standard output.
 *
 * Owns the options -o -F -f, the choice of a writer for each, and that a file appears whole or not
 * at all.  Every problem that can be known beforehand is found by outputs_plan, before anything is
 * measured.  Must not know how the profile came to be.
 */
#ifndef STALLPROF_CLI_OUTPUTS_H
#define STALLPROF_CLI_OUTPUTS_H

#include "cli/options.h"
#include "output/writer.h"

struct output_opts {
	struct texts paths;
	const char *format;
	bool folded;
};

struct output {
	char *path;		     /* NULL: standard output; links resolved; owned */
	const struct writer *writer; /* NULL: the recording itself */
	bool direct;		     /* device, fifo or standard output: written in place */
	bool streamed;		     /* the stalls were written as they ended */
};

/* All zero is empty. */
struct outputs {
	struct output *items;
	size_t count;
	size_t room;
	bool tree; /* how text shows tasks; the command says so */
};

/* -EINVAL: wrong usage; other negative errno: cannot be written there.  Both with one line in
 * ret_why.  `can_record`: the command makes recordings. */
int outputs_plan(const struct output_opts *o, bool can_record, struct outputs *ret_outputs,
		 struct str *ret_why);
void outputs_release(struct outputs *o);

/* One phrase for what recording_create or recording_finish returned. */
const char *outputs_error(int r);

/* Of the planned recording; NULL: none is wanted. */
const char *outputs_recording(const struct outputs *o);

/* Whether somebody reads the summary on standard output, which tells when there is nothing. */
bool outputs_tell(const struct outputs *o);

/* Writes one ended stall to the outputs that take stalls one by one; 0 or negative errno. */
int outputs_stall(struct outputs *o, const struct profile *p, const struct stall *s);

/* Writes everything but the recording, the rest also when one fails: then the first error, and a
 * line for each in ret_why. */
int outputs_write(struct outputs *o, const struct profile *p, bool verbose, struct str *ret_why);

/* Help of -F: the names of all formats, made from the table of writers. */
extern const char outputs_format_help[];

#define OUTPUT_ROWS(type, member) \
	{ "output",	    'o', \
	  OPT_TEXTS,	    offsetof(type, member.paths), \
	  "FILE",	    "format by suffix; several times; - is stdout", \
	  "text on stdout", NULL }, \
		{ "format", 'F', \
		  OPT_TEXT, offsetof(type, member.format), \
		  "NAME",   outputs_format_help, \
		  NULL,	    NULL }, \
	{ \
		"folded", 'f', OPT_FLAG, offsetof(type, member.folded), NULL, \
			"folded stacks on stdout, for flamegraph.pl", NULL, NULL \
	}

#endif
