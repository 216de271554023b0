/* maps.h: the memory map of a process, from the text of /proc/PID/maps.
 *
 * Owns the parser and the lookup by address.  Pure: reads no file, so that it can be fuzzed and
 * tested on recorded text.  The text is hostile: paths hold any byte, lines may be cut.
 */
#ifndef STALLPROF_TARGET_MAPS_H
#define STALLPROF_TARGET_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/* More mappings than this are ignored; the kernel's own default limit is 65530. */
#define MAPS_MAX 131072

struct mapping {
	uint64_t start;	 /* first address */
	uint64_t end;	 /* first address after it */
	uint64_t offset; /* in the file, bytes */
	uint64_t dev;	 /* major << 20 | minor, as in wait_target.dev */
	uint64_t ino;	 /* 0: no file */
	bool read;
	bool write;
	bool exec;
	bool deleted;	  /* the kernel had appended " (deleted)"; path is without it */
	const char *path; /* "" for anonymous memory; "[stack]" and the like kept; owned by maps */
};

/* All zero is an empty map. */
struct maps {
	VEC(struct mapping) list; /* sorted by start, not overlapping */
	char *text;		  /* holds the paths */
};

/* Replaces m's content.  Lines that make no sense are skipped.  0 or -ENOMEM (m unchanged). */
int maps_parse(struct maps *m, const char *text, size_t len);
void maps_release(struct maps *m);

/* The mapping that holds addr, or NULL.  Valid until the next parse. */
const struct mapping *maps_find(const struct maps *m, uint64_t addr);

/* Lowest address at which that file is mapped (with its offset), or NULL. */
const struct mapping *maps_first_of_file(const struct maps *m, uint64_t dev, uint64_t ino);

/* Last component of the mapping's path; "" if it has none. */
const char *mapping_basename(const struct mapping *m);

/* Whether some file whose last component begins so is mapped. */
bool maps_has(const struct maps *m, const char *start);

#endif
