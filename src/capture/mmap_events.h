/* mmap_events.h: which executable mappings the processes of this machine make.
 *
 * Owns one perf event for each CPU and the buffer that it writes to; every process is in them.  The
 * records are there before the call that made the mapping returns.  Nothing tells of mappings that
 * go.  Must not know which processes are watched.
 */
#ifndef STALLPROF_CAPTURE_MMAP_EVENTS_H
#define STALLPROF_CAPTURE_MMAP_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct mmap_event {
	uint64_t ts; /* CLOCK_MONOTONIC ns */
	uint32_t tgid;
	bool file; /* else anonymous */
	uint64_t start, end;
};

struct mmap_events;

#define MMAP_EVENTS_ONLINE "/sys/devices/system/cpu/online"

/* online: the file that lists the processors that run, borrowed; without it all that could
 * are tried.
 * 0, or negative errno: the kernel refuses them all. */
int mmap_events_open(const char *online, struct mmap_events **ret_events);
struct mmap_events *mmap_events_close(struct mmap_events *e);
DEFINE_CLEANUP(struct mmap_events *, mmap_events_close)

/* For poll: readable when there are some. */
int mmap_events_fd(const struct mmap_events *e);
/* Hands over what came since the last time, in order for each CPU.  True: some were lost. */
bool mmap_events_read(struct mmap_events *e, void (*put)(void *ctx, const struct mmap_event *event),
		      void *ctx);

/* Listens to processors that run since the last time, too: what was mapped there meanwhile is not
 * told.  How many; negative errno: one of them refuses, and stays so until it comes once more. */
int mmap_events_follow(struct mmap_events *e);

/* The record at bytes, as the kernel writes it.  False: it is no mapping of code. */
bool mmap_record_parse(const void *bytes, size_t len, struct mmap_event *ret_event);

#endif
