/* test_words.c: names of enums, frames in their two spellings, and cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "output/words.h"

#define FRAME(...) ((struct frame){ .fn = "", .file = "", .module = "", __VA_ARGS__ })
#pragma GCC diagnostic ignored "-Woverride-init" /* the defaults of FRAME */

static void assert_folded(struct frame f, const char *expected)
{
	cleanup(str_releasep) struct str s = { 0 };

	assert_int_equal(frame_folded(&s, &f), 0);
	assert_string_equal(str_text(&s), expected);
}

static void assert_short(struct frame f, const char *expected)
{
	cleanup(str_releasep) struct str s = { 0 };

	assert_int_equal(frame_short(&s, NULL, &f), 0);
	assert_string_equal(str_text(&s), expected);
}

/* Enums read as in the contract, and a number out of range is no crash. */
static void names_are_those_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(class_name(CLASS_RUNQUEUE), "runqueue");
	assert_string_equal(class_name((enum stall_class)77), "unexplained");
	assert_string_equal(target_kind_name(TARGET_NETLINK), "netlink");
	assert_string_equal(target_kind_name((enum target_kind)77), "other");
	assert_string_equal(frame_kind_name(FRAME_JS), "js");
	assert_string_equal(frame_kind_name((enum frame_kind)77), "native");
	assert_string_equal(quality_name(QUALITY_PARTIAL), "partial");
	assert_string_equal(quality_name((enum quality)77), "none");
}

/* The marks of the contract: kernel, JIT, inlined, and a place where there is no name. */
static void folded_frames_carry_their_marks(void **state)
{
	(void)state;
	assert_folded(FRAME(.kind = FRAME_KERNEL, .fn = "tcp_recvmsg"), "tcp_recvmsg_[k]");
	assert_folded(FRAME(.kind = FRAME_NATIVE, .fn = "x", .jit = true), "x_[j]");
	assert_folded(FRAME(.kind = FRAME_NATIVE, .fn = "x", .inlined = true), "x_[i]");
	assert_folded(FRAME(.kind = FRAME_NATIVE, .module = "libpq.so.5", .offset = 0x1a2b),
		      "libpq.so.5+0x1a2b");
	assert_folded(FRAME(.kind = FRAME_NATIVE, .offset = 0x1a2b), "0x1a2b");
	assert_folded(FRAME(.kind = FRAME_NATIVE), "[unknown]");
	assert_folded(FRAME(.kind = FRAME_PYTHON, .fn = "f", .file = "/a/b.py", .line = 41),
		      "f (/a/b.py:41)");
	assert_folded(FRAME(.kind = FRAME_PYTHON, .fn = "f", .file = "/a/b.py"), "f (/a/b.py)");
	assert_folded(FRAME(.kind = FRAME_PYTHON, .fn = "f"), "f");
}

/* What would end a frame or a line cannot come from a name. */
static void folded_frames_hold_no_separator(void **state)
{
	(void)state;
	assert_folded(FRAME(.kind = FRAME_PYTHON, .fn = "a;b\nc", .file = "/x;y\r.py", .line = 1),
		      "a:b c (/x:y .py:1)");
	assert_folded(FRAME(.kind = FRAME_NATIVE, .module = "lib;x\n.so", .offset = 1),
		      "lib:x .so+0x1");
}

/* For people: the line first, the module or the word kernel behind. */
static void short_frames_start_with_the_place(void **state)
{
	(void)state;
	assert_short(FRAME(.kind = FRAME_PYTHON, .fn = "f", .file = "/a/b.py", .line = 41),
		     "b.py:41 f");
	assert_short(FRAME(.kind = FRAME_PYTHON, .fn = "f", .file = "/a/b.py"), "b.py f");
	assert_short(FRAME(.kind = FRAME_NATIVE, .fn = "recv", .module = "libc.so.6"),
		     "recv (libc.so.6)");
	assert_short(FRAME(.kind = FRAME_NATIVE, .fn = "f", .file = "/s/x.c", .line = 3),
		     "x.c:3 f");
	assert_short(FRAME(.kind = FRAME_KERNEL, .fn = "do_wait"), "do_wait (kernel)");
	assert_short(FRAME(.kind = FRAME_NATIVE, .module = "m", .offset = 16), "m+0x10");
}

/* Two frames are one place only if everything a reader sees is the same. */
static void same_frames(void **state)
{
	struct frame a = FRAME(.kind = FRAME_PYTHON, .fn = "f", .file = "/a.py", .line = 1);
	struct frame b = a, c = a;

	(void)state;
	c.line = 2;
	assert_true(frame_same(&a, &b));
	assert_false(frame_same(&a, &c));
	assert_false(frame_same(&a, NULL));
}

/* Cutting counts characters, not bytes, and never splits one. */
static void clip_keeps_characters_whole(void **state)
{
	cleanup(str_releasep) struct str s = { 0 };

	(void)state;
	assert_int_equal(text_columns("h\xc3\xa9llo"), 5);
	assert_int_equal(text_columns("e\xcc\x81"), 1);			   /* e and an accent */
	assert_int_equal(text_columns("\xe6\x97\xa5\xf0\x9f\x90\x8d"), 4); /* a kanji and a snake */
	assert_int_equal(text_clip(&s, "h\xc3\xa9llo", 5), 0);
	assert_string_equal(str_text(&s), "h\xc3\xa9llo");
	str_clear(&s);
	assert_int_equal(text_clip(&s, "h\xc3\xa9llo", 4), 0);
	assert_string_equal(str_text(&s), "h\xc3\xa9..");
	str_clear(&s);
	assert_int_equal(text_clip(&s, "hello", 2), 0);
	assert_string_equal(str_text(&s), "..");
	str_clear(&s);
	assert_int_equal(text_clip(&s, "hello", 1), 0);
	assert_string_equal(str_text(&s), ".");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_contract),
		cmocka_unit_test(folded_frames_carry_their_marks),
		cmocka_unit_test(folded_frames_hold_no_separator),
		cmocka_unit_test(short_frames_start_with_the_place),
		cmocka_unit_test(same_frames),
		cmocka_unit_test(clip_keeps_characters_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
