/* rename.h: names native frames of a recording that have none, from debug files at hand, or
 * from servers that have them.
 *
 * A sink before the model: a recording says of each such frame which build of which module it lies
 * in, and where.  Frames that have a name keep it; those that get one get their source line and
 * the functions inlined there, too.
 */
#ifndef STALLPROF_CLI_RENAME_H
#define STALLPROF_CLI_RENAME_H

#include "recording/chunk.h"

struct debuginfod;
struct rename_build;
struct rename_module;
struct rename_file;

struct rename {
	struct chunk_sink sink; /* put chunks here */
	struct chunk_sink *to;
	int folder;		  /* -1: none */
	struct debuginfod *fetch; /* NULL: nobody is asked; without both every chunk passes as it is
				   */
	int fetch_error;	  /* the last one but -ENOENT; 0: none */
	bool listed;
	struct rename_module *modules; /* by number */
	struct rename_build *builds;   /* by build id */
	struct {
		struct rename_file *items;
		size_t count, room;
	} files; /* that lie in the folder itself */
	struct demangler *demangler;
	struct lines *lines;
	unsigned int kept;   /* files held open for their lines */
	struct str copy;     /* of a chunk that had to be changed */
	unsigned int wanted; /* builds of modules with nameless frames */
	unsigned int found;  /* those of them that a file was found for */
};

/* folder: laid out like /usr/lib/debug or with such a tree in it, or a plain folder of ELF files;
 * NULL: none.  fetch: what is not there comes from servers; becomes the rename's, NULL: it does
 * not.  `to` stays the caller's; `r` must not move.  0, -ENOMEM, the error of open. */
int rename_init(struct rename *r, struct chunk_sink *to, const char *folder,
		struct debuginfod *fetch);
void rename_release(struct rename *r);

#endif
