/* perf_map.h: names of the code that processes made at run time, from /tmp/perf-PID.map.
 *
 * Owns where such a file lies (in the process's own root, by its own number), which one is
 * believed, when it is looked at again, and the tables of all processes.  Opening and reading are
 * a worker's, because the file and the file system it lies on are the process's: it may never
 * answer.  Must not know frames.
 */
#ifndef STALLPROF_TARGET_PERF_MAP_H
#define STALLPROF_TARGET_PERF_MAP_H

#include <sys/stat.h>

#include "base/cleanup.h"
#include "target/process.h"

struct perf_maps;

int perf_maps_new(struct perf_maps **ret_maps); /* 0 or -ENOMEM */
struct perf_maps *perf_maps_free(struct perf_maps *m);
DEFINE_CLEANUP(struct perf_maps *, perf_maps_free)

/* The function that the process's map puts at the address, or NULL.  Any bytes but NUL; valid until
 * the next call.  Mostly a search in memory (about 50 ns); once in a while it looks at the file,
 * which takes a second at worst, and three times as long at most for a process that lets it wait.
 */
const char *perf_maps_find(struct perf_maps *m, const struct process *p, uint64_t addr);

/* The process executes another program, as p says: nothing that its map said is believed any more,
 * nor what still stands in it.  Looks at the file, in a second at worst. */
void perf_maps_executed(struct perf_maps *m, const struct process *p);

/* When a file was written last, in CLOCK_REALTIME ns: at `from` or later, before `until`. */
struct perf_map_time {
	int64_t from, until;
};

/* Whether a file is to be believed: of one name, the user's or root's, written in that time.  0;
 * -EINVAL no plain file; -EPERM somebody else's; -ESTALE written before or after. */
int perf_map_admit(const struct stat *st, uid_t user, struct perf_map_time time);

#endif
