/* fixtures.h: profiles made by hand for the tests of the writers.
 *
 * Plain data that keeps every promise of profile.h (sums, orders, indexes), so that a writer can be
 * tested without the model.  Built once for each process, never freed.
 */
#ifndef STALLPROF_TESTS_FIXTURES_H
#define STALLPROF_TESTS_FIXTURES_H

#include "model/profile.h"

/* demo empty healthy hostile offcpu; NULL for any other name. */
const struct profile *fixture_find(const char *name);

/* Names in order; NULL after the last. */
const char *fixture_name(unsigned index);

#endif
