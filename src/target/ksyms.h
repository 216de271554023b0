/* ksyms.h: names of kernel code from /proc/kallsyms, and which of them are the observer's own.
 *
 * Owns the sorted table and the list of tracing machinery that a stack taken in a probe begins
 * with. Must not know events.  An unprivileged reader sees zero addresses: then there are no names.
 */
#ifndef STALLPROF_TARGET_KSYMS_H
#define STALLPROF_TARGET_KSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ksyms;

/* path: "/proc/kallsyms" or a recorded one.  Opens it, with the rights of that moment, and reads
 * the rest when a name is asked for first.  -ENODATA: no usable address in it; negative errno of
 * reading; -ENOMEM. */
int ksyms_open(const char *path, struct ksyms **ret_ksyms);
struct ksyms *ksyms_close(struct ksyms *k);
DEFINE_CLEANUP(struct ksyms *, ksyms_close)

size_t ksyms_count(struct ksyms *k);

/* The function that holds the address, or NULL; k may be NULL.  Belongs to k. */
const char *ksyms_find(struct ksyms *k, uint64_t addr);

/* Whether a function belongs to BPF or tracing rather than to what the thread was doing. */
bool ksym_is_probe(const char *name);

#endif
