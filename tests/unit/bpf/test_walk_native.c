/* test_walk_native.c: every rule by which a native frame is left, over a stack made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bpf/walk_image.h"

#define SP (STACK + 0x2000)

/* The code of these tests: a leaf, the function under test, its caller, and the end. */
#define LEAF	(CODE + 0x100)
#define MIDDLE	(CODE + 0x200)
#define CALLER	(CODE + 0x300)
#define ENDING	(CODE + 0x400)
#define UNKNOWN (CODE + 0x500)

/* Rows 1 to 4; row 0 holds from the page's beginning, row 5 ends what is known. */
static void code(void)
{
	image_reset();
	image_row(0, UNWIND_OTHER, UNWIND_RBP_SAME, 0, 0);
	image_row(0x100, UNWIND_RSP, UNWIND_RBP_SAME, 16, 0);
	image_row(0x200, UNWIND_RSP, UNWIND_RBP_SAME, 32, 0);
	image_row(0x300, UNWIND_RSP, UNWIND_RBP_SAME, 48, 0);
	image_row(0x400, UNWIND_END, UNWIND_RBP_SAME, 0, 0);
	image_row(0x500, UNWIND_NONE, UNWIND_RBP_SAME, 0, 0);
	image_regs(LEAF + 7, SP, 0);
}

/* The stack of leaf, middle, caller, end with the rules of code(). */
static void plain(void)
{
	code();
	image_word(SP + 8, MIDDLE + 5);
	image_word(SP + 16 + 24, CALLER + 9);
	image_word(SP + 16 + 32 + 40, ENDING + 3);
}

