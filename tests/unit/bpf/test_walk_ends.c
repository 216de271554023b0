/* test_walk_ends.c: where a native walk ends and what it says of it; code without tables; damaged
 * tables and stacks that somebody made up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bpf/walk_image.h"

#define SP    (STACK + 0x2000)
#define MADE  0x111100000000ull /* code in no mapping */
#define GUESS USER_GUESSED

/* Frames of 16 bytes, from CODE on; from 0x4000 on nothing is known; 0x8000 is the end. */
static void code(void)
{
	image_reset();
	image_row(0, UNWIND_RSP, UNWIND_RBP_SAME, 16, 0);
	image_row(0x4000, UNWIND_NONE, UNWIND_RBP_SAME, 0, 0);
	image_row(0x8000, UNWIND_END, UNWIND_RBP_SAME, 0, 0);
	image_row(0x9000, UNWIND_OTHER, UNWIND_RBP_SAME, 0, 0);
	image_row(0xa000, UNWIND_SIGNAL, UNWIND_RBP_SAME, 0, 0);
	image_regs(CODE + 1, SP, 0);
}

#define NONE (CODE + 0x4444)
#define END  (CODE + 0x8888)

/* What ends a stack: no return address, an address in the first page, the outermost function. */
static void test_root(void **state)
{
	static const uint64_t ends[] = { 0, 1, 4095 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		code();
		image_word(SP + 8, ends[i]);
		assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
		assert_int_equal(image.out.n_user, 1);
	}
	code();
	image_word(SP + 8, 4096);
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	assert_int_equal(image.out.n_user, 2);
	code();
	image_regs(END, SP, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, 1);
}

/* A chain of frame pointers through code without a table, and out of it again. */
static void chain(uint64_t first, uint64_t second)
{
	code();
	image_regs(first, SP, SP + 64);
	image_word(SP + 64, SP + 160);
	image_word(SP + 72, second);
	image_word(SP + 160, SP + 240);
	image_word(SP + 168, CODE + 2);
	image_word(SP + 176 + 8, CODE + 3);
	image_word(SP + 192 + 8, END);
}

