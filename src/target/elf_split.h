/* elf_split.h: where the code of one function lies, also the part that the compiler moved away.
 *
 * GCC puts blocks that it takes for unlikely into a part of their own, far from the rest and, in a
 * stripped file, without a name; of some builds that part is nearly all of the function.  The
 * function jumps into the middle of it, which nothing else does.  Must not know what the function
 * is.
 */
#ifndef STALLPROF_TARGET_ELF_SPLIT_H
#define STALLPROF_TARGET_ELF_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "target/process.h"

#define ELF_SPLIT_CODE_MAX \
	(1u << 20) /* bytes of a function; of a larger one the rest is unseen \
		    */

/* Virtual addresses in the file's own numbering. */
struct elf_range {
	uint64_t start;
	uint64_t end; /* behind it; 0: not there, or not known */
};

struct elf_split {
	struct elf_range main; /* as its symbol says */
	struct elf_range part; /* what was moved away */
};

/* In the sandbox, the same on 0; -ENOENT: no such symbol; the errors of elf_image_open,
 * elf_open_mapping and sandbox_run.  What cannot be read of tables leaves `part` empty. */
int elf_split_mapping(const struct process *p, const struct mapping *m, const char *name,
		      struct elf_split *ret_split);

/* The part to which code jumps, among the functions that begin at the ascending starts; the last
 * start is the end of all code. */
struct elf_range elf_split_part(const uint8_t *code, size_t len, uint64_t vaddr,
				const uint64_t *starts, size_t n_starts);

/* The addresses at which a file's functions begin, ascending, out of the bytes of its .eh_frame_hdr
 * section at vaddr; at most n_max of them.  How many; 0: not of the form that linkers write. */
size_t elf_split_starts(const uint8_t *header, size_t len, uint64_t vaddr, uint64_t *ret_starts,
			size_t n_max);

#endif
