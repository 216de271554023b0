/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* walk_jit.h: notes the frames of a virtual machine, as struct jit_plan of control.h describes
 * them, while the native frames that they are get walked.
 *
 * Knows shapes only, no machine and no version.  Compiles twice, as walk_native.h does.  What it
 * notes need not be true: garbage below a frame pointer can look like a frame; user space checks
 * the objects.
 */
#ifndef STALLPROF_WALK_JIT_H
#define STALLPROF_WALK_JIT_H

#include "bpf/control.h"
#include "bpf/walk_native.h"

#define JIT_OFF_MAX	    (1u << 24)
#define JIT_HANDLER_MAX	    4096u /* bytes of one */
#define JIT_IS_OBJECT(word) (((word)&3) == 1)

/* What V8 keeps in registers while a bytecode runs, since 2016: r9, r12, r15, in the order of
 * struct sigcontext (src/codegen/x64/register-x64.h). */
enum jit_reg {
	JIT_REG_OFF = 1,
	JIT_REG_CODE = 4,
	JIT_REG_TABLE = 7,
};

/* The frame's code lies in a file. */
WALK_INLINE int jit_in_file(const struct unwind_cursor *c, __u64 ip)
{
	return ip >= c->at.start && ip < c->at.map.end && c->at.map.kind == UNWIND_BY_TABLE;
}

WALK_INLINE int jit_in(const struct unwind_cursor *c, const struct jit_code *code, __u64 ip)
{
	__u64 addr = ip - c->at.map.bias;

	return jit_in_file(c, ip) && addr >= code->start && addr < code->end;
}

/* The bytecode that the handler at ip runs, as its registers have it; -1: they do not.  A handler
 * may have put anything into them: the bytecode there must be one whose handler this is. */
WALK_INLINE __s32 jit_running(const struct unwind_cursor *c, __u64 ip)
{
	__u64 off = c->regs[JIT_REG_OFF], table = c->regs[JIT_REG_TABLE], handler = 0;
	__u64 code = c->regs[JIT_REG_CODE] + off;
	__u8 bytecode = 0;

	if (off >= JIT_OFF_MAX || !walk_addr_ok(code) ||
	    walk_read(&bytecode, sizeof(bytecode), code))
		return -1;
	table += bytecode * 8u;
	if (!walk_addr_ok(table) || walk_read(&handler, sizeof(handler), table) || ip < handler ||
	    ip - handler >= JIT_HANDLER_MAX)
		return -1;
	return (__s32)off;
}

/* The innermost instruction is a handler's, and this frame its function's: the handler has a frame
 * of its own, or not.  ret_ip: that instruction. */
WALK_INLINE int jit_runs(const struct unwind_cursor *c, const struct jit_plan *plan,
			 const struct event_stack *s, __u64 *ret_ip)
{
	*ret_ip = USER_ADDRESS(s->user[0]);
	return s->n_user <= 2 && jit_in(c, &plan->handlers, *ret_ip);
}

/* Where the function's bytecode is at, -1: not known.  The frame says it when it calls; as long as
 * a bytecode runs, the frame is behind. */
WALK_INLINE __s32 jit_off(struct unwind_cursor *c, const struct jit_plan *plan,
			  const struct event_stack *s)
{
	__u64 ip = c->ip - !c->exact, inner = 0, word = 0;

	if (!jit_in_file(c, ip) || (s->n_user <= 2 && !plan->handlers.end))
		return -1;
	if (jit_runs(c, plan, s, &inner))
		return jit_running(c, inner);
	if (!c->exact && plan->entry.end && !jit_in(c, &plan->entry, ip))
		return -1;
	if (unwind_word(c, c->bp + plan->fp_off, &word) || (__u32)word || word >> 32 >= JIT_OFF_MAX)
		return -1;
	return (__s32)(word >> 32);
}