static void check_chain_to(uint64_t first, uint64_t second, enum unwind_stop stop)
{
	uint64_t want[] = { first, second | GUESS, (CODE + 2) | GUESS, CODE + 3, END };

	assert_int_equal(image_walk(), stop);
	assert_int_equal(image.out.n_user, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(image.out.user[i], want[i]);
}

static void check_chain(uint64_t first, uint64_t second)
{
	check_chain_to(first, second, UNWIND_STOP_ROOT);
}

static void test_by_pointer(void **state)
{
	(void)state;
	chain(NONE, NONE + 9);
	check_chain(NONE, NONE + 9);
	chain(NONE, NONE + 9);
	image.proc.map[0].n_pages = 1; /* beyond the table, whatever lies there */
	image.pages[1] = image.pages[0];
	image.cursor.regs[UNWIND_REG_IP] = CODE + 0x10005;
	check_chain(CODE + 0x10005, NONE + 9);
	chain(CODE + 0x10005, NONE + 9); /* a page without rows */
	check_chain(CODE + 0x10005, NONE + 9);
	chain(MADE, MADE + 10); /* code made at run time, in a mapping without table */
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	image.proc.n = 2;
	image.proc.start[1] = image.proc.start[0];
	image.proc.map[1] = image.proc.map[0];
	image.proc.start[0] = MADE;
	image.proc.map[0] = (struct unwind_mapping){ .end = MADE + 64, .kind = UNWIND_BY_POINTER };
	check_chain(MADE, MADE + 10);
}

/* In no mapping, it may be code made at run time, or a library that is not known yet: no such walk
 * ends at the root, and the first of these frames is kept. */
static void test_guessed(void **state)
{
	(void)state;
	chain(MADE, MADE + 10);
	image.proc.flags = UNWIND_PROC_JIT;
	check_chain_to(MADE, MADE + 10, UNWIND_STOP_GUESSED);
	assert_int_equal(image.cursor.guess.at, 1);
	assert_int_equal(image.cursor.guess.ip, MADE);
	assert_int_equal(image.cursor.guess.sp, SP);
	assert_int_equal(image.cursor.guess.bp, SP + 64);
	assert_int_equal(image.cursor.guess.exact, 1);
	chain(NONE, MADE + 10);
	image.proc.flags = UNWIND_PROC_JIT;
	check_chain_to(NONE, MADE + 10, UNWIND_STOP_GUESSED);
	assert_int_equal(image.cursor.guess.at, 2);
	assert_int_equal(image.cursor.guess.ip, MADE + 10);
	assert_int_equal(image.cursor.guess.sp, SP + 80);
	assert_int_equal(image.cursor.guess.exact, 0);
	chain(NONE, MADE + 10); /* a return address of 0 is no better end */
	image.proc.flags = UNWIND_PROC_JIT;
	image_word(SP + 168, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_GUESSED);
	chain(NONE, NONE + 9); /* where nothing was guessed since */
	image.proc.flags = UNWIND_PROC_JIT;
	check_chain(NONE, NONE + 9);
	assert_int_equal(image.cursor.guess.at, 0);
}

/* What is no frame pointer: odd, below the stack, not readable.  0 is the end, but for the
 * innermost function, which may use the register. */
static void test_no_pointer(void **state)
{
	static const uint64_t wrong[] = { SP + 65, SP + 68, SP - 8, STACK_END, 1ull << 63, ~7ull };

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		chain(NONE, NONE + 9);
		image.cursor.regs[UNWIND_REG_BP] = wrong[i];
		assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
		assert_int_equal(image.out.n_user, 1);
		chain(NONE, NONE + 9);
		image_word(SP + 64, wrong[i]);
		assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
		assert_int_equal(image.out.n_user, 2);
	}
	chain(NONE, NONE + 9);
	image_word(SP + 64, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, 2);
	image_word(SP + 72, 17);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, 1);
	chain(NONE, NONE + 9);
	image.cursor.regs[UNWIND_REG_BP] = 0;
	assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
	/* Beside code made at run time, what is in no mapping may be a library. */
	chain(MADE, MADE + 10);
	image.proc.flags = UNWIND_PROC_JIT;
	image.cursor.regs[UNWIND_REG_BP] = SP - 8;
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	assert_int_equal(image.cursor.exact, 1);
	chain(NONE, MADE + 10); /* also when its caller's mapping was known */
	image.proc.flags = UNWIND_PROC_JIT;
	image_word(SP + 64, SP - 8);
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	assert_int_equal(image.out.n_user, 2);
}

