/* test_walk_jit.c: frames of a virtual machine, noted over a stack made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bpf/walk_image.h"

#include "bpf/walk_jit.h"

#define SP	(STACK + 0x2000)
#define OBJECTS (STACK + 0x8000)
#define SCOPE	(OBJECTS + 0x4000) /* of all functions */
#define KNOWN	(CODE + 0x100)	   /* has a rule: never looked at */
#define UNKNOWN (CODE + 0x500)	   /* code of a file without one: the interpreter's */
#define ENTRY	(UNKNOWN + 0x10)   /* calls of the interpreter return here, */
#define HANDLER (UNKNOWN + 0x80)   /* bytecodes run here, */
#define BUILTIN (UNKNOWN + 0xf0)   /* and anything else here */
#define MADE	0x7f0000001000ull  /* code made at run time, in no mapping */

static struct jit_plan plan;

/* Frame number i of a chain: its frame pointer. */
static uint64_t frame(int i)
{
	return SP + 0x100 + (uint64_t)i * 0x80;
}

static void setup_image(void)
{
	image_reset();
	image_row(0, UNWIND_OTHER, UNWIND_RBP_SAME, 0, 0);
	image_row(0x100, UNWIND_RSP, UNWIND_RBP_SAME, 16, 0);
	image_row(0x500, UNWIND_NONE, UNWIND_RBP_SAME, 0, 0);
	image.proc.flags = UNWIND_PROC_JIT;
	plan = (struct jit_plan){
		.enabled = 1,
		.fp_kind = -8,
		.fp_function = -16,
		.fp_count = -24,
		.fp_off = -40,
		.function_shared = 24,
		.shared_words = 16,
		.script_id = 64,
		.scope_count = 24,
		.scope_variables = 32,
		.name_hash = 8,
		.kinds = 1ull << 3,
		.entry = { CODE_VADDR + 0x510, CODE_VADDR + 0x540 },
		.handlers = { CODE_VADDR + 0x580, CODE_VADDR + 0x5a0 },
	};
}

/* A function object whose shared part has that number, as has its text; all lie in the image's
 * memory. */
static uint64_t function(unsigned int number)
{
	uint64_t shared = OBJECTS + number * 0x100ull, object = shared + 0x80;

	image_word(shared + 40, 0x2000d00020001ull);
	image_word(shared + 48, (uint64_t)number << 32);
	image_word(shared + 32, shared + 0x40 + 1);
	image_word(shared + 0x40 + 64, (uint64_t)number << 32);
	image_word(shared + 16, SCOPE + 1);
	image_word(object + 24, shared + 1);
	return object + 1;
}

static uint64_t noted_name(unsigned int number, uint64_t name)
{
	const uint64_t id = (uint64_t)number << 32, ids[2] = { 0x2000d00020001ull, id };

	return (OBJECTS + number * 0x100ull + 1) |
	       (uint64_t)jit_cookie((const __u64 *)ids, id, name) << JIT_CODE_BITS;
}

static uint64_t noted(unsigned int number)
{
	return noted_name(number, 0);
}

/* Frame i: of which function, called from where, at which bytecode. */
static void push(int i, uint64_t returns, unsigned int number, uint32_t off)
{
	image_word(frame(i), returns ? frame(i + 1) : 0);
	image_word(frame(i) + 8, returns);
	image_word(frame(i) - 8, OBJECTS + 0xf01);
	image_word(frame(i) - 16, function(number));
	image_word(frame(i) - 24, 2);
	image_word(frame(i) - 40, (uint64_t)off << 32);
}

static void walk(void)
{
	image.out.n_python = 0;
	unwind_begin(&image.cursor, &image.out);
	walk_jit_run(&image.cursor, &plan, &image.proc, &image.out);
}

static void expect(unsigned int i, uint64_t code, uint32_t tag, int32_t off)
{
	assert_true(i < image.out.n_python);
	assert_int_equal(image.out.python[i].code, code);
	assert_int_equal(image.out.python[i].tag, tag);
	assert_int_equal(image.out.python[i].off, off);
}

/* Functions that called, each with its native frame's index and the offset of its call; code made
 * at run time and other code of the file has none in the frame. */
static void test_chain(void **state)
{
	(void)state;
	setup_image();
	image_regs(BUILTIN, SP, frame(0));
	push(0, ENTRY + 4, 5, 71);
	push(1, MADE, 6, 83);
	push(2, BUILTIN, 7, 97);
	push(3, 0, 8, 101);
	walk();
	assert_int_equal(image.out.n_user, 4);
	assert_int_equal(image.out.n_python, 4);
	expect(0, noted(5), 0, 71);
	expect(1, noted(6), 1, 83);
	expect(2, noted(7), 2, -1);
	expect(3, noted(8), 3, -1);
}

/* A bytecode runs: number 9, at offset 113 of the code, and the handler at HANDLER is its own. */
static void run_bytecode(void)
{
	image_word(OBJECTS + 0x2000 + 112, 0x0900);
	image_word(OBJECTS + 0x3000 + 9 * 8, HANDLER - 8);
	image.cursor.regs[JIT_REG_OFF] = 113;
	image.cursor.regs[JIT_REG_CODE] = OBJECTS + 0x2000;
	image.cursor.regs[JIT_REG_TABLE] = OBJECTS + 0x3000;
}

