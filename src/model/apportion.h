/* apportion.h: dividing whole numbers so that nothing is lost.
 *
 * Largest remainder: everyone gets the whole part of its share, what is left goes one by one to the
 * largest remainders, on a tie to the earlier one.  Pure arithmetic; knows nothing of stalls.
 */
#ifndef STALLPROF_MODEL_APPORTION_H
#define STALLPROF_MODEL_APPORTION_H

#include <stddef.h>
#include <stdint.h>

/* Divides total in proportion to the weights; the results sum to total, or are all 0 when no
 * weight is over 0.  weights and ret may be the same array.  0 or -ENOMEM. */
int apportion(const uint64_t *weights, size_t n, uint64_t total, uint64_t *ret);

/* Nanoseconds to microseconds so that the results sum to the whole microseconds of the sum, which
 * must fit 64 bits.  0 or -ENOMEM. */
int round_to_us(const uint64_t *ns, size_t n, uint64_t *ret_us);

#endif