/* Of the function's name its hash and length, 0: it is not where it should be. */
WALK_INLINE __u64 jit_name(const struct jit_plan *plan, __u64 scope, __u64 *slots)
{
	__u64 count = 0, name;

	if (!JIT_IS_OBJECT(scope) || !walk_addr_ok(scope) ||
	    walk_read(&count, sizeof(count), scope - 1 + plan->scope_count) || (__u32)count ||
	    count >> 32 >= JIT_VARIABLES_MAX ||
	    walk_read(slots, JIT_NAME_SLOTS * sizeof(*slots),
		      scope - 1 + plan->scope_variables + (count >> 32) * 16))
		return 0;
	for (int i = 0; i < JIT_NAME_SLOTS; i++) {
		name = 0;
		if (JIT_IS_OBJECT(slots[i]) && walk_addr_ok(slots[i]) &&
		    !walk_read(&name, sizeof(name), slots[i] - 1 + plan->name_hash) &&
		    JIT_IS_NAME(name))
			return name;
	}
	return 0;
}

_Static_assert(sizeof(struct jit_shared) + JIT_NAME_SLOTS * sizeof(__u64) <=
		       UNWIND_OBJECT * sizeof(__u64),
	       "what is read of a function has room");

/* What stands for the function in the frame; 0: it is no function's frame. */
WALK_INLINE __u64 jit_code(struct unwind_cursor *c, const struct jit_plan *plan)
{
	__u64 function = 0, count = 0, shared = 0, id = 0;
	struct jit_shared *s = (void *)c->object;

	if (unwind_word(c, c->bp + plan->fp_function, &function) || !JIT_IS_OBJECT(function) ||
	    unwind_word(c, c->bp + plan->fp_count, &count) || count > JIT_COUNT_MAX)
		return 0;
	function += plan->function_shared - 1;
	if (!walk_addr_ok(function) || walk_read(&shared, sizeof(shared), function) ||
	    !JIT_IS_OBJECT(shared) || !walk_addr_ok(shared))
		return 0;
	if (walk_read(s, sizeof(*s), shared + plan->shared_words - 1))
		return shared;
	if (plan->script_id && JIT_IS_OBJECT(s->script) && walk_addr_ok(s->script) &&
	    walk_read(&id, sizeof(id), s->script + plan->script_id - 1))
		return shared;
	return shared | (__u64)jit_cookie(s->ids, id, jit_name(plan, s->scope, (void *)(s + 1)))
				<< JIT_CODE_BITS;
}

/* Notes the frame in `c`, which is s->user[s->n_user - 1], if it is the machine's. */
WALK_GLOBAL int walk_jit(struct unwind_cursor *c, const struct jit_plan *plan,
			 struct event_stack *s)
{
	__u64 kind = 0, code = 0, ip;
	__s32 off = -1;
	__u32 n;

	if (!c || !plan || !s || c->at.rule.cfa != UNWIND_NONE || c->bp < c->sp ||
	    unwind_word(c, c->bp + plan->fp_kind, &kind))
		return 0;
	ip = c->ip - !c->exact;
	if (JIT_IS_OBJECT(kind)) {
		code = jit_code(c, plan);
		off = jit_off(c, plan, s);
	} else if (!(kind & 1) && kind >> 1 < JIT_KINDS &&
		   (plan->kinds >> (kind >> 1) & 1 || jit_in(c, &plan->handlers, ip))) {
		code = kind;
	}
	n = s->n_python;
	walk_keep(n);
	if (!code || n >= STACK_USER_MAX)
		return 0;
	walk_keep(n);
	s->python[n % STACK_USER_MAX].code = code;
	s->python[n % STACK_USER_MAX].tag = s->n_user - 1u;
	s->python[n % STACK_USER_MAX].off = off;
	s->n_python = n + 1;
	return 0;
}

/* unwind_run() for a process that has such frames. */
WALK_INLINE void walk_jit_run(struct unwind_cursor *c, const struct jit_plan *plan,
			      const struct unwind_proc *proc, struct event_stack *s)
{
	for (int i = 0; i < STACK_USER_MAX; i++) {
		if (unwind_look(c, proc, s))
			break;
		walk_jit(c, plan, s);
		if (unwind_step(c, s))
			break;
	}
	unwind_end(c, s);
}

#endif