/* While a bytecode runs, the frame is behind: registers say where it is, if they fit together. */
static void test_handler(void **state)
{
	(void)state;
	setup_image();
	image_regs(HANDLER, SP, frame(0));
	push(0, 0, 5, 71);
	run_bytecode();
	walk();
	expect(0, noted(5), 0, 113);
	image.cursor.regs[JIT_REG_OFF] = 114; /* another bytecode, whose handler is not here */
	walk();
	expect(0, noted(5), 0, -1);
	image.cursor.regs[JIT_REG_OFF] = 1ull << 40;
	walk();
	expect(0, noted(5), 0, -1);
	/* where handlers are not known, nothing that runs is certain */
	run_bytecode();
	plan.handlers.end = 0;
	walk();
	expect(0, noted(5), 0, -1);
}

/* A handler that may call has a frame of its own, which stands for nothing. */
static void test_handler_frame(void **state)
{
	(void)state;
	setup_image();
	image_regs(HANDLER, SP, frame(0));
	push(0, ENTRY + 4, 5, 71);
	push(1, ENTRY + 4, 6, 73);
	push(2, 0, 7, 79);
	image_word(frame(0) - 8, 4 << 1);
	run_bytecode();
	walk();
	assert_int_equal(image.out.n_python, 3);
	expect(0, 4 << 1, 0, -1);
	expect(1, noted(6), 1, 113);
	expect(2, noted(7), 2, 79);
	image.cursor.regs[JIT_REG_OFF] = 3;
	walk();
	expect(1, noted(6), 1, -1);
	expect(2, noted(7), 2, 79);
}

/* The name is the first object behind the variables that has a length. */
static void test_name(void **state)
{
	const uint64_t variables = 2, slots = SCOPE + 32 + 16 * variables;

	(void)state;
	setup_image();
	image_regs(BUILTIN, SP, frame(0));
	push(0, 0, 5, 71);
	image_word(SCOPE + 24, variables << 32);
	image_word(slots, SCOPE + 0x101);
	image_word(slots + 16, SCOPE + 0x121);
	image_word(SCOPE + 0x108, 0x12345678);
	image_word(SCOPE + 0x128, 6ull << 32 | 0x23456789);
	walk();
	expect(0, noted_name(5, 6ull << 32 | 0x23456789), 0, 71);
	image_word(SCOPE + 0x108, 7ull << 32 | 0x12345678);
	walk();
	expect(0, noted_name(5, 7ull << 32 | 0x12345678), 0, 71);
	image_word(SCOPE + 24, 1ull << 40);
	walk();
	expect(0, noted_name(5, 0), 0, 71);
	assert_int_not_equal(noted_name(5, 0), noted_name(5, 6ull << 32 | 0x23456789));
}

/* Without its place any code of a file may be the interpreter's. */
static void test_no_entry(void **state)
{
	(void)state;
	setup_image();
	plan.entry.end = 0;
	image_regs(BUILTIN, SP, frame(0));
	push(0, BUILTIN + 1, 5, 71);
	push(1, BUILTIN + 1, 6, 83);
	push(2, 0, 7, 89);
	walk();
	expect(2, noted(7), 2, 89);
}

/* Frames of another kind are noted when they are asked for. */
static void test_kinds(void **state)
{
	(void)state;
	setup_image();
	image_regs(BUILTIN, SP, frame(0));
	push(0, BUILTIN, 5, 71);
	push(1, BUILTIN, 6, 71);
	push(2, 0, 7, 71);
	image_word(frame(0) - 8, 3 << 1);
	image_word(frame(1) - 8, 4 << 1);
	walk();
	assert_int_equal(image.out.n_python, 2);
	expect(0, 3 << 1, 0, -1);
	expect(1, noted(7), 2, -1);
}

/* What only looks like a frame: no object, too many arguments, a function that is not there. */
static void test_garbage(void **state)
{
	static const struct {
		int at;
		uint64_t word;
	} odd[] = { { -8, OBJECTS + 0xf03 },
		    { -8, 1ull << 50 | 2 },
		    { -16, OBJECTS + 0x80 },
		    { -16, 0x7000000001ull },
		    { -24, 1ull << 32 } };

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		setup_image();
		image_regs(BUILTIN, SP, frame(0));
		push(0, 0, 5, 71);
		image_word(frame(0) + (uint64_t)odd[i].at, odd[i].word);
		walk();
		assert_int_equal(image.out.n_python, 0);
		assert_int_equal(image.out.n_user, 1);
	}
}

/* Frames that a rule tells are none of the machine's, whatever lies below rbp. */
static void test_known_code(void **state)
{
	(void)state;
	setup_image();
	image_regs(KNOWN, SP, frame(0));
	push(0, 0, 5, 71);
	walk();
	assert_int_equal(image.out.n_python, 0);
}

/* A frame pointer into what is not the stack any more belongs to nobody. */
static void test_below_stack(void **state)
{
	(void)state;
	setup_image();
	image_regs(BUILTIN, frame(1), frame(0));
	push(0, 0, 5, 71);
	walk();
	assert_int_equal(image.out.n_python, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),	    cmocka_unit_test(test_chain),
		cmocka_unit_test(test_handler),	    cmocka_unit_test(test_handler_frame),
		cmocka_unit_test(test_no_entry),    cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_garbage),	    cmocka_unit_test(test_known_code),
		cmocka_unit_test(test_below_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
