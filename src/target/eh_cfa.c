/* eh_cfa.c: see eh_cfa.h. */
#include "target/eh_cfa.h"

#define REMEMBER_MAX 16 /* the deepest seen is 3 */

struct run {
	const struct eh_cfa *cfa;
	struct eh_rules now;
	struct eh_rules kept[REMEMBER_MAX];
	unsigned int n_kept;
	bool changed;
	bool starting; /* the program of a CIE: there is no place yet */
	uint64_t pc, end;
	eh_cfa_row *fn;
	void *arg;
};

/* What a step of the program says to do next, beside a negative errno. */
enum { STEP_ON = 0, STEP_DONE = 1, STEP_BROKEN = 2 };

static int emit(struct run *run)
{
	struct unwind_escape rule;

	if (!run->changed || run->pc >= run->end)
		return 0;
	run->changed = false;
	eh_rules_row(&run->now, run->cfa->signal, &rule);
	return run->fn(run->arg, run->pc, &rule);
}

static int advance(struct run *run, uint64_t by)
{
	int r;

	if (run->starting || !by)
		return STEP_ON;
	r = emit(run);
	if (r < 0)
		return r;
	if (by >= run->end - run->pc)
		return STEP_DONE;
	run->pc += by;
	return STEP_ON;
}

/* The rule of a register that is kept track of, else NULL. */
static struct eh_rule *rule_of(struct eh_rules *r, uint64_t reg)
{
	switch (reg) {
	case EH_REG_RBP:
		return &r->of[EH_RBP];
	case EH_REG_RSP:
		return &r->of[EH_RSP];
	case EH_REG_RA:
		return &r->of[EH_RA];
	}
	return NULL;
}

static int set_rule(struct run *run, uint64_t reg, struct eh_rule to)
{
	struct eh_rule *rule = rule_of(&run->now, reg);

	if (rule) {
		*rule = to;
		run->changed = true;
	}
	return STEP_ON;
}

static int restore(struct run *run, uint64_t reg)
{
	struct eh_rules first = run->cfa->first;
	struct eh_rule *rule = rule_of(&first, reg);

	return rule ? set_rule(run, reg, *rule) : STEP_ON;
}

static struct eh_cursor take_block(struct eh_cursor *c)
{
	uint64_t len = eh_uleb(c);
	struct eh_cursor block = *c;

	eh_skip(c, len);
	block.end = c->at;
	block.bad = c->bad;
	return block;
}

/* Products wrap: they are checked where they are used. */
static int64_t scaled(const struct run *run, int64_t v)
{
	return (int64_t)((uint64_t)v * (uint64_t)run->cfa->data_align);
}

static int step_cfa(struct run *run, struct eh_cursor *c, uint8_t op)
{
	struct eh_rules *now = &run->now;

	run->changed = true;
	switch (op) {
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_def_cfa_register:
		now->reg = eh_uleb(c);
		now->by_expression = false;
		if (op == DW_CFA_def_cfa)
			now->off = (int64_t)eh_uleb(c);
		else if (op == DW_CFA_def_cfa_sf)
			now->off = scaled(run, eh_sleb(c));
		return STEP_ON;
	/* These two leave an expression in force, as in libgcc's unwinder. */
	case DW_CFA_def_cfa_offset:
		now->off = (int64_t)eh_uleb(c);
		return STEP_ON;
	case DW_CFA_def_cfa_offset_sf:
		now->off = scaled(run, eh_sleb(c));
		return STEP_ON;
	case DW_CFA_def_cfa_expression:
		eh_rules_cfa_expression(now, take_block(c));
		return STEP_ON;
	}
	return STEP_BROKEN;
}

static int step_place(struct run *run, struct eh_cursor *c, uint8_t op)
{
	uint64_t to;

	switch (op) {
	case DW_CFA_nop:
		return STEP_ON;
	case DW_CFA_set_loc:
		to = eh_pointer(c, run->cfa->encoding, 0);
		if (c->bad || to < run->pc)
			return STEP_BROKEN;
		return advance(run, to - run->pc);
	case DW_CFA_advance_loc1:
		return advance(run, eh_take(c, 1) * run->cfa->code_align);
	case DW_CFA_advance_loc2:
		return advance(run, eh_take(c, 2) * run->cfa->code_align);
	case DW_CFA_advance_loc4:
		return advance(run, eh_take(c, 4) * run->cfa->code_align);
	case DW_CFA_GNU_args_size:
		eh_uleb(c);
		return STEP_ON;
	case DW_CFA_remember_state:
		if (run->n_kept == REMEMBER_MAX)
			return STEP_BROKEN;
		run->kept[run->n_kept++] = run->now;
		return STEP_ON;
	case DW_CFA_restore_state:
		if (!run->n_kept)
			return STEP_BROKEN;
		run->now = run->kept[--run->n_kept];
		run->changed = true;
		return STEP_ON;
	}
	return step_cfa(run, c, op);
}