/* Code in no mapping: the walk can go on from where it stands. */
static void test_no_mapping(void **state)
{
	static const uint64_t wrong[] = { CODE - 5, CODE_END + 1, MADE };

	(void)state;
	for (int i = 0; i < 3; i++) {
		code();
		image_word(SP + 8, CODE + 2);
		image_word(SP + 24, wrong[i]);
		assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
		assert_int_equal(image.out.n_user, 3);
		assert_int_equal(image.out.user[2], wrong[i]);
		assert_int_equal(image.cursor.ip, wrong[i]);
		assert_int_equal(image.cursor.sp, SP + 32);
		assert_int_equal(image.cursor.exact, 0);
	}
	code();
	image_regs(CODE + 1, SP, 1);
	image_word(SP + 8, CODE_END); /* after the last instruction of all */
	assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
	image_regs(CODE_END, SP, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	assert_int_equal(image.out.n_user, 1);
	assert_int_equal(image.cursor.exact, 1);
	image.proc.n = 0;
	image_regs(CODE + 1, SP, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
}

/* What cannot be an address is not noted: its upper bits have a meaning there. */
static void test_no_address(void **state)
{
	(void)state;
	code();
	image_word(SP + 8, 1ull << 47);
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	assert_int_equal(image.out.n_user, 1);
	image_word(SP + 8, ~0ull);
	assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	assert_int_equal(image.out.n_user, 1);
	image_regs(~0ull, SP, 0);
	image_walk();
	assert_int_equal(image.out.n_user, 0);
	assert_int_not_equal(image.out.user_stop, UNWIND_STOP_ROOT);
}

/* Every one of as many mappings as there may be is found, and the gaps between them. */
static void test_many_mappings(void **state)
{
	(void)state;
	code();
	for (int n = 1; n <= UNWIND_MAPPINGS_MAX; n += n < 5 ? 1 : 127) {
		image.proc.n = n;
		for (int i = 0; i < n; i++) {
			image.proc.start[i] = MADE + i * 0x3000;
			image.proc.map[i] = (struct unwind_mapping){
				.end = MADE + i * 0x3000 + 0x2000,
				.kind = UNWIND_BY_POINTER,
			};
		}
		for (int i = 0; i < n; i++) {
			image_regs(MADE + i * 0x3000, SP, 1);
			assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
			image_regs(MADE + i * 0x3000 + 0x1fff, SP, 1);
			assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
			image_regs(MADE + i * 0x3000 + 0x2000, SP, 1);
			assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
		}
		image_regs(MADE - 1, SP, 1);
		assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
	}
	image.proc.n = ~0u; /* damaged: no place beyond the array is looked at */
	image_regs(MADE, SP, 1);
	assert_int_equal(image_walk(), UNWIND_STOP_POINTER);
}

/* Every row of a page is found, however many there are. */
static void test_many_rows(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 4198; n += n < 9 ? 1 : 349) {
		image_reset();
		for (unsigned int i = 0; i < n; i++)
			image_row(i * 15, UNWIND_RSP, UNWIND_RBP_SAME, (i + 1) * 8, 0);
		for (unsigned int i = 0; i < n; i += 1 + i / 8) {
			uint64_t sp = STACK + 4096;

			memset(image.stack, 0, sizeof(image.stack));
			image_word(sp + i * 8, ~0ull);
			image_regs(CODE + i * 15 + i % 15, sp, 0);
			assert_int_equal(image_walk(), UNWIND_STOP_MAPPING);
			assert_int_equal(image.cursor.sp, sp + (i + 1) * 8);
		}
	}
}

/* Frames that lead nowhere further out. */
static void test_stack_grows(void **state)
{
	static const int wrong[] = { 0, -8, -800 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		code();
		image.words[ROW_FIRST] = UNWIND_ROW(0, UNWIND_RSP, UNWIND_RBP_SAME, wrong[i] / 8,
						    0);
		assert_int_equal(image_walk(), UNWIND_STOP_RULE);
		assert_int_equal(image.out.n_user, 1);
	}
	code();
	image_regs(CODE + 1, SP + 4, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_RULE);
	image_regs(CODE + 0x9001, SP, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_RULE);
	image_regs(CODE + 1, STACK_END - 8, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_READ);
}

/* As many frames as there is room for are whole; one more and it is cut. */
static void test_depth(void **state)
{
	(void)state;
	code();
	for (int i = 0; i < STACK_USER_MAX - 2; i++)
		image_word(SP + i * 16 + 8, CODE + 100 + i);
	image_word(SP + (STACK_USER_MAX - 2) * 16 + 8, END);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, STACK_USER_MAX);
	assert_int_equal(image.out.flags, 0);
	assert_int_equal(image.out.user[STACK_USER_MAX - 1], END);
	image_word(SP + (STACK_USER_MAX - 2) * 16 + 8, CODE + 99);
	image_word(SP + (STACK_USER_MAX - 1) * 16 + 8, END);
	assert_int_equal(image_walk(), UNWIND_STOP_DEPTH);
	assert_int_equal(image.out.n_user, STACK_USER_MAX);
	assert_int_equal(image.out.flags, STACK_USER_CUT);
	assert_int_equal(image.out.user[STACK_USER_MAX - 1], CODE + 99);
}

