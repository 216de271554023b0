/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* walk_native.h: walks the native frames of a stack by the tables of unwind.h.
 *
 * Knows registers and a stack's memory; not whose stack it is, nor what happens where it ends.
 * Compiles twice, as walk_rule.h: on the host, so that user space can go on with a copied stack,
 * and tests can feed fake images.  A walk is unwind_begin() with the registers in c->regs, or, from
 * the middle of a stack, a cursor of zeros but for ip, sp, bp and exact; then unwind_run().
 *
 * Memory is hostile: a walk takes at most STACK_USER_MAX steps, and the stack pointer grows with
 * each, except out of the innermost one and over a signal frame, whose handler may run on a stack
 * of its own.
 *
 * In BPF the search and the step are global functions, which the verifier checks once and by
 * themselves, side by side because calls may nest no deeper.  What they hand on goes through the
 * cursor, where it is forgotten what was known of it, so that branches do not multiply.
 */
#ifndef STALLPROF_WALK_NATIVE_H
#define STALLPROF_WALK_NATIVE_H

#include "bpf/walk_rule.h"

#define UNWIND_MEMORY_PAGE 4096u
#define UNWIND_OBJECT	   8 /* words */
#define UNWIND_BP_LOST	   1 /* as bp: not known; no frame pointer is odd, no rule gets through */

/* Registers are in the order of the kernel's struct sigcontext. */
enum unwind_reg {
	UNWIND_REG_BP = 10,
	UNWIND_REG_SP = 15,
	UNWIND_REG_IP = 16,
	UNWIND_REGS = 17,
};
#define UNWIND_SIGNAL_REGS 40 /* where they lie in a struct ucontext */
/* Its first word, 6 or 7 since 4.6 (arch/x86/kernel/signal_64.c), and the instruction that handlers
 * of signals return to in any C library: mov $15,%rax, the call for it. */
#define UNWIND_SIGNAL_FLAGS 6
#define UNWIND_SIGRETURN    0x0f0000000fc0c748ull
/* By DWARF number: the place in that order, 4 bits each. */
#define UNWIND_REG_PLACES 0x76543210fa89becdull

/* A frame that was left by its frame pointer, though what its code is was not known. */
struct unwind_guess {
	__u64 ip, sp, bp;
	__u16 at; /* user[at - 1] is its address; 0: there is none */
	__u8 exact;
	__u8 pad[5];
};

struct unwind_cursor {
	__u64 ip, sp, bp; /* of the frame to step out of */
	__u8 exact;	  /* ip is the instruction itself, not a return address */
	__u8 all_regs;	  /* regs holds the frame's: it is the innermost, or a signal's victim */
	__u8 guessed;	  /* ip was found by frame pointer */
	__u8 pad[5];
	struct unwind_found at;
	struct unwind_guess guess; /* the first: all that was found since depends on it */
	__u64 regs[UNWIND_REGS];
	__u64 object[UNWIND_OBJECT]; /* of what is looked at: too many words for the stack */
	__u64 cached;		     /* address of the page of the stack in `words`, 0: none */
	__u64 words[UNWIND_MEMORY_PAGE / 8];
};

/* A word of the stack.  Calling for each of them would cost 70 ns. */
WALK_INLINE int unwind_word(struct unwind_cursor *c, __u64 addr, __u64 *ret_word)
{
	__u64 page = addr & ~(__u64)(UNWIND_MEMORY_PAGE - 1);
	__u32 at = addr / 8 % (UNWIND_MEMORY_PAGE / 8);

	if (addr % 8 || !walk_addr_ok(addr))
		return -1;
	if (c->cached != page) {
		c->cached = 0;
		/* Of a copied stack a page may be there in part. */
		if (walk_read(c->words, UNWIND_MEMORY_PAGE, page))
			return walk_read(ret_word, sizeof(*ret_word), addr) ? -1 : 0;
		c->cached = page;
	}
	walk_keep(at);
	*ret_word = c->words[at % (UNWIND_MEMORY_PAGE / 8)];
	return 0;
}

/* Makes c->at.rule that of the frame; UNWIND_NONE: there is no table for its code.  0: go on; 1:
 * stop, s->user_stop says why. */
WALK_GLOBAL int unwind_look(struct unwind_cursor *c, const struct unwind_proc *proc,
			    struct event_stack *s)
{
	int r;

