/* perf_map_table.h: the functions that a program made at run time, by address.
 *
 * Owns the lines of a perf map ("START SIZE name", hexadecimal), the worker's job that reads them,
 * the layout of what it sends back, and the table.  A line's addresses are its own: whatever older
 * lines said of any part of them is forgotten, because their code is gone.  Must not know where the
 * file lies.
 */
#ifndef STALLPROF_TARGET_PERF_MAP_TABLE_H
#define STALLPROF_TARGET_PERF_MAP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define PERF_MAP_READ_MAX    (32u << 20) /* bytes read at once, the last ones of the file */
#define PERF_MAP_ENTRIES_MAX (1u << 19)	 /* functions; of more the last lines count */
#define PERF_MAP_NAMES_MAX   (64u << 20) /* bytes of names */
#define PERF_MAP_NAME_MAX    1023	 /* bytes; longer names are cut */
#define PERF_MAP_LINE_MAX    8192	 /* bytes; longer lines are no lines */
#define PERF_MAP_SIZE_MAX    (1u << 30)	 /* bytes of code of one function */

/* How far a file was read; all zero: not at all.  Equal bytes throughout, it is a sandbox job's
 * argument and part of its result. */
struct perf_map_mark {
	uint64_t dev, ino;
	uint64_t next;	/* offset of what was not read yet */
	uint64_t trace; /* hash of the bytes before it */
};

struct perf_map_entry {
	uint64_t addr;
	uint32_t size;
	uint32_t name; /* offset of it, or PERF_MAP_FORGET */
};

#define PERF_MAP_FORGET UINT32_MAX /* there was code, it is gone already; never in a table */

/* What the job sends back: this, the entries (sorted, not overlapping), the names. */
struct perf_map_head {
	struct perf_map_mark mark; /* to go on from */
	uint32_t again;		   /* the file was read anew: forget what is known */
	uint32_t entries;
	uint64_t names; /* bytes */
};

/* A sandbox_job: reads what was appended since the mark, arg; the last PERF_MAP_READ_MAX bytes of
 * the file if it is another or was written anew, or if more was appended.  0, -errno of reading,
 * -ENOMEM. */
int perf_map_block(int fd, const void *arg, struct str *result);

/* All zero is empty. */
struct perf_map_table {
	struct perf_map_entry *entries;
	size_t count;
	struct str names;
};

/* Checks what came back and adds it.  0; -EFBIG: more than a table holds: it is empty now, and so
 * is the mark; -EIO: makes no sense, -ENOMEM: both as they were. */
int perf_map_table_add(struct perf_map_table *t, const struct str *block,
		       struct perf_map_mark *mark);
void perf_map_table_release(struct perf_map_table *t);

/* The function that holds the address, or NULL.  Any bytes but NUL; valid until the next add. */
const char *perf_map_table_find(const struct perf_map_table *t, uint64_t addr);

#endif
