/* eh_cfa.h: runs programs of call frame instructions, and gives the rows that they make.
 *
 * Owns the DW_CFA_* operations, as far as rsp, rbp and the return address are concerned, on memory
 * that may hold anything.  Must not know how programs lie in a section.
 */
#ifndef STALLPROF_TARGET_EH_CFA_H
#define STALLPROF_TARGET_EH_CFA_H

#include <stdbool.h>
#include <stdint.h>

#include "target/eh_cursor.h"
#include "target/eh_rules.h"

/* What the programs of a CIE and its FDEs have in common. */
struct eh_cfa {
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding; /* of addresses */
	bool signal;	  /* of a signal frame */
	bool broken;	  /* its own program cannot be followed */
	struct eh_rules first;
};

/* Takes one row: the rule, as of eh_rules_row, holds from pc on.  A negative errno ends the run. */
typedef int eh_cfa_row(void *arg, uint64_t pc, const struct unwind_escape *rule);

/* Runs the program of a CIE, which sets *cfa up. */
void eh_cfa_start(struct eh_cfa *cfa, struct eh_cursor program);

/* Runs the program of an FDE of the code from pc to before end, and gives its rows, ascending, the
 * first at pc.  From an instruction on that cannot be followed the row is UNWIND_OTHER.  0, or what
 * fn returned. */
int eh_cfa_run(const struct eh_cfa *cfa, struct eh_cursor program, uint64_t pc, uint64_t end,
	       eh_cfa_row *fn, void *arg);

#endif
