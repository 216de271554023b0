/* test_demangler.c: readable names through the worker, kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "target/demangle.h"
#include "target/demangler.h"

/* A name is worked out once; what cannot be is shown as it is. */
static void test_names(void **state)
{
	struct demangler *d;
	const char *first;

	(void)state;
	assert_int_equal(demangler_new(&d), 0);
	first = demangler_name(d, "_ZN4shop4CartIiE3addEii");
	assert_string_equal(first, "shop::Cart<int>::add");
	assert_ptr_equal(demangler_name(d, "_ZN4shop4CartIiE3addEii"), first);
	assert_string_equal(demangler_name(d, "_RNvC7mycrate3foo"), "mycrate::foo");
	assert_string_equal(demangler_name(d, "main"), "main");
	assert_string_equal(demangler_name(d, "_ZN4shop"), "_ZN4shop");
	assert_string_equal(demangler_name(d, "_ZN4shop"), "_ZN4shop");
	assert_string_equal(demangler_name(NULL, "_RNvC7mycrate3foo"), "_RNvC7mycrate3foo");
	demangler_free(d);
	demangler_free(NULL);
}

/* One that may have been cut is left alone. */
static void test_long(void **state)
{
	char name[DEMANGLE_INPUT_MAX + 2] = "_Z1fv";
	struct demangler *d;

	(void)state;
	memset(name + 5, 'i', sizeof(name) - 6);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(demangler_new(&d), 0);
	assert_ptr_equal(demangler_name(d, name), name);
	name[sizeof(name) - 2] = '\0';
	assert_string_equal(demangler_name(d, name), "f");
	demangler_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