#define RULE(...) ((struct eh_rule){ __VA_ARGS__ })

static int step_rule(struct run *run, struct eh_cursor *c, uint8_t op)
{
	uint64_t reg;
	int64_t v;

	if ((op < DW_CFA_offset_extended || op > DW_CFA_register) &&
	    (op < DW_CFA_expression || op > DW_CFA_val_expression || op == DW_CFA_def_cfa_sf ||
	     op == DW_CFA_def_cfa_offset_sf) &&
	    op != DW_CFA_GNU_negative_offset_extended)
		return step_place(run, c, op);
	reg = eh_uleb(c);
	switch (op) {
	case DW_CFA_offset_extended:
		return set_rule(run, reg, RULE(scaled(run, (int64_t)eh_uleb(c)), EH_AT_CFA));
	case DW_CFA_offset_extended_sf:
		return set_rule(run, reg, RULE(scaled(run, eh_sleb(c)), EH_AT_CFA));
	case DW_CFA_GNU_negative_offset_extended:
		return set_rule(run, reg, RULE(scaled(run, (int64_t)-eh_uleb(c)), EH_AT_CFA));
	case DW_CFA_restore_extended:
		return restore(run, reg);
	case DW_CFA_undefined:
		return set_rule(run, reg, RULE(.how = EH_UNDEFINED));
	case DW_CFA_same_value:
		return set_rule(run, reg, RULE(.how = EH_SAME));
	case DW_CFA_register:
		return set_rule(run, reg, RULE((int64_t)eh_uleb(c), EH_IN_REGISTER));
	case DW_CFA_expression:
		return set_rule(run, reg, eh_rule_expression(take_block(c)));
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		v = (int64_t)eh_leb(c, op == DW_CFA_val_offset_sf);
		/* CFA + 0 is what the caller's rsp is anyway */
		return set_rule(run, reg,
				RULE(.how = reg == EH_REG_RSP && !v ? EH_UNSET : EH_OTHER));
	default: /* DW_CFA_val_expression */
		take_block(c);
		return set_rule(run, reg, RULE(.how = EH_OTHER));
	}
}

static int step(struct run *run, struct eh_cursor *c)
{
	uint8_t op = (uint8_t)eh_take(c, 1), low = op & 0x3f;

	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		return advance(run, low * run->cfa->code_align);
	case DW_CFA_offset:
		return set_rule(run, low, RULE(scaled(run, (int64_t)eh_uleb(c)), EH_AT_CFA));
	case DW_CFA_restore:
		return restore(run, low);
	}
	return step_rule(run, c, op);
}

static int steps(struct run *run, struct eh_cursor *program)
{
	int r = STEP_ON;

	while (r == STEP_ON && eh_left(program)) {
		r = step(run, program);
		if (r >= 0 && program->bad)
			r = STEP_BROKEN;
	}
	return r;
}

void eh_cfa_start(struct eh_cfa *cfa, struct eh_cursor program)
{
	struct run run = { .cfa = cfa, .starting = true };

	/* no CFA before the program names one */
	run.now.by_expression = true;
	run.now.expression = UNWIND_OTHER;
	cfa->first = run.now;
	cfa->broken = steps(&run, &program) != STEP_ON;
	cfa->first = run.now;
}

int eh_cfa_run(const struct eh_cfa *cfa, struct eh_cursor program, uint64_t pc, uint64_t end,
	       eh_cfa_row *fn, void *arg)
{
	static const struct unwind_escape other = { .cfa = UNWIND_OTHER, .ra = UNWIND_RA_AT_CFA };
	struct run run;
	int r;

	run.cfa = cfa;
	run.now = cfa->first;
	run.n_kept = 0;
	run.changed = true;
	run.starting = false;
	run.pc = pc;
	run.end = end;
	run.fn = fn;
	run.arg = arg;
	r = cfa->broken ? STEP_BROKEN : steps(&run, &program);
	if (r == STEP_BROKEN)
		return fn(arg, run.pc, &other);
	return r < 0 ? r : r == STEP_DONE ? 0 : emit(&run);
}
