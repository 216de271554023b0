/* test_eh_cfa.c: every operation of call frame programs, byte by byte. */
#include "eh_rows.h"

#include <errno.h>
#include <stdio.h>

#define PC	 0x1000
#define LAST	 0x1100
#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

/* What gcc puts into every CIE: def_cfa rsp+8, offset ra at CFA-8. */
#define USUAL "\x0c\x07\x08\x90\x01"

struct setup {
	uint64_t code_align;
	int64_t data_align;
	bool is_signal;
};

static const struct setup usual = { 1, -8, false };

static struct eh_cursor over(const uint8_t *bytes, size_t len)
{
	return (struct eh_cursor){ .at = bytes, .end = bytes + len, .vaddr = 0x2000 + len };
}

static void check_with(const struct setup *setup, const uint8_t *first, size_t first_len,
		       const uint8_t *program, size_t len, const char *want)
{
	cleanup(str_releasep) struct str rows = { 0 };
	struct eh_cfa cfa = { .code_align = setup->code_align,
			      .data_align = setup->data_align,
			      .encoding = DW_EH_PE_pcrel | DW_EH_PE_sdata4,
			      .signal = setup->is_signal };

	eh_cfa_start(&cfa, over(first, first_len));
	assert_int_equal(eh_cfa_run(&cfa, over(program, len), PC, LAST, eh_row_text, &rows), 0);
	assert_string_equal(rows.text, want);
}

#define check(program, want)   check_with(&usual, BYTES(USUAL), BYTES(program), want)
#define check_cie(first, want) check_with(&usual, BYTES(first), BYTES(""), want)

/* The place: all forms of advancing, also to the end and beyond. */
static void test_place(void **state)
{
	(void)state;
	check("", "1000: rsp+8");
	check("\x00\x00\x00", "1000: rsp+8");
	check("\x41\x0e\x10", "1000: rsp+8; 1001: rsp+16");
	check("\x02\x80\x0e\x10", "1000: rsp+8; 1080: rsp+16");
	check("\x03\x80\x00\x0e\x10", "1000: rsp+8; 1080: rsp+16");
	check("\x04\x80\x00\x00\x00\x0e\x10", "1000: rsp+8; 1080: rsp+16");
	check("\x03\xff\x00\x0e\x10", "1000: rsp+8; 10ff: rsp+16");
	check("\x03\x00\x01\x0e\x10", "1000: rsp+8");
	check("\x04\xff\xff\xff\xff\x0e\x10", "1000: rsp+8");
	check("\x03\x00\x01\x3f", "1000: rsp+8");
	/* by nothing: the last word counts */
	check("\x0e\x10\x40\x0e\x18\x41\x0e\x20", "1000: rsp+24; 1001: rsp+32");
	/* nothing changed: no row */
	check("\x41\x83\x02\x41\x0e\x10", "1000: rsp+8; 1002: rsp+16");
	check_with(&(struct setup){ 4, -8, false }, BYTES(USUAL), BYTES("\x42\x0e\x10"),
		   "1000: rsp+8; 1008: rsp+16");
	/* set_loc counts from its own bytes, which lie at 0x2001 */
	check("\x01\x0f\xf0\xff\xff\x0e\x10", "1000: rsp+8; 1010: rsp+16");
	check("\x41\x01\xfe\xef\xff\xff\x0e\x10", "1000: rsp+8; 1001: other");
}

/* The CFA by a register and an offset. */
static void test_cfa(void **state)
{
	(void)state;
	check("\x0c\x06\x10", "1000: rbp+16");
	check("\x0d\x06", "1000: rbp+8");
	check("\x0e\xf0\xff\x03", "1000: rsp+65520");
	check("\x12\x06\x7e", "1000: rbp+16");
	check("\x13\x7d", "1000: rsp+24");
	check("\x0c\x0a\x08", "1000: reg+8(10)");
	check("\x0c\x0f\x00", "1000: reg+0(15)");
	check("\x0c\x10\x08", "1000: other");
	check("\x0c\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x08", "1000: other");
	check("\x0e\xff\xff\xff\xff\x07", "1000: rsp+2147483647");
	check("\x0e\x80\x80\x80\x80\x08", "1000: other");
	check_cie("\x90\x01", "1000: other"); /* no CFA at all */
}