/* Two signal frames that interrupted each other. */
static void test_circle(void **state)
{
	(void)state;
	code();
	image_regs(CODE + 0xa005, SP, 0);
	for (int i = 0; i < 2; i++) {
		image_word(SP + i * 512 + 40 + 15 * 8, SP + !i * 512);
		image_word(SP + i * 512 + 40 + 16 * 8, CODE + 0xa005);
	}
	assert_int_equal(image_walk(), UNWIND_STOP_DEPTH);
	assert_int_equal(image.out.n_user, STACK_USER_MAX);
}

/* A page is read once for all words in it; where only a part of it is there, word by word. */
static void test_reads(void **state)
{
	(void)state;
	code();
	for (int i = 0; i < 100; i++)
		image_word(SP + i * 16 + 8, CODE + 100 + i);
	image.reads = 0;
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, 101);
	assert_int_equal(image.reads, 1);
	image.from = SP + 8;
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, 101);
	image.from = SP + 16;
	assert_int_equal(image_walk(), UNWIND_STOP_READ);
	assert_int_equal(image.out.n_user, 1);
	/* A read that failed leaves nothing of the page before: the frame ends in the next one,
	 * and its rbp lies in the one below, of which a part is missing. */
	code();
	image.words[ROW_FIRST] = UNWIND_ROW(0, UNWIND_RSP, UNWIND_RBP_AT_CFA, 3, (uint16_t)-24);
	image_regs(CODE + 1, SP + 4096 - 8, 0);
	image_word(SP + 4096 - 8, 0x7777);
	image_word(SP + 4096 + 8, CODE + 2);
	image_word(SP + 4096 + 16 + 16, END);
	image.from = SP + 64;
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	assert_int_equal(image.out.n_user, 3);
}

/* Tables that were damaged, or replaced in the middle of a look. */
static void test_tables(void **state)
{
	struct unwind_escape e = { .off = 16, .cfa = UNWIND_RSP, .ra = UNWIND_RA_AT_CFA };
	struct unwind_page *p = &image.pages[0];

	(void)state;
	code();
	image.no_chunk = true;
	assert_int_equal(image_walk(), UNWIND_STOP_TABLE);
	code();
	image.proc.map[0].page = 6; /* the second page is beyond the directory */
	image_regs(CODE + 0x10000, SP, 0);
	assert_int_equal(image_walk(), UNWIND_STOP_TABLE);
	code();
	p->first += WORDS_MAX; /* beyond the chunk */
	assert_int_equal(image_walk(), UNWIND_STOP_TABLE);
	code();
	image.words[ROW_FIRST] |= 9; /* no row for the page's beginning */
	assert_int_equal(image_walk(), UNWIND_STOP_TABLE);
	code();
	image_escape(0, e);
	assert_int_equal(image_walk(), UNWIND_STOP_ROOT);
	p->words--; /* the escape is beyond the page */
	assert_int_equal(image_walk(), UNWIND_STOP_TABLE);
	p->words++;
	p->rows++; /* or among its rows */
	assert_int_equal(image_walk(), UNWIND_STOP_TABLE);
	for (int cfa = 0; cfa < 256; cfa++) {
		code();
		e.cfa = cfa;
		image_escape(0, e);
		if (cfa == UNWIND_NONE || cfa == UNWIND_ESCAPE)
			assert_int_equal(image_walk(), UNWIND_STOP_TABLE);
		else if (cfa >= UNWIND_OTHER)
			assert_int_equal(image_walk(), UNWIND_STOP_RULE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),	      cmocka_unit_test(test_by_pointer),
		cmocka_unit_test(test_guessed),	      cmocka_unit_test(test_no_pointer),
		cmocka_unit_test(test_no_mapping),    cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_many_mappings), cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_stack_grows),   cmocka_unit_test(test_depth),
		cmocka_unit_test(test_circle),	      cmocka_unit_test(test_reads),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
