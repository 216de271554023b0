/* eh_rules.h: where the caller's registers are at one place of the code, and the row that says so.
 *
 * Owns which rules of DWARF a walk over rsp, rbp and the return address can follow; all others
 * become UNWIND_OTHER, never a guess.  Must not know instructions, nor how rows lie in memory.
 */
#ifndef STALLPROF_TARGET_EH_RULES_H
#define STALLPROF_TARGET_EH_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/unwind.h"
#include "target/eh_cursor.h"

/* DWARF's numbers on x86-64; 16 is the column of the return address. */
#define EH_REG_RBP 6
#define EH_REG_RSP 7
#define EH_REG_RA  16

enum eh_how {
	EH_UNSET = 0, /* no instruction has spoken of it */
	EH_UNDEFINED,
	EH_SAME,
	EH_AT_CFA,	/* saved at CFA + number */
	EH_IN_REGISTER, /* in register `number` */
	EH_AT_RBP,	/* saved at rbp + number */
	EH_AT_RSP,	/* saved at rsp + number */
	EH_OTHER,
};

struct eh_rule {
	int64_t number;
	enum eh_how how;
};

enum { EH_RBP, EH_RSP, EH_RA, EH_TRACKED };

/* All rules at one place of the code. */
struct eh_rules {
	struct eh_rule of[EH_TRACKED];
	/* The CFA: register + off, or by an expression. */
	uint64_t reg;
	int64_t off;
	bool by_expression;
	enum unwind_cfa expression; /* UNWIND_OTHER: one that is not followed */
	uint64_t expression_reg;    /* UNWIND_REGISTER */
	int64_t expression_off, expression_add;
};

/* The CFA by an expression: register + off; that of a PLT; *(register + off), with or without
 * + add.  Others are UNWIND_OTHER. */
void eh_rules_cfa_expression(struct eh_rules *r, struct eh_cursor expression);
/* Where a register is saved by an expression: at rbp + number or rsp + number, or EH_OTHER. */
struct eh_rule eh_rule_expression(struct eh_cursor expression);

/* cfa is neither NONE nor ESCAPE; kinds that use no numbers have none, so that equal rules are
 * equal byte by byte. */
void eh_rules_row(const struct eh_rules *r, bool is_signal, struct unwind_escape *ret_rule);

#endif