	if (!c || !proc || !s)
		return 1;
	r = unwind_find_rule(&c->at, proc, c->ip - !c->exact);
	if (!r && c->at.rule.cfa == UNWIND_END)
		r = UNWIND_STOP_ROOT;
	if (!r)
		return 0;
	s->user_stop = r;
	return 1;
}

/* The value of a register by its DWARF number; only the innermost frame's are known. */
WALK_INLINE int unwind_register(const struct unwind_cursor *c, __u32 number, __u64 *ret_value)
{
	__u32 at;

	if (!c->all_regs || number > 15)
		return -1;
	at = UNWIND_REG_PLACES >> number * 4 & 15;
	walk_keep(at);
	*ret_value = c->regs[at % 16];
	return 0;
}

/* Where the caller's frame begins, by a rule that says it. */
WALK_INLINE int unwind_cfa(struct unwind_cursor *c, __u64 *ret_cfa)
{
	const struct unwind_escape *rule = &c->at.rule;
	__u64 base = rule->cfa == UNWIND_RBP || rule->cfa == UNWIND_RBP_DEREF ? c->bp : c->sp;

	if (rule->cfa == UNWIND_REGISTER && unwind_register(c, rule->reg, &base))
		return UNWIND_STOP_RULE;
	base += rule->off;
	if (rule->cfa == UNWIND_RSP_DEREF || rule->cfa == UNWIND_RBP_DEREF) {
		if (unwind_word(c, base, &base))
			return UNWIND_STOP_READ;
		base += rule->add;
	} else if (rule->cfa == UNWIND_PLT) {
		if ((c->ip & 15) >= (__u64)rule->add)
			base += 8;
	} else if (rule->cfa != UNWIND_RSP && rule->cfa != UNWIND_RBP &&
		   rule->cfa != UNWIND_REGISTER) {
		return UNWIND_STOP_RULE;
	}
	*ret_cfa = base;
	return UNWIND_GOES_ON;
}

/* The caller's rbp into c->bp. */
WALK_INLINE int unwind_rbp(struct unwind_cursor *c, __u64 cfa)
{
	__u8 kind = c->at.rule.rbp;
	__u64 base = kind == UNWIND_RBP_AT_CFA ? cfa : c->bp;

	if (kind == UNWIND_RBP_SAME)
		return UNWIND_GOES_ON;
	if (kind != UNWIND_RBP_AT_CFA && kind != UNWIND_RBP_AT_RBP) {
		c->bp = UNWIND_BP_LOST;
		return UNWIND_GOES_ON;
	}
	if (unwind_word(c, base + c->at.rule.rbp_off, &base))
		return UNWIND_STOP_READ;
	c->bp = base;
	return UNWIND_GOES_ON;
}

/* Out of a frame whose rule is known. */
WALK_INLINE int unwind_by_rule(struct unwind_cursor *c)
{
	__u64 cfa = 0, ip = 0;
	int r = unwind_cfa(c, &cfa);

	if (r)
		return r;
	/* It may stand still where the return address was taken off the stack: once. */
	if (cfa < c->sp || (cfa == c->sp && c->at.rule.ra == UNWIND_RA_AT_CFA) || cfa % 8)
		return UNWIND_STOP_RULE;
	if (c->at.rule.ra == UNWIND_RA_AT_CFA) {
		if (unwind_word(c, cfa - 8, &ip))
			return UNWIND_STOP_READ;
	} else if (unwind_register(c, c->at.rule.ra, &ip)) {
		return UNWIND_STOP_RULE;
	}
	r = unwind_rbp(c, cfa);
	if (r)
		return r;
	c->ip = ip;
	c->sp = cfa;
	return UNWIND_GOES_ON;
}

/* Is it a signal frame, though no table says so?  musl and Go have none for it. */
WALK_INLINE int unwind_at_sigreturn(struct unwind_cursor *c)
{
	__u64 word = 0;

	if (unwind_word(c, c->sp, &word) || (word | 1) != (UNWIND_SIGNAL_FLAGS | 1))
		return 0;
	return !walk_read(&word, sizeof(word), c->ip) && word == UNWIND_SIGRETURN;
}

/* Out of a signal frame, into what the signal interrupted. */
WALK_INLINE int unwind_signal(struct unwind_cursor *c)
{
	__u64 regs = c->sp + UNWIND_SIGNAL_REGS;

	if (!walk_addr_ok(regs) || walk_read(c->regs, sizeof(c->regs), regs))
		return UNWIND_STOP_READ;
	c->ip = c->regs[UNWIND_REG_IP];
	c->sp = c->regs[UNWIND_REG_SP];
	c->bp = c->regs[UNWIND_REG_BP];
	return UNWIND_GOES_ON;
}

