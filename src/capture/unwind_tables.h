/* unwind_tables.h: the unwind tables of the files that watched processes execute.
 *
 * Owns one entry for each file, whoever maps it, and what was published of it: built when it is
 * asked for, in the order of how soon it is needed; failures are remembered; kept for a while after
 * the last process that had it.  Files with the same table (a library in ten containers) share its
 * rows.  Must not know process entries or libbpf.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_TABLES_H
#define STALLPROF_CAPTURE_UNWIND_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "capture/unwind_space.h"
#include "target/mapped_file.h"

#define UNWIND_UNUSED_KEPT 30000000000ULL /* ns: for the next process of the same program */

enum unwind_file_state {
	UNWIND_FILE_WAITS, /* not built yet */
	UNWIND_FILE_READY,
	UNWIND_FILE_NONE, /* it has no table, or that could not be had: by frame pointer */
};

struct unwind_tables;
struct unwind_file; /* a reference is held by each mapping of it */

/* space is borrowed.  0 or -ENOMEM. */
int unwind_tables_new(struct unwind_space *space, struct unwind_tables **ret_tables);
struct unwind_tables *unwind_tables_free(struct unwind_tables *t);
DEFINE_CLEANUP(struct unwind_tables *, unwind_tables_free)

/* The file behind an executable mapping; rank: lower ones are built first.  0; -ENOENT no file;
 * -ENOMEM, -ENOSPC too many, or the error of opening it. */
int unwind_tables_get(struct unwind_tables *t, const struct process *p, const struct mapping *m,
		      unsigned int rank, struct unwind_file **ret_file);
/* One of these for each get. */
void unwind_file_put(struct unwind_file *f, uint64_t now);

#define UNWIND_RANK_URGENT 1 /* and those below: most stacks go through them */

/* Builds and publishes those that are needed soonest, none of a rank beyond `last`: in as many
 * workers as there are processors and at most four, some files in each.  False: none waits. */
bool unwind_tables_build_next(struct unwind_tables *t, unsigned int last);
/* The same for this one, if it waits. */
void unwind_tables_build(struct unwind_tables *t, struct unwind_file *f);
/* Forgets what nobody has used for a while, and frees its room. */
void unwind_tables_reap(struct unwind_tables *t, uint64_t now);

enum unwind_file_state unwind_file_state(const struct unwind_file *f);
const struct file_identity *unwind_file_identity(const struct unwind_file *f);
/* Of a file that is ready: where its pages are, and what to subtract from an address in the
 * mapping.  False: the mapping shows none of its code. */
bool unwind_file_place(const struct unwind_file *f, const struct mapping *m,
		       struct unwind_mapping *ret_mapping);

/* Since the beginning: tables that found no room, and files whose table was given up. */
struct unwind_tables_counts {
	uint64_t built, without_room, failed;
};
struct unwind_tables_counts unwind_tables_counts(const struct unwind_tables *t);

#endif
