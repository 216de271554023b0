/* eh_rules.c: see eh_rules.h. */
#include "target/eh_rules.h"

#define REGISTERS 16
#define RA_OFFSET (-8)
/* Where the kernel puts rsp and rip in a signal frame, from rsp: uc_mcontext of a ucontext. */
#define UCONTEXT_RSP 160
#define UCONTEXT_RIP 168

static bool fits(int64_t v)
{
	return v == (int32_t)v;
}

static void set_cfa(const struct eh_rules *r, struct unwind_escape *rule)
{
	enum unwind_cfa kind = r->by_expression ? r->expression : UNWIND_REGISTER;
	uint64_t reg = r->by_expression ? r->expression_reg : r->reg;
	int64_t off = r->by_expression ? r->expression_off : r->off;
	int64_t add = r->by_expression ? r->expression_add : 0;

	if (kind == UNWIND_REGISTER && reg == EH_REG_RSP)
		kind = UNWIND_RSP;
	else if (kind == UNWIND_REGISTER && reg == EH_REG_RBP)
		kind = UNWIND_RBP;
	else if (kind == UNWIND_REGISTER && reg >= REGISTERS)
		kind = UNWIND_OTHER;
	if (!fits(off) || !fits(add))
		kind = UNWIND_OTHER;
	rule->cfa = (__u8)kind;
	rule->reg = kind == UNWIND_REGISTER ? (__u8)reg : 0;
	rule->off = (__s32)off;
	rule->add = (__s32)add;
}

static void set_rbp(const struct eh_rule *r, struct unwind_escape *rule)
{
	rule->rbp = UNWIND_RBP_LOST;
	if (r->how == EH_UNSET || r->how == EH_SAME ||
	    (r->how == EH_IN_REGISTER && r->number == EH_REG_RBP))
		rule->rbp = UNWIND_RBP_SAME;
	else if (r->how == EH_AT_CFA && fits(r->number))
		rule->rbp = UNWIND_RBP_AT_CFA;
	else if (r->how == EH_AT_RBP && fits(r->number))
		rule->rbp = UNWIND_RBP_AT_RBP;
	if (rule->rbp == UNWIND_RBP_AT_CFA || rule->rbp == UNWIND_RBP_AT_RBP)
		rule->rbp_off = (__s32)r->number;
}

static bool is_ucontext(const struct eh_rules *r)
{
	return r->by_expression && r->expression == UNWIND_RSP_DEREF &&
	       r->expression_off == UCONTEXT_RSP && r->expression_add == 0 &&
	       r->of[EH_RA].how == EH_AT_RSP && r->of[EH_RA].number == UCONTEXT_RIP;
}

/* The caller's rsp is the CFA, unless the program says otherwise, as that of longjmp does. */
static bool set_ra(const struct eh_rules *r, struct unwind_escape *rule)
{
	const struct eh_rule *ra = &r->of[EH_RA], *rsp = &r->of[EH_RSP];

	rule->ra = UNWIND_RA_AT_CFA;
	if (rsp->how != EH_UNSET)
		return false;
	if (ra->how == EH_AT_CFA)
		return ra->number == RA_OFFSET;
	if (ra->how != EH_IN_REGISTER || ra->number < 0 || ra->number >= REGISTERS)
		return false;
	rule->ra = (__u8)ra->number;
	return true;
}

void eh_rules_row(const struct eh_rules *r, bool is_signal, struct unwind_escape *ret_rule)
{
	static const struct unwind_escape bare = { .ra = UNWIND_RA_AT_CFA };

	*ret_rule = bare;
	if (r->of[EH_RA].how == EH_UNDEFINED) {
		ret_rule->cfa = UNWIND_END;
		return;
	}
	if (is_signal) {
		ret_rule->cfa = is_ucontext(r) ? UNWIND_SIGNAL : UNWIND_OTHER;
		return;
	}
	set_cfa(r, ret_rule);
	set_rbp(&r->of[EH_RBP], ret_rule);
	if (ret_rule->cfa == UNWIND_OTHER || !set_ra(r, ret_rule)) {
		*ret_rule = bare;
		ret_rule->cfa = UNWIND_OTHER;
	}
}

/* rsp + off, and a word more in the second half of an entry of the PLT:
 * breg7 off, breg16 0, lit15, and, lit11 (or lit10), ge, lit3, shl, plus. */
static bool is_plt(struct eh_cursor c, int64_t *ret_add)
{
	static const uint8_t head[] = { DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and };
	static const uint8_t tail[] = { DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus };

	if (eh_left(&c) != sizeof(head) + 1 + sizeof(tail) ||
	    memcmp(c.at, head, sizeof(head)) != 0 ||
	    memcmp(c.at + sizeof(head) + 1, tail, sizeof(tail)) != 0)
		return false;
	*ret_add = c.at[sizeof(head)] - DW_OP_lit0;
	return *ret_add > 0 && *ret_add <= 15;
}

void eh_rules_cfa_expression(struct eh_rules *r, struct eh_cursor c)
{
	uint8_t op = (uint8_t)eh_take(&c, 1);

	r->by_expression = true;
	r->expression = UNWIND_OTHER;
	r->expression_reg = (uint64_t)op - DW_OP_breg0;
	r->expression_add = 0;
	if (op < DW_OP_breg0 || op > DW_OP_breg15)
		return;
	r->expression_off = eh_sleb(&c);
	if (c.bad)
		return;
	if (!eh_left(&c)) {
		r->expression = UNWIND_REGISTER;
		return;
	}
	if (op == DW_OP_breg7 && is_plt(c, &r->expression_add)) {
		r->expression = UNWIND_PLT;
		return;
	}
	if (eh_take(&c, 1) != DW_OP_deref || (op != DW_OP_breg6 && op != DW_OP_breg7))
		return;
	if (eh_left(&c)) {
		if (eh_take(&c, 1) != DW_OP_plus_uconst)
			return;
		r->expression_add = (int64_t)eh_uleb(&c);
	}
	if (!c.bad && !eh_left(&c))
		r->expression = op == DW_OP_breg7 ? UNWIND_RSP_DEREF : UNWIND_RBP_DEREF;
}

struct eh_rule eh_rule_expression(struct eh_cursor c)
{
	struct eh_rule rule = { .how = EH_OTHER };
	uint8_t op = (uint8_t)eh_take(&c, 1);

	rule.number = eh_sleb(&c);
	if (c.bad || eh_left(&c))
		return rule;
	if (op == DW_OP_breg6)
		rule.how = EH_AT_RBP;
	else if (op == DW_OP_breg7)
		rule.how = EH_AT_RSP;
	return rule;
}
