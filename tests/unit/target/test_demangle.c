/* test_demangle.c: names of C++ and Rust, and names made to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "target/demangle.h"

static const char *shown(const char *name)
{
	static char text[DEMANGLE_OUTPUT_ROOM];
	int r = demangle(name, text, sizeof(text));

	return r == 0 ? text : r == -EINVAL ? "invalid" : "too long";
}

/* Templates stay, parameters, return types, hashes and compilers' suffixes go. */
static void test_names(void **state)
{
	(void)state;
	assert_string_equal(shown("_ZN4shop4CartIiE3addEii"), "shop::Cart<int>::add");
	assert_string_equal(shown("_ZSt4sortIPiEvT_S1_"), "std::sort<int*>");
	assert_string_equal(shown("_ZN4ShopC1Ev"), "Shop::Shop");
	assert_string_equal(shown("_ZN4shoplsERSoi"), "shop::operator<<");
	assert_string_equal(shown("_ZN3foo3barEv.cold"), "foo::bar");
	assert_string_equal(shown("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE"),
			    "core::fmt::Formatter::write_str");
	assert_string_equal(shown("_ZN3std2io5Write9write_all17h0123456789abcdefE.llvm.99"),
			    "std::io::Write::write_all");
	assert_string_equal(shown("_RNvC7mycrate3foo"), "mycrate::foo");
	assert_string_equal(shown("_RNvNtCs1234_7mycrate3bar3foo.llvm.123"), "mycrate::bar::foo");
	assert_string_equal(shown("_RNvXsf_NtCs8NwYtU1Mohg_4core3fmtbNtB5_5Debug3fmt"),
			    "<bool as core::fmt::Debug>::fmt");
}

/* What is not mangled, or damaged, is refused. */
static void test_refused(void **state)
{
	char name[DEMANGLE_INPUT_MAX + 2] = "_ZN", room[8];
	size_t len;

	(void)state;
	assert_true(demangle_wanted("_Zx"));
	assert_true(demangle_wanted("_Rx"));
	assert_false(demangle_wanted("main"));
	assert_false(demangle_wanted("_"));
	assert_false(demangle_wanted(""));
	assert_string_equal(shown("main"), "invalid");
	assert_string_equal(shown("_Z"), "invalid");
	assert_string_equal(shown("_R"), "invalid");
	assert_string_equal(shown("_ZN4shop"), "invalid");
	assert_string_equal(shown("_Z99999999999999999999f"), "invalid");
	memset(name + 3, 'a', sizeof(name) - 4);
	name[sizeof(name) - 1] = '\0';
	assert_string_equal(shown(name), "too long");
	/* a result that just fits, and one that just does not */
	assert_int_equal(demangle("_Z7abcdefgv", room, sizeof(room)), 0);
	assert_string_equal(room, "abcdefg");
	for (len = 2; len < sizeof(room); len++)
		assert_int_equal(demangle("_Z7abcdefgv", room, len), -E2BIG);
}

/* Too long with all arguments: those of arguments are cut, operators and the method stay. */
static void test_shortened(void **state)
{
	static const char name[] = "_ZN1AI1BI1CE1DIiEElsI1EIiEEEvv";
	char room[64];

	(void)state;
	assert_int_equal(demangle(name, room, sizeof(room)), 0);
	assert_string_equal(room, "A<B<C>, D<int> >::operator<< <E<int> >");
	assert_int_equal(demangle("_ZN1AI20bcdefghijklmnopqrstuIiEE3endEv", room, 32), -E2BIG);
	assert_int_equal(demangle("_ZN1AI1BI20bcdefghijklmnopqrstuEE3endEv", room, 20), 0);
	assert_string_equal(room, "A<B<...> >::end");
	assert_int_equal(demangle("_ZN1AI1BI20bcdefghijklmnopqrstuEElsI1CEEvv", room, 32), 0);
	assert_string_equal(room, "A<B<...> >::operator<< <C>");
	assert_int_equal(demangle("_ZN1AI1BI20bcdefghijklmnopqrstuEEptEv", room, 28), 0);
	assert_string_equal(room, "A<B<...> >::operator->");
	assert_int_equal(demangle("_RINvC1a1fINtC1b1CFmEhEE", room, sizeof(room)), 0);
	assert_string_equal(room, "a::f::<b::C<fn(u32) -> u8>>");
	assert_int_equal(demangle("_RINvC1a1fINtC1b1CFmEhEE", room, 20), 0);
	assert_string_equal(room, "a::f::<b::C<...>>");
}

static size_t add(char *text, size_t at, const char *format, int a)
{
	return at + (size_t)sprintf(text + at, format, a);
}

/* Each argument holds the one before it twice: 2^n bytes, of which no more are made than are shown.
 */
static void test_doubling(void **state)
{
	char name[DEMANGLE_INPUT_MAX + 1] = "_Z1fI1PI1aS0_ES_IS0_S0_E";
	struct timespec from, to;
	size_t at = strlen(name);
	int i;

	(void)state;
	for (i = 1; i < 30; i++) {
		char digit = i < 10 ? '0' + i : 'A' + i - 10;

		at = add(name, at, "S_IS%c", digit);
		at = add(name, at, "_S%c_E", digit);
	}
	strcpy(name + at, "Evv");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	shown(name);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	assert_true(to.tv_sec - from.tv_sec < 2);
}

/* Nesting as deep as the input allows neither overflows the stack nor takes long. */
static void test_deep(void **state)
{
	static const char *const units[] = { "P", "K", "1AI", "NS", "R", "F", "IX", "DpT_" };
	char name[DEMANGLE_INPUT_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t at = add(name, 0, "_Z1f", 0), len = strlen(units[i]);

		while (at + len < sizeof(name)) {
			memcpy(name + at, units[i], len);
			at += len;
		}
		name[at] = '\0';
		shown(name);
		name[1] = 'R';
		shown(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_shortened), cmocka_unit_test(test_doubling),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
