/* test_cost.c: a burst may be owed, and is paid back by the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/cost.h"

#define BURST 700u

static void test_burst(void **state)
{
	struct cost c = { 0 };
	uint64_t now = 1000000;
	int n = 0;

	(void)state;
	for (; cost_allowed(&c, now, BURST); n++)
		cost_charge(&c, now, 7);
	assert_int_equal(n, BURST / 7);
	now += 7 * COST_SHARE;
	assert_false(cost_allowed(&c, now - 7 * COST_SHARE, BURST));
	assert_int_equal(cost_due(&c, BURST), now - 7 * COST_SHARE + 1);
	assert_true(cost_allowed(&c, now, BURST));
	cost_charge(&c, now, 7);
	assert_false(cost_allowed(&c, now, BURST));
	now += BURST * COST_SHARE * 3; /* what was not used is not saved */
	for (n = 0; cost_allowed(&c, now, BURST); n++)
		cost_charge(&c, now, 7);
	assert_int_equal(n, BURST / 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_burst) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