static void check(unsigned int n, const uint64_t *words)
{
	assert_int_equal(image.out.n_user, n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(image.out.user[i], words[i]);
}

static const uint64_t plain_stack[] = { LEAF + 7, MIDDLE + 5, CALLER + 9, ENDING + 3 };

/* Addresses as they are on the stack, innermost first, no marks. */
static void test_rsp(void **state)
{
	(void)state;
	plain();
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(4, plain_stack);
	assert_int_equal(image.out.flags, 0);
}

/* A return address behind the last instruction of a function belongs to that function; the
 * innermost instruction is where it is. */
static void test_between_functions(void **state)
{
	static const uint64_t want[] = { MIDDLE, CALLER, ENDING };

	(void)state;
	code();
	image_regs(MIDDLE, SP, 0);
	image_word(SP + 24, CALLER); /* that is still the middle one: 32 bytes more */
	image_word(SP + 32 + 24, ENDING);
	image_word(SP + 32 + 32 + 40, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(3, want);
}

/* With frame pointers: the frame from rbp, the caller's rbp from the frame. */
static void test_rbp(void **state)
{
	(void)state;
	plain();
	image.words[ROW_FIRST + 2] = UNWIND_ROW(0x200, UNWIND_RBP, UNWIND_RBP_AT_CFA, 2,
						(uint16_t)-16);
	image.words[ROW_FIRST + 3] = UNWIND_ROW(0x300, UNWIND_RBP, UNWIND_RBP_AT_CFA, 3,
						(uint16_t)-24);
	image_regs(LEAF + 7, SP, SP + 16 + 400);
	image_word(SP + 16 + 400, SP + 16 + 600);
	image_word(SP + 16 + 408, CALLER + 9);
	image_word(SP + 16 + 600, 0x1234);
	image_word(SP + 16 + 616, ENDING + 3);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(4, plain_stack);
	assert_int_equal(image.cursor.bp, 0x1234);
}

/* A procedure linkage table pushes one word in the middle of each of its entries. */
static void test_plt(void **state)
{
	(void)state;
	for (int at = 0; at < 16; at++) {
		for (int push = 10; push <= 11; push++) {
			uint64_t sp = SP + (at >= push ? 16 : 8);

			code();
			image.words[ROW_FIRST + 1] = UNWIND_ROW(0x100, UNWIND_PLT, UNWIND_RBP_SAME,
								1, push);
			image_regs(LEAF + at, SP, 0);
			image_word(SP, 0x4444);
			image_word(sp - 8, ENDING + 3);
			assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
			assert_int_equal(image.out.n_user, 2);
			assert_int_equal(image.out.user[1], ENDING + 3);
		}
	}
}

/* The frame hangs off a word in memory: what functions do that align their stack. */
static void test_deref(void **state)
{
	struct unwind_escape e = { .off = -8,
				   .add = 16,
				   .cfa = UNWIND_RBP_DEREF,
				   .rbp = UNWIND_RBP_AT_RBP,
				   .rbp_off = -16,
				   .ra = UNWIND_RA_AT_CFA };

	(void)state;
	plain();
	image.words[ROW_FIRST + 1] = UNWIND_ROW(0x100, UNWIND_RSP_DEREF, UNWIND_RBP_SAME, 3, 8);
	image_word(SP + 24, SP + 800);
	image_word(SP + 800, MIDDLE + 5);
	image_escape(2, e);
	image_regs(LEAF + 7, SP, SP + 1600);
	image_word(SP + 1600 - 8, SP + 2000);
	image_word(SP + 1600 - 16, 0x5678);
	image_word(SP + 2000 + 8, CALLER + 9);
	image_word(SP + 2000 + 16 + 40, ENDING + 3);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(4, plain_stack);
	assert_int_equal(image.cursor.bp, 0x5678);
	/* A row has room for one of the two: where rbp is, or what is added. */
	image.words[ROW_FIRST + 1] = UNWIND_ROW(0x100, UNWIND_RSP_DEREF, UNWIND_RBP_AT_CFA, 3,
						(uint16_t)-16);
	image_word(SP + 792, MIDDLE + 5);
	image_word(SP + 784, SP + 1600);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(4, plain_stack);
	image_word(SP + 24, 0x1000); /* a frame further in */
	assert_int_equal(image_walk(), UNWIND_STOP_RULE);
	image_word(SP + 24, STACK_END + 8);
	assert_int_equal(image_walk(), UNWIND_STOP_READ);
}

/* A frame too big for a row. */
static void test_big_frame(void **state)
{
	struct unwind_escape e = { .off = 40000,
				   .cfa = UNWIND_RSP,
				   .rbp = UNWIND_RBP_AT_CFA,
				   .rbp_off = -39000,
				   .ra = UNWIND_RA_AT_CFA };

	(void)state;
	plain();
	image_escape(1, e);
	image_word(SP + 1000, 0x1111);
	image_word(SP + 40000 - 8, ENDING + 3);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, 2);
	assert_int_equal(image.out.user[1], ENDING + 3);
	assert_int_equal(image.cursor.bp, 0x1111);
}

/* DWARF's number of a register, and where a signal frame keeps it. */
static const struct {
	uint8_t dwarf, place;
} registers[] = {
	{ 0, 13 }, { 1, 12 }, { 2, 14 }, { 3, 11 }, { 4, 9 },  { 5, 8 },  { 6, 10 }, { 7, 15 },
	{ 8, 0 },  { 9, 1 },  { 10, 2 }, { 11, 3 }, { 12, 4 }, { 13, 5 }, { 14, 6 }, { 15, 7 },
};

/* A frame that hangs off any register, and a return address in any, in the innermost frame. */
static void test_registers(void **state)
{
	struct unwind_escape e = { .off = 24, .cfa = UNWIND_REGISTER, .ra = UNWIND_RA_AT_CFA };

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		plain();
		for (unsigned int k = 0; k < 16; k++)
			image.cursor.regs[registers[k].place] = SP + (k == 7 ? 0 : 8 + k * 8);
		image_word(image.cursor.regs[registers[i].place] + 16, ENDING + 3);
		e.reg = registers[i].dwarf;
		image_escape(1, e);
		assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
		assert_int_equal(image.out.n_user, 2);
		assert_int_equal(image.out.user[1], ENDING + 3);
	}
	plain(); /* not known of any other frame */
	image_escape(2, e);
	assert_int_equal(image_walk(), UNWIND_STOP_RULE);
	check(2, plain_stack);
	plain();
	e.reg = 16;
	image_escape(1, e);
	assert_int_equal(image_walk(), UNWIND_STOP_RULE);
}

/* As in vfork(), which takes its return address off the stack for the time of the call. */
static void test_address_in_register(void **state)
{
	struct unwind_escape e = { .cfa = UNWIND_RSP, .ra = 5 };

	(void)state;
	for (e.off = 0; e.off <= 8; e.off += 8) {
		plain();
		image_escape(1, e);
		image.cursor.regs[8] = MIDDLE + 5;
		image_word(SP, 0x4444);
		image_word(SP + e.off + 24, ENDING + 3);
		assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
		assert_int_equal(image.out.n_user, 3);
		assert_int_equal(image.out.user[1], MIDDLE + 5);
		assert_int_equal(image.out.user[2], ENDING + 3);
	}
	plain();
	image_escape(2, e);
	assert_int_equal(image_walk(), UNWIND_STOP_RULE);
	check(2, plain_stack);
}

