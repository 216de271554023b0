/* unwound.h: one watched process as the unwinder knows it: its code, and how that changed.
 *
 * Owns the references to the tables of its files, what became of its addresses over time, and which
 * frames of a stack can be trusted then: a stack may have been taken before a change that is known
 * by now, or walked after one that was not told yet.  Must not know libbpf.
 */
#ifndef STALLPROF_CAPTURE_UNWOUND_H
#define STALLPROF_CAPTURE_UNWOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "capture/mmap_events.h"
#include "capture/unwind_tables.h"
#include "target/process.h"

struct unwound;

/* p is borrowed.  told: mmap_events are there for it.  0 or -ENOMEM. */
int unwound_new(struct process *p, bool told, struct unwound **ret_unwound);
struct unwound *unwound_free(struct unwound *u);
DEFINE_CLEANUP(struct unwound *, unwound_free)

/* It runs another program: everything is forgotten. */
void unwound_exec(struct unwound *u);

/* It has mapped code; or some of what it did was lost. */
void unwound_mapped(struct unwound *u, const struct mmap_event *event);
void unwound_lost(struct unwound *u);
/* Not all of it is told any more. */
void unwound_untold(struct unwound *u);
/* Code was met that is in no mapping known. */
void unwound_missed(struct unwound *u);
/* When its mappings are to be read anew, CLOCK_MONOTONIC ns; UINT64_MAX: no need. */
uint64_t unwound_due(const struct unwound *u);
/* What is known may name an address wrongly in a stack of that time. */
bool unwound_stale(const struct unwound *u, uint64_t ts);

/* Reads the mappings anew if that is needed and has not cost too much already, and finds the files
 * behind them; those that somebody else has read since, too.  1: the entry is to be published; 0;
 * or negative errno. */
int unwound_refresh(struct unwound *u, struct unwind_tables *t);
/* Fills the entry from what is known.  Returns how many mappings found no room. */
unsigned int unwound_entry(struct unwound *u, struct unwind_proc *ret_entry);
/* The one of a process of which nothing is known yet. */
void unwound_entry_empty(const struct unwound *u, struct unwind_proc *ret_entry);
/* The kernel side walks by that entry from now on. */
void unwound_published(struct unwound *u, uint64_t now);
/* There was no room for the entry: it has none until the next attempt, which is due soon. */
void unwound_unpublished(struct unwound *u);
/* Files of the published entry were not built yet. */
bool unwound_waits(const struct unwound *u);
/* The file of the mapping that holds the address; NULL: none. */
struct unwind_file *unwound_file(const struct unwound *u, uint64_t addr);

/* Takes out of the native part what cannot be trusted: an address whose code was replaced since
 * becomes 0, and what was found by the rows of other code goes, also that of the program before an
 * exec.  False: something was. */
bool unwound_sift(const struct unwound *u, struct event_stack *s);

#endif