/* The CFA by an expression: four forms, and nothing that only resembles them. */
static void test_cfa_expression(void **state)
{
	(void)state;
	check("\x0f\x0b\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22", "1000: plt+8,11");
	check("\x0f\x0b\x77\x08\x80\x00\x3f\x1a\x3a\x2a\x33\x24\x22", "1000: plt+8,10");
	check("\x0f\x0b\x77\x08\x80\x00\x3f\x1a\x30\x2a\x33\x24\x22", "1000: other");
	check("\x0f\x0b\x76\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22", "1000: other");
	check("\x0f\x0b\x77\x08\x80\x01\x3f\x1a\x3b\x2a\x33\x24\x22", "1000: other");
	check("\x0f\x0b\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x1c", "1000: other");
	check("\x0f\x0c\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22\x96", "1000: other");
	check("\x0f\x03\x77\x78\x06", "1000: *(rsp-8)+0");
	check("\x0f\x03\x76\x78\x06", "1000: *(rbp-8)+0");
	check("\x0f\x05\x77\x28\x06\x23\x08", "1000: *(rsp+40)+8");
	check("\x0f\x05\x76\x28\x06\x23\x08", "1000: *(rbp+40)+8");
	check("\x0f\x06\x76\x28\x06\x23\x08\x06", "1000: other");
	check("\x0f\x04\x76\x28\x06\x23", "1000: other");
	check("\x0f\x05\x76\x28\x06\x10\x08", "1000: other");
	check("\x0f\x05\x73\x28\x06\x23\x08", "1000: other");
	check("\x0f\x0a\x76\x28\x06\x23\xff\xff\xff\xff\xff\x01", "1000: other");
	check("\x0f\x02\x77\x10", "1000: rsp+16");
	check("\x0f\x02\x7a\x10", "1000: reg+16(10)");
	check("\x0f\x01\x77", "1000: other");
	check("\x0f\x00", "1000: other");
	check("\x0f\x05\x77\x28", "1000: other"); /* longer than what is left */
	/* an offset alone leaves it in force, a register ends it */
	check("\x0f\x03\x76\x78\x06\x41\x0e\x10\x41\x0d\x06",
	      "1000: *(rbp-8)+0; 1001: *(rbp-8)+0; 1002: rbp+16");
}

/* Where rbp is; a register that no walk needs changes nothing. */
static void test_rbp(void **state)
{
	(void)state;
	check("\x86\x02", "1000: rsp+8 rbp=cfa-16");
	check("\x05\x06\x02", "1000: rsp+8 rbp=cfa-16");
	check("\x11\x06\x02", "1000: rsp+8 rbp=cfa-16");
	check("\x11\x06\x7e", "1000: rsp+8 rbp=cfa+16");
	check("\x2f\x06\x02", "1000: rsp+8 rbp=cfa+16");
	check("\x86\x02\x41\xc6", "1000: rsp+8 rbp=cfa-16; 1001: rsp+8");
	check("\x86\x02\x41\x06\x06", "1000: rsp+8 rbp=cfa-16; 1001: rsp+8");
	check("\x86\x02\x41\x08\x06", "1000: rsp+8 rbp=cfa-16; 1001: rsp+8");
	check("\x07\x06", "1000: rsp+8 rbp=lost");
	check("\x09\x06\x09", "1000: rsp+8 rbp=lost");
	check("\x09\x06\x06", "1000: rsp+8");
	check("\x14\x06\x00", "1000: rsp+8 rbp=lost");
	check("\x15\x06\x00", "1000: rsp+8 rbp=lost");
	check("\x16\x06\x02\x76\x00", "1000: rsp+8 rbp=lost");
	check("\x10\x06\x02\x76\x00", "1000: rsp+8 rbp=*(rbp+0)");
	check("\x10\x06\x02\x76\x70", "1000: rsp+8 rbp=*(rbp-16)");
	check("\x10\x06\x0a\x76\xf0\xff\xff\xff\xff\xff\xff\xff\x7f", "1000: rsp+8 rbp=*(rbp-16)");
	check("\x10\x06\x02\x77\x70", "1000: rsp+8 rbp=lost");
	check("\x10\x06\x03\x76\x70\x06", "1000: rsp+8 rbp=lost");
	check("\x10\x03\x02\x76\x70\x83\x02\x07\x0c\x09\x0d\x0e\x14\x0f\x01", "1000: rsp+8");
	check("\x05\x06\xff\xff\xff\xff\x0f", "1000: rsp+8 rbp=lost");
	/* back to what the CIE said of it */
	check_with(&usual, BYTES(USUAL "\x86\x02"), BYTES("\x07\x06\x41\xc6"),
		   "1000: rsp+8 rbp=lost; 1001: rsp+8 rbp=cfa-16");
}

/* Where the return address is: below the CFA, nowhere, in a register; all else is not followed. */
static void test_ra(void **state)
{
	(void)state;
	check("\x07\x10", "1000: end");
	check("\x07\x10\x41\xd0", "1000: end; 1001: rsp+8");
	check("\x09\x10\x05", "1000: rsp+8 ra=r5");
	check("\x86\x02\x09\x10\x05", "1000: rsp+8 rbp=cfa-16 ra=r5");
	check("\x09\x10\x10", "1000: other");
	check("\x90\x02", "1000: other");
	check("\x08\x10", "1000: other");
	check("\x10\x10\x02\x77\x00", "1000: other");
	check("\x14\x10\x01", "1000: other");
	check_cie("\x0c\x07\x08", "1000: other");
	check_cie("\x0c\x07\x08\x07\x10", "1000: end");
}

