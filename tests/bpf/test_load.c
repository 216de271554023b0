/* test_load.c: what it costs to load the programs: nearly all of the time from exec to the first
 * hook is the verifier's, which follows every way through every program.  And whether kernels that
 * allow less stack than this one take them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "stallprof.skel.h"

#define FOLLOWED_MAX 50000 /* instructions of one program */

/* Of functions that call each other, together; kernels before 6.13 round each up. */
#define STACK_MAX   512
#define STACK_ROUND 32

/* What a program takes. */
struct taken {
	uint32_t followed; /* instructions; 0: this kernel does not take the program */
	unsigned int stack;
};

static bool is_call(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL;
}

/* How far the instruction reaches down the stack; copies: registers that hold its top. */
static int reach(const struct bpf_insn *i, bool *copies)
{
	unsigned int class = BPF_CLASS(i->code);
	int bytes = 0;

	if (class == BPF_LDX && i->src_reg == BPF_REG_10)
		bytes = -i->off;
	else if ((class == BPF_ST || class == BPF_STX) && i->dst_reg == BPF_REG_10)
		bytes = -i->off;
	else if (i->code == (BPF_ALU64 | BPF_ADD | BPF_K) && copies[i->dst_reg])
		bytes = -i->imm;
	if (class == BPF_LDX || class == BPF_ALU || class == BPF_ALU64)
		copies[i->dst_reg] = i->code == (BPF_ALU64 | BPF_MOV | BPF_X) &&
				     i->src_reg == BPF_REG_10;
	return bytes;
}

/* Of the function that begins at `at` and what it calls. */
static unsigned int stack_of(const struct bpf_insn *code, size_t n, const bool *begins, size_t at)
{
	bool copies[MAX_BPF_REG] = { 0 };
	unsigned int below = 0;
	int own = 1;

	for (size_t i = at; i < n && (i == at || !begins[i]); i++) {
		int bytes = reach(&code[i], copies);
		unsigned int callee = is_call(&code[i])
					      ? stack_of(code, n, begins, i + 1 + code[i].imm)
					      : 0;

		own = bytes > own ? bytes : own;
		below = callee > below ? callee : below;
	}
	return (own + STACK_ROUND - 1) / STACK_ROUND * STACK_ROUND + below;
}

static unsigned int stack_taken(const struct bpf_program *p)
{
	const struct bpf_insn *code = bpf_program__insns(p);
	size_t n = bpf_program__insn_cnt(p);
	bool *begins = calloc(n, sizeof(*begins));
	unsigned int stack;

	assert_non_null(begins);
	for (size_t i = 0; i < n; i++)
		if (is_call(&code[i]))
			begins[i + 1 + code[i].imm] = true;
	stack = stack_of(code, n, begins, 0);
	free(begins);
	return stack;
}

static struct taken load(const char *name)
{
	struct stallprof_bpf *skel = stallprof_bpf__open();
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct bpf_program *p;
	unsigned int stack;

	assert_non_null(skel);
	bpf_object__for_each_program(p, skel->obj)
		bpf_program__set_autoload(p, strcmp(bpf_program__name(p), name) == 0);
	skel->rodata->waker_hook = true;
	skel->rodata->resume_hook = strncmp(name, "resume_", 7) == 0;
	skel->rodata->sample_period = 1;
	p = bpf_object__find_program_by_name(skel->obj, name);
	if (stallprof_bpf__load(skel) == 0)
		assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len), 0);
	stack = stack_taken(p); /* by now its functions stand behind it */
	stallprof_bpf__destroy(skel);
	return (struct taken){ info.verified_insns, stack };
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void test_taken(void **state)
{
	struct stallprof_bpf *skel = stallprof_bpf__open();
	unsigned int loaded = 0, deepest = 0;
	struct bpf_program *p;

	(void)state;
	libbpf_set_print(quiet);
	assert_non_null(skel);
	bpf_object__for_each_program(p, skel->obj)
	{
		const char *name = bpf_program__name(p);
		struct taken taken = load(name);

		loaded += taken.followed > 0;
		deepest = taken.stack > deepest ? taken.stack : deepest;
		if (taken.followed > FOLLOWED_MAX)
			fail_msg("%s: %u instructions followed", name, taken.followed);
		if (taken.stack > STACK_MAX)
			fail_msg("%s: %u bytes of stack", name, taken.stack);
	}
	assert_true(loaded >= 10);
	assert_true(deepest > STACK_MAX / 2); /* calls were found */
	stallprof_bpf__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_taken) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
