/* eh_rows.h: rows of call frame information as text, so that a test says what it expects in a line.
 *
 * `100: rsp+8; 101: rbp+16 rbp=cfa-16; 10f: none`: address in hexadecimal, where the CFA is, where
 * rbp is if not in rbp, where the return address is if not below the CFA.
 */
#ifndef STALLPROF_TESTS_UNIT_TARGET_EH_ROWS_H
#define STALLPROF_TESTS_UNIT_TARGET_EH_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "target/eh_cfa.h"

static inline void eh_rule_text(struct str *s, const struct unwind_escape *e)
{
	static const char *const kinds[] = {
		"none",	  "rsp%+d", "rbp%+d", "plt%+d,%d", "*(rsp%+d)%+d", "*(rbp%+d)%+d",
		"signal", "end",    "reg%+d", "escape",	   "other",
	};

	assert_true(e->cfa < sizeof(kinds) / sizeof(*kinds));
	str_printf(s, kinds[e->cfa], e->off, e->add);
	if (e->cfa == UNWIND_REGISTER)
		str_printf(s, "(%d)", e->reg);
	else
		assert_int_equal(e->reg, 0);
	if (e->rbp == UNWIND_RBP_AT_CFA)
		str_printf(s, " rbp=cfa%+d", e->rbp_off);
	else if (e->rbp == UNWIND_RBP_AT_RBP)
		str_printf(s, " rbp=*(rbp%+d)", e->rbp_off);
	else if (e->rbp == UNWIND_RBP_LOST)
		str_printf(s, " rbp=lost");
	if (e->cfa != UNWIND_NONE && e->ra != UNWIND_RA_AT_CFA)
		str_printf(s, " ra=r%d", e->ra);
}

/* An eh_cfa_row; arg is a struct str. */
static inline int eh_row_text(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	struct str *s = arg;

	str_printf(s, "%s%llx: ", s->len ? "; " : "", (unsigned long long)pc);
	eh_rule_text(s, rule);
	return 0;
}

#endif