/* Out of a frame of code without a table, by its frame pointer.  s->user[s->n_user - 1] is the
 * address in that code, c->bp its frame pointer. */
WALK_INLINE int unwind_by_pointer(struct unwind_cursor *c, struct event_stack *s)
{
	__u64 at = c->bp, bp = 0, ip = 0;
	/* Where code is made at run time, a library that was just loaded looks like it, and so does
	 * memory that holds no code. */
	bool known = c->at.map.end;

	/* Callers without a table end with 0.  The innermost frame may have it in use. */
	if (!at && s->n_user > 1)
		return known ? UNWIND_STOP_ROOT : UNWIND_STOP_MAPPING;
	if (at < c->sp || unwind_word(c, at, &bp) || unwind_word(c, at + 8, &ip))
		return known ? UNWIND_STOP_POINTER : UNWIND_STOP_MAPPING;
	if (!known && !c->guess.at) {
		c->guess.ip = c->ip;
		c->guess.sp = c->sp;
		c->guess.bp = at;
		c->guess.at = s->n_user;
		c->guess.exact = c->exact;
	}
	c->bp = bp;
	c->ip = ip;
	c->sp = at + 16;
	c->guessed = 1;
	return UNWIND_GOES_ON;
}

/* Notes the address of the frame that was found. */
WALK_INLINE int unwind_note(struct unwind_cursor *c, struct event_stack *s)
{
	__u64 word = c->ip;
	__u32 n = s->n_user;

	if (word < WALK_ADDR_FIRST)
		return UNWIND_STOP_ROOT;
	if (!walk_addr_ok(word))
		return UNWIND_STOP_MAPPING;
	walk_keep(n);
	if (n >= STACK_USER_MAX) {
		s->flags |= STACK_USER_CUT;
		return UNWIND_STOP_DEPTH;
	}
	if (c->exact)
		word |= USER_EXACT;
	if (c->guessed)
		word |= USER_GUESSED;
	walk_keep(n);
	s->user[n % STACK_USER_MAX] = word;
	s->n_user = n + 1;
	return UNWIND_GOES_ON;
}

/* From the frame to its caller, by c->at.rule.  0: go on; 1: stop, s->user_stop says why. */
WALK_GLOBAL int unwind_step(struct unwind_cursor *c, struct event_stack *s)
{
	__u8 signal;
	int r;

	if (!c || !s)
		return 1;
	signal = c->at.rule.cfa == UNWIND_SIGNAL ||
		 (c->at.rule.cfa == UNWIND_NONE && unwind_at_sigreturn(c));
	c->guessed = 0;
	if (signal)
		r = unwind_signal(c);
	else
		r = c->at.rule.cfa == UNWIND_NONE ? unwind_by_pointer(c, s) : unwind_by_rule(c);
	if (!r) {
		c->exact = signal;
		c->all_regs = signal;
		r = unwind_note(c, s);
	}
	if (!r)
		return 0;
	s->user_stop = r;
	return 1;
}

/* A walk begins with c->regs. */
WALK_INLINE void unwind_begin(struct unwind_cursor *c, struct event_stack *s)
{
	c->ip = c->regs[UNWIND_REG_IP];
	c->sp = c->regs[UNWIND_REG_SP];
	c->bp = c->regs[UNWIND_REG_BP];
	c->exact = 1;
	c->all_regs = 1;
	c->cached = 0;
	c->at.start = 0;
	c->at.map.end = 0;
	c->guess.at = 0;
	s->n_user = 0;
	s->user_stop = UNWIND_STOP_READ;
	if (walk_addr_ok(c->ip)) {
		s->user[0] = c->ip;
		s->n_user = 1;
	}
}

/* The walk has ended: a guess on the way is no proof of the outermost frame. */
WALK_INLINE void unwind_end(const struct unwind_cursor *c, struct event_stack *s)
{
	if (s->user_stop == UNWIND_STOP_ROOT && c->guess.at)
		s->user_stop = UNWIND_STOP_GUESSED;
}

/* Notes the callers of the frame in `c`, which is noted.  Sets s->user_stop. */
WALK_INLINE void unwind_run(struct unwind_cursor *c, const struct unwind_proc *proc,
			    struct event_stack *s)
{
	for (int i = 0; i < STACK_USER_MAX; i++)
		if (unwind_look(c, proc, s) || unwind_step(c, s))
			break;
	unwind_end(c, s);
}

#endif
