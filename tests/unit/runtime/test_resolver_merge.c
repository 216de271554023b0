/* test_resolver_merge.c: the order of native and interpreter frames, for every shape of stack.
 *
 * Stacks are written innermost first: one letter a native frame (E runs the interpreter, o is its
 * own, f foreign, p plumbing, l start-up, g a greenlet's beginning), and a digit an interpreter
 * frame, with a bar behind each that native code called.  In the result native frames stand as
 * their letter, and the k-th of the interpreter as the digit k.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "runtime/resolver_merge.h"

enum { ROOTED = 1, GUESSED = 2, TRUNCATED = 4 };

static uint8_t kinds[STACK_USER_MAX];
static struct interp_frame frames[STACK_PYTHON_MAX];
static struct merge_item items[MERGE_MAX];
static struct merge_found found;

static struct merge_input input(const char *native, const char *interp, int how)
{
	static const char letters[] = "fEoplg"; /* in the order of enum merge_kind */
	struct merge_input in = {
		.native = kinds,
		.n_native = strlen(native),
		.interp = frames,
		.rooted = how & ROOTED,
		.guessed = how & GUESSED,
		.truncated = how & TRUNCATED,
	};
	size_t i;

	for (i = 0; i < in.n_native; i++)
		kinds[i] = (uint8_t)(strchr(letters, native[i]) - letters);
	memset(frames, 0, sizeof(frames));
	for (; *interp; interp++) {
		if (*interp == '|')
			frames[in.n_interp - 1].code |= 1;
		else
			in.n_interp++;
	}
	return in;
}

static const char *text(size_t count, const char *native)
{
	static char out[MERGE_MAX + 1];
	size_t i;

	assert_true(count <= MERGE_MAX);
	for (i = 0; i < count; i++)
		out[i] = items[i].interp ? (char)('0' + items[i].index) : native[items[i].index];
	out[count] = '\0';
	return out;
}

static const char *merge(const char *native, const char *interp, int how)
{
	struct merge_input in = input(native, interp, how);

	memset(items, 0xff, sizeof(items));
	return text(merge_frames(&in, items, &found), native);
}

static void expect(const char *native, const char *interp, int how, const char *want)
{
	const char *got = merge(native, interp, how);

	if (strcmp(got, want) != 0)
		print_error("%s and %s\n", native, interp);
	assert_string_equal(got, want);
}

/* 3.8 to 3.10: native code calls every frame. */
static void test_one_by_one(void **state)
{
	(void)state;
	expect("lfoEooEoEollll", "0|1|2|", ROOTED, "lf012");
	assert_true(found.merged);
	expect("foEofoEofEolll", "0|1|2|", ROOTED, "f0f1f2");
	assert_true(found.merged);
}

/* 3.11 marks the last frame of a run; from 3.12 on a hidden frame does, to the same effect. */
static void test_runs(void **state)
{
	(void)state;
	expect("lffoEooEolll", "012|34|", ROOTED, "lff01234");
	assert_true(found.merged);
	/* sorted(key=f) and a callback through C code of others */
	expect("loEooEoffEll", "0|12|3456|", ROOTED, "l012ff3456");
	assert_true(found.merged);
	/* a program without a run: native frames alone stay as they are */
	expect("foolEl", "", ROOTED, "foolEl");
	assert_true(found.merged);
	expect("", "01|", ROOTED, "01");
	assert_false(found.merged);
	expect("", "", ROOTED, "");
}

/* The innermost frame stays, whatever it is; above the interpreter's loop everything of others. */
static void test_top(void **state)
{
	(void)state;
	expect("EoEl", "0|1|", ROOTED, "E01");
	expect("ooEoEl", "0|1|", ROOTED, "o01");
	expect("ofopEol", "01|", ROOTED, "ofp01");
	assert_true(found.merged);
}

/* Between interpreter frames plumbing tells nothing; what other libraries do does. */
static void test_between(void **state)
{
	(void)state;
	expect("lEopoEofloEl", "0|1|2|", ROOTED, "l01fl2");
	assert_true(found.merged);
}

/* Where a thread begins is left out, and stays where a program of its own called the interpreter.
 */
static void test_bottom(void **state)
{
	(void)state;
	expect("lEolll", "0|", ROOTED, "l0");
	expect("lEooffll", "0|", ROOTED, "l0ffll");
	expect("lEoopfl", "0|", ROOTED, "l0pfl");
	expect("lEoopl", "0|", ROOTED, "l0");
	assert_true(found.merged);
}

/* A native part that ends early gives the order as far as it goes; the rest follows. */
static void test_early(void **state)
{
	(void)state;
	expect("lfEofEo", "0|12|34|5|", 0, "lf0f12345");
	assert_true(found.merged);
	/* with the root reached the same does not fit */
	expect("lfEofEo", "0|12|34|5|", ROOTED, "lf012345");
	assert_false(found.merged);
	/* interpreter frames that end early leave native ones over */
	expect("lfEofEoEol", "0|12", ROOTED | TRUNCATED, "lf0f12");
	assert_true(found.merged);
	expect("lfEofEoEol", "0|1|", ROOTED, "lf01");
	assert_false(found.merged);
}