/* A caller's rsp that is not the CFA, as in longjmp: no row of ours can say so. */
static void test_rsp(void **state)
{
	(void)state;
	check("\x09\x07\x08", "1000: other");
	check("\x87\x02", "1000: other");
	check("\x08\x07", "1000: other");
	check("\x15\x07\x00", "1000: rsp+8");
	check("\x14\x07\x00", "1000: rsp+8");
	check("\x15\x07\x01", "1000: other");
	check("\x87\x02\x41\xc7", "1000: other; 1001: rsp+8");
}

/* A frame that a signal made is known by the ucontext, and not by the flag alone. */
static void test_signal(void **state)
{
	static const struct setup is_signal = { 1, -8, true };

	(void)state;
	check_with(&is_signal, BYTES(""), BYTES("\x0f\x04\x77\xa0\x01\x06\x10\x10\x03\x77\xa8\x01"),
		   "1000: signal");
	check_with(&is_signal, BYTES(""), BYTES("\x0f\x04\x77\xa8\x01\x06\x10\x10\x03\x77\xa8\x01"),
		   "1000: other");
	check_with(&is_signal, BYTES(""), BYTES("\x0f\x04\x77\xa0\x01\x06\x10\x10\x03\x77\xa0\x01"),
		   "1000: other");
	check_with(&is_signal, BYTES(USUAL), BYTES(""), "1000: other");
	check_with(&is_signal, BYTES(USUAL), BYTES("\x07\x10"), "1000: end");
	check("\x0f\x04\x77\xa0\x01\x06\x10\x10\x03\x77\xa8\x01", "1000: other");
}

/* States are kept with all that they hold, as deep as allowed. */
static void test_remember(void **state)
{
	uint8_t deep[64];
	size_t i;

	(void)state;
	check("\x0a\x0c\x06\x10\x86\x02\x41\x0b", "1000: rbp+16 rbp=cfa-16; 1001: rsp+8");
	check("\x0a\x0f\x03\x76\x78\x06\x07\x10\x41\x0b\x41\x0e\x10",
	      "1000: end; 1001: rsp+8; 1002: rsp+16");
	check("\x0b", "1000: other");
	check("\x41\x0b\x41\x0e\x10", "1000: rsp+8; 1001: other");
	memset(deep, 0x0a, sizeof(deep));
	deep[16] = 0x41;
	deep[17] = 0x0e;
	deep[18] = 0x10;
	check_with(&usual, BYTES(USUAL), deep, 19, "1000: rsp+8; 1001: rsp+16");
	check_with(&usual, BYTES(USUAL), deep, 20, "1000: rsp+8; 1001: other");
	for (i = 0; i < 16; i++)
		deep[19 + i] = 0x0b;
	check_with(&usual, BYTES(USUAL), deep, 35, "1000: rsp+8; 1001: rsp+8");
	deep[35] = 0x0b;
	check_with(&usual, BYTES(USUAL), deep, 36, "1000: rsp+8; 1001: other");
}

/* From what cannot be read on there is no rule; what came before holds. */
static void test_broken(void **state)
{
	static const uint8_t unknown[] = { 0x17, 0x1c, 0x1d, 0x2c, 0x2d, 0x30, 0x3f };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(unknown); i++) {
		uint8_t program[] = { 0x41, unknown[i], 0x00, 0x41, 0x0e, 0x10 };

		check_with(&usual, BYTES(USUAL), program, sizeof(program),
			   "1000: rsp+8; 1001: other");
	}
	check("\x2e\x20\x41\x0e\x10", "1000: rsp+8; 1001: rsp+16"); /* args_size */
	check("\x41\x0e", "1000: rsp+8; 1001: other");
	check("\x41\x0e\x80", "1000: rsp+8; 1001: other");
	check("\x41\x03\x01", "1000: rsp+8; 1001: other");
	check("\x41\x86", "1000: rsp+8; 1001: other");
	check_cie("\x0c\x07\x08\x90", "1000: other");
	check_cie("\x0c\x07\x08\x90\x01\x3f", "1000: other");
}

static int refuse(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	(void)rule;
	return ++*(int *)arg == 2 && pc == PC + 1 ? -EFBIG : 0;
}

/* Whoever takes the rows can end it. */
static void test_refused(void **state)
{
	struct eh_cfa cfa = { .code_align = 1, .data_align = -8 };
	int calls = 0;

	(void)state;
	eh_cfa_start(&cfa, over(BYTES(USUAL)));
	assert_int_equal(eh_cfa_run(&cfa, over(BYTES("\x41\x0e\x10\x41\x0e\x18\x41\x0e\x20")), PC,
				    LAST, refuse, &calls),
			 -EFBIG);
	assert_int_equal(calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_cfa),
		cmocka_unit_test(test_cfa_expression),
		cmocka_unit_test(test_rbp),
		cmocka_unit_test(test_ra),
		cmocka_unit_test(test_rsp),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_remember),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("eh_cfa", tests, NULL, NULL);
}
