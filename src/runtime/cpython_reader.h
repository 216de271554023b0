/* cpython_reader.h: bounded reads of one Python process's memory, page by page.
 *
 * Owns the range check of every address and a small cache of pages, so that readers of objects may
 * ask for words and still make few system calls.  What was read stays as it was read until
 * cpython_reader_begin: call that at the start of each question.  Must not know objects.
 *
 * The memory is a function, so that tests and fuzzing read an image.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_READER_H
#define STALLPROF_RUNTIME_CPYTHON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/cpython_layout.h"
#include "runtime/cpython_offsets.h"

/* All of it: 0; -EFAULT: a part is not there; -ESRCH: the process is gone. */
typedef int cpython_read_fn(const void *memory, uint64_t addr, void *buf, size_t len);

struct cpython_page;

struct cpython_reader {
	const struct cpython_offsets *o; /* borrowed, as are l and memory */
	const struct cpython_layout *l;
	cpython_read_fn *read;
	const void *memory;
	struct cpython_page *pages;
	void *types; /* of cpython_objects.c, which keeps what does not change; malloc */
	uint64_t turn;
	uint64_t calls; /* of read, ever */
	uint64_t limit; /* no more than so many */
};

/* read: cpython_read_process with a struct process as memory, or a test's.  0 or -ENOMEM. */
int cpython_reader_init(struct cpython_reader *rd, cpython_read_fn *read, const void *memory,
			const struct cpython_offsets *o, const struct cpython_layout *l);
void cpython_reader_release(struct cpython_reader *rd);
cpython_read_fn cpython_read_process;

/* Forgets what was read: a new question begins. */
void cpython_reader_begin(struct cpython_reader *rd);
/* From here to the next question at most so many reads of memory; then everything is -EFAULT. */
void cpython_reader_limit(struct cpython_reader *rd, uint64_t reads);

/* len: at most 1 MiB.  0; -EFAULT: not a user address, or not there; -ESRCH: gone. */
int cpython_read(struct cpython_reader *rd, uint64_t addr, void *buf, size_t len);
int cpython_read_word(struct cpython_reader *rd, uint64_t addr, uint64_t *ret_word);
int cpython_read_s32(struct cpython_reader *rd, uint64_t addr, int32_t *ret_number);

/* Past the cache: what it is by now. */
int cpython_read_fresh(struct cpython_reader *rd, uint64_t addr, void *buf, size_t len);

#endif
