/* elf_query.h: a few facts of one ELF file, looked up in the sandbox.
 *
 * Owns the question a runtime asks of an interpreter's file: where are these symbols, or
 * sections (names that begin with a dot)?  The answer is one block of fixed size.  Must not know
 * what the symbols mean.
 */
#ifndef STALLPROF_TARGET_ELF_QUERY_H
#define STALLPROF_TARGET_ELF_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/elf.h"
#include "target/process.h"

#define ELF_QUERY_MAX 96 /* names per question, at most ELF_NAMES_MAX */

struct elf_facts {
	uint32_t position_dependent; /* ET_EXEC: load bias 0 */
	uint32_t n_loads;
	struct elf_load loads[ELF_LOADS_MAX];
	struct elf_symbol
		symbols[ELF_QUERY_MAX]; /* in the order of the names; value 0: not there */
};

/* names: NULL at the end, at most ELF_QUERY_MAX.  0; the errors of elf_image_open and sandbox_run.
 */
int elf_query(int fd, const char *const *names, struct elf_facts *ret_facts);

/* The same for the file behind a mapping of p; in addition the errors of elf_open_mapping. */
int elf_query_mapping(const struct process *p, const struct mapping *m, const char *const *names,
		      struct elf_facts *ret_facts);

/* What to add to a symbol's value in that process: m is any mapping of the file in it. */
uint64_t elf_facts_bias(const struct elf_facts *f, const struct process *p,
			const struct mapping *m);

#endif
