/* native.h: whether a return address found by frame pointer can be one.
 *
 * Code built without frame pointers leaves garbage in the chain; this tells it from call sites by
 * looking at the bytes before the address.  Must not know symbols or events.
 */
#ifndef STALLPROF_TARGET_NATIVE_H
#define STALLPROF_TARGET_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/process.h"

/* Whether the len bytes (at most 7 are looked at, the last ones) end in an x86-64 near call. */
bool native_ends_in_call(const uint8_t *bytes, size_t len);

/* Whether addr lies in an executable mapping. */
bool native_executable(struct process *p, uint64_t addr);

/* Whether addr lies in an executable mapping right behind a call instruction. */
bool native_plausible(struct process *p, uint64_t addr);

#endif
