/* process.h: one observed process: identity, memory map, memory.
 *
 * Owns everything that is read from /proc/PID (the /proc path is a parameter, so that tests feed
 * recorded trees) and reads of the target's memory.  The target is never stopped, ptraced,
 * signalled or written to.  Must not know runtimes, symbols or events.
 */
#ifndef STALLPROF_TARGET_PROCESS_H
#define STALLPROF_TARGET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "target/maps.h"

#define PROCESS_TIDS_MAX     65536
#define PROCESS_CHILDREN_MAX 4096

struct process {
	int pid;    /* as the caller's /proc numbers it */
	int ns_pid; /* inside its own innermost pid namespace */
	int pidfd;  /* -1: not held (recorded tree, or the kernel refused) */
	int dir;    /* /proc/PID, open; survives reuse of the pid: reads then give -ESRCH */
	uint64_t start_ticks; /* since boot, in clock ticks (USER_HZ): field 22 of stat */
	int64_t executed;     /* CLOCK_REALTIME ns of the last exec that was seen; 0: none */
	bool kernel_thread;
	bool live_memory; /* false for a recorded tree: process_read gives -ENOTSUP */
	char comm[32];
	char *proc;    /* the /proc path given */
	char *exe;     /* link target without " (deleted)", "" if not readable */
	char *cmdline; /* arguments joined by spaces */
	char *root;    /* as this process names it; "" if not readable */
	char *cwd;     /* inside its own root; "" if not readable */
	struct maps maps;
	uint64_t maps_at; /* CLOCK_MONOTONIC ns of the last read of maps */
};

/* proc: "/proc" or the root of a recorded tree.  pid may be any thread's: the process is that of
 * its thread group.  -ESRCH: no such process, or a zombie.  Kernel threads open with kernel_thread
 * set (the caller refuses them).  Other negative errno of open and read. */
int process_open(const char *proc, int pid, struct process **ret_process);
struct process *process_close(struct process *p);
DEFINE_CLEANUP(struct process *, process_close)

/* False once it has exited (all threads) or become a zombie; a reused pid does not count as alive.
 */
bool process_alive(const struct process *p);

/* The user whose rights it has now.  0, -ESRCH. */
int process_user(const struct process *p, uid_t *ret_uid);

/* When it began, in CLOCK_REALTIME nanoseconds as the clock stands now; to a tick (10 ms). */
int64_t process_born(const struct process *p);

/* It began another program at that time of CLOCK_MONOTONIC: process_refresh it. */
void process_executed(struct process *p, uint64_t at);

/* Rereads name, exe, command line and maps, after an exec.  0 or -ESRCH, -ENOMEM. */
int process_refresh(struct process *p);

/* Rereads /proc/PID/maps only.  0 or negative errno; the old map stays on failure. */
int process_refresh_maps(struct process *p);

/* The mapping that holds addr.  On a miss the map is read again, at most every 100 ms.
 * NULL: none.  Valid until the next refresh. */
const struct mapping *process_map(struct process *p, uint64_t addr);

/* The ids of its threads, ascending, at most PROCESS_TIDS_MAX; *ret_tids by malloc.
 * 0, -ESRCH, -ENOMEM. */
int process_tids(const struct process *p, int **ret_tids, size_t *ret_count);

/* The processes that its threads started and that are there now, ascending, zombies too; at most
 * PROCESS_CHILDREN_MAX, and none on a kernel that lists none.  *ret_pids by malloc, NULL for none.
 * 0, -ESRCH, -ENOMEM. */
int process_children(const struct process *p, int **ret_pids, size_t *ret_count);

/* The id of the thread that its own pid namespace numbers ns_tid.  0, -ESRCH, -ENOMEM. */
int process_tid(const struct process *p, int ns_tid, int *ret_tid);

/* Reads memory, at most 1 MiB.  Bytes read (may be short, where the readable part ends), or
 * -EFAULT nothing there, -ESRCH gone, -EPERM, -ENOTSUP recorded tree. */
ssize_t process_read(const struct process *p, uint64_t addr, void *buf, size_t len);
/* All of it or a negative errno (-EFAULT when short). */
int process_read_all(const struct process *p, uint64_t addr, void *buf, size_t len);
int process_read_u64(const struct process *p, uint64_t addr, uint64_t *ret_word);

#endif