/* Found by frame pointer, or the interpreter's loop is not known: one block, as far as certain. */
static void test_block(void **state)
{
	(void)state;
	expect("lfoEofEl", "0|1|", GUESSED, "lf01");
	assert_false(found.merged);
	expect("oEoEl", "0|1|", GUESSED, "o01");
	expect("lfooofol", "0|1|", ROOTED, "lf01");
	assert_false(found.merged);
	expect("lff", "0|1|", GUESSED, "lff01");
}

/* The loop's function runs before its first frame is there and after its last one is gone. */
static void test_pushing(void **state)
{
	(void)state;
	expect("EoEoEl", "01|2|", ROOTED, "E012");
	assert_true(found.merged);
	expect("ooEofEoEl", "01|2|", ROOTED, "of012");
	assert_true(found.merged);
	/* not by code that others called: then it is not known which one is empty */
	expect("foEoEoEl", "01|2|", ROOTED, "f012");
	assert_false(found.merged);
	expect("EoEoEoEl", "01|2|", ROOTED, "E012");
	assert_false(found.merged);
}

/* What a greenlet's frames stand on belongs to another one, and may be no stack at all. */
static void test_switch(void **state)
{
	(void)state;
	expect("lofEoEgogEoffEl", "0|12|", ROOTED, "lf012");
	assert_true(found.merged && found.rooted);
	expect("lofEofEfgogEoffEl", "0|12|", 0, "lf0f12f");
	assert_true(found.merged && found.rooted);
	expect("EofEfgogEoffEl", "0|", 0, "Ef0f");
	assert_true(found.merged && found.rooted);
	expect("lEoEfEg", "0|1|", ROOTED, "l01");
	assert_false(found.merged);
	/* one that only looks on from above is not its beginning */
	expect("lgofEfEll", "0|1|", ROOTED, "lgf0f1");
	assert_true(found.merged && found.rooted);
	expect("lofEofE", "0|12|", 0, "lf0f12");
	assert_false(found.rooted);
	expect("lggll", "", 0, "lggll");
	assert_false(found.rooted);
}

/* The runtime's frames tell their place; more of them at one place, none, and places that are not
 * there. */
static void test_placed(void **state)
{
	struct merge_input in = input("ffff", "012345", ROOTED);
	static const uint32_t tags[] = { 1, 1, 0, 3, 3, 9 };
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		frames[i].tag = tags[i];
	assert_string_equal(text(merge_placed(&in, items), "abcd"), "a01bc34d");
	in.n_interp = 0;
	assert_string_equal(text(merge_placed(&in, items), "abcd"), "abcd");
	in.n_native = 0;
	assert_int_equal(merge_placed(&in, items), 0);
}

/* Whatever the two are, every interpreter frame is shown once, and both in their own order. */
static void test_any(void **state)
{
	uint32_t seed = 4711;
	int round;

	(void)state;
	for (round = 0; round < 100003; round++) {
		struct merge_input in = { .native = kinds, .interp = frames };
		size_t count, i, native = 0, interp = 0;

		in.n_native = (seed = seed * 1664525 + 1013904223) >> 28;
		in.n_interp = (seed = seed * 1664525 + 1013904223) >> 29;
		in.rooted = seed >> 8 & 1;
		in.truncated = seed >> 9 & 1;
		in.guessed = (seed >> 10 & 7) == 0;
		for (i = 0; i < in.n_native; i++)
			kinds[i] = (seed = seed * 1664525 + 1013904223) >> 16 & 1
					   ? MERGE_EVAL
					   : (uint8_t)((seed >> 24) % (MERGE_SWITCH + 1));
		for (i = 0; i < in.n_interp; i++)
			frames[i].code = (seed = seed * 1664525 + 1013904223) >> 30;
		count = merge_frames(&in, items, &found);
		for (i = 0; i < count; i++) {
			if (items[i].interp)
				assert_int_equal(items[i].index, interp++);
			else
				assert_true(items[i].index < in.n_native &&
					    (items[i].index >= native));
			if (!items[i].interp)
				native = items[i].index + 1u;
		}
		assert_int_equal(interp, in.n_interp);
		/* the innermost frame is never left out */
		if (in.n_native)
			assert_true(!items[0].interp && items[0].index == 0);
	}
}

/* The largest stack fits. */
static void test_largest(void **state)
{
	char native[STACK_USER_MAX + 1], interp[2 * STACK_PYTHON_MAX + 1];
	struct merge_input in;
	size_t i;

	(void)state;
	memset(native, 'f', STACK_USER_MAX);
	native[STACK_USER_MAX - 1] = 'E';
	native[STACK_USER_MAX] = '\0';
	memset(interp, '0', sizeof(interp));
	interp[STACK_PYTHON_MAX] = '\0';
	in = input(native, interp, 0);
	assert_int_equal(merge_frames(&in, items, &found), MERGE_MAX - 1);
	for (i = 0; i < STACK_PYTHON_MAX; i++)
		frames[i].tag = 7;
	assert_int_equal(merge_placed(&in, items), MERGE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_by_one), cmocka_unit_test(test_runs),
		cmocka_unit_test(test_top),	   cmocka_unit_test(test_between),
		cmocka_unit_test(test_bottom),	   cmocka_unit_test(test_early),
		cmocka_unit_test(test_block),	   cmocka_unit_test(test_pushing),
		cmocka_unit_test(test_switch),	   cmocka_unit_test(test_placed),
		cmocka_unit_test(test_largest),	   cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
