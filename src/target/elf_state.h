/* elf_state.h: an open ELF file, shared by the files that implement elf.h and nobody else. */
#ifndef STALLPROF_TARGET_ELF_STATE_H
#define STALLPROF_TARGET_ELF_STATE_H

#include <gelf.h>
#include <libelf.h>

#include "base/vec.h"
#include "target/elf.h"

struct elf_image {
	int fd;	       /* -1: in memory */
	uint64_t size; /* of the file, bytes */
	Elf *elf;
	GElf_Ehdr head;
	size_t program_headers;
	VEC(struct elf_load) loads;
};

#endif
