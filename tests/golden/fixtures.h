/* fixtures.h: profiles for the tests of the writers.
 *
 * Some are made by hand: plain data that keeps every promise of profile.h (sums, orders, indexes).
 * The others are what the model makes of a capture that was made up.  Built once for each process,
 * never freed.
 */
#ifndef STALLPROF_TESTS_FIXTURES_H
#define STALLPROF_TESTS_FIXTURES_H

#include "model/profile.h"

/* demo empty healthy hostile offcpu tasks no-tasks gil pools noloop lies late; NULL for any other
 * name. */
const struct profile *fixture_find(const char *name);

/* Names in order; NULL after the last. */
const char *fixture_name(unsigned index);

#endif