/* A signal frame at `sp` that interrupted `ip`. */
static void signal_frame(uint64_t sp, uint64_t ip, uint64_t victim_sp, uint64_t victim_bp)
{
	for (int i = 0; i < 17; i++)
		image_word(sp + 40 + i * 8, 0x1000 + i);
	image_word(sp + 40 + 10 * 8, victim_bp);
	image_word(sp + 40 + 15 * 8, victim_sp);
	image_word(sp + 40 + 16 * 8, ip);
}

/* What a signal interrupted is the instruction itself, at the beginning of a function; all of its
 * registers are known; and the handler may have run above it. */
static void test_signal(void **state)
{
	struct unwind_escape e = { .off = 8, .cfa = UNWIND_REGISTER, .reg = 12 };
	uint64_t handler = SP + 0x1000;
	static const uint64_t want[] = { LEAF + 7, MIDDLE, CALLER | USER_EXACT, ENDING + 3 };

	(void)state;
	plain();
	image.words[ROW_FIRST + 1] = UNWIND_ROW(0x100, UNWIND_RSP, UNWIND_RBP_SAME, 2, 0);
	image.words[ROW_FIRST + 2] = UNWIND_ROW(0x1ff, UNWIND_SIGNAL, UNWIND_RBP_SAME, 0, 0);
	e.ra = UNWIND_RA_AT_CFA;
	image_escape(3, e);
	image_regs(LEAF + 7, handler, 0);
	image_word(handler + 8, MIDDLE);
	signal_frame(handler + 16, CALLER, SP, 0x9999);
	image_word(handler + 16 + 40 + 4 * 8, SP + 64); /* r12 */
	image_word(SP + 64, ENDING + 3);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(4, want);
	assert_int_equal(image.cursor.bp, 0x9999);
	image_word(handler + 8, 0x4444); /* a frame that is not there */
	image_regs(MIDDLE, STACK_END - 64, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_READ);
}

/* A C library without tables returns from its handlers with the same instruction: it is one only
 * where the stack, too, looks like a signal frame's. */
static void test_signal_without_table(void **state)
{
	static const uint64_t want[] = { LEAF + 7, UNKNOWN + 4, CALLER | USER_EXACT, ENDING + 3 };

	(void)state;
	for (int flags = 0; flags <= 16; flags++) {
		bool other = flags == 16; /* another instruction */

		plain();
		image_word(SP + 8, UNKNOWN + 4);
		image_word(SP + 16, other ? 7 : flags);
		signal_frame(SP + 16, CALLER, SP + 0x400, 0x9999);
		image_word(SP + 0x400 + 40, ENDING + 3);
		image.at = UNKNOWN + 4;
		image.code = 0x0f0000000fc0c748 + other;
		image.cursor.regs[UNWIND_REG_BP] = 9;
		if (flags != 6 && flags != 7) {
			assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
			continue;
		}
		assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
		check(4, want);
	}
}

/* rbp that a row gives up is not used again before another frame restores it. */
static void test_lost_rbp(void **state)
{
	(void)state;
	plain();
	image.words[ROW_FIRST + 1] = UNWIND_ROW(0x100, UNWIND_RSP, UNWIND_RBP_LOST, 2, 0);
	image_regs(LEAF + 7, SP, SP + 16 + 32 - 16);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(4, plain_stack);
	image.words[ROW_FIRST + 2] = UNWIND_ROW(0x200, UNWIND_RBP, UNWIND_RBP_SAME, 2, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_RULE);
	check(2, plain_stack);
	image.words[ROW_FIRST + 2] = UNWIND_ROW(0x200, UNWIND_NONE, UNWIND_RBP_SAME, 0, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
	check(2, plain_stack);
	image.words[ROW_FIRST + 2] = UNWIND_ROW(0x200, UNWIND_RSP, UNWIND_RBP_AT_CFA, 4,
						(uint16_t)-16);
	image.words[ROW_FIRST + 3] = UNWIND_ROW(0x300, UNWIND_RBP, UNWIND_RBP_SAME, 2, 0);
	image_word(SP + 16 + 32 - 16, SP + 1000);
	image_word(SP + 1008, ENDING + 3);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	check(4, plain_stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsp),	  cmocka_unit_test(test_between_functions),
		cmocka_unit_test(test_rbp),	  cmocka_unit_test(test_plt),
		cmocka_unit_test(test_deref),	  cmocka_unit_test(test_big_frame),
		cmocka_unit_test(test_registers), cmocka_unit_test(test_address_in_register),
		cmocka_unit_test(test_signal),	  cmocka_unit_test(test_signal_without_table),
		cmocka_unit_test(test_lost_rbp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
