/* writer.h: the table of output formats.
 *
 * A format is one file that defines NAME_write() and one row in writers.def; the row makes the
 * prototype, the table entry and the line of the help.  A writer sees the sealed profile and its
 * options, and prints to a stream that its caller opened, checks and closes.  It knows no command
 * line and no file names.
 */
#ifndef STALLPROF_OUTPUT_WRITER_H
#define STALLPROF_OUTPUT_WRITER_H

#include <stdbool.h>
#include <stdio.h>

#include "model/profile.h"

struct writer_opts {
	unsigned width; /* columns of the terminal; 0: 100 */
	unsigned show;	/* rows of each table; 0: 20 */
	bool color;	/* terminal colours, text only */
	bool verbose;	/* stacks under the rows, hooks, notes in full */
	bool tree;	/* tasks by who awaits whom, text only */
	bool streamed;	/* every stall already went through `stall`: write the rest */
};

struct writer {
	const char *name;
	const char *suffix; /* of file names, with the dot */
	const char *help;   /* one line */

	/* The whole profile.  0, -EIO when the stream failed, -ENOMEM.  NULL options: the defaults.
	 */
	int (*write)(const struct profile *p, const struct writer_opts *o, FILE *f);

	/* One stall while it is being recorded, indexes refer to `p`; NULL: the format needs the
	 * whole profile.  Same errors. */
	int (*stall)(const struct profile *p, const struct stall *s, const struct writer_opts *o,
		     FILE *f);
};

/* NULL when there is none of that name, or for that path's suffix (the longest that fits). */
const struct writer *writer_find(const char *name);
const struct writer *writer_for_path(const char *path);

/* All of them in the order of the table: NULL starts, NULL ends. */
const struct writer *writer_next(const struct writer *previous);

/* What a writer returns at its end: 0, or -EIO when something could not be written. */
int writer_status(FILE *f);

#define WRITER(name, suffix, help) \
	int name##_write(const struct profile *p, const struct writer_opts *o, FILE *f);
#define WRITER_STREAMING(name, suffix, help) \
	WRITER(name, suffix, help) \
	int name##_stall(const struct profile *p, const struct stall *s, \
			 const struct writer_opts *o, FILE *f);
#include "output/writers.def"
#undef WRITER
#undef WRITER_STREAMING

#endif
